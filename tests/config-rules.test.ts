import assert from "node:assert/strict";

import { parseConfig } from "../config";
import { warningsOf } from "../config-rules";
import { rawConfig } from "./support/raw-config";

const warnings = (values: Readonly<Record<string, unknown>>): readonly string[] =>
  warningsOf(parseConfig(rawConfig(values))).map(
    ({ service, message }) => `${service}: ${message}`,
  );

describe("a configuration that is allowed", () => {
  it("gets a warning for each service that nobody would reach", () => {
    assert.deepEqual(warnings({ services: { cadvisor: { enabled: true } } }), [
      "portainer: adminAllow is empty, so nobody reaches portainer; list the networks of your administrators, such as [192.0.2.0/24], or set services.portainer.enabled: false",
      "cadvisor: adminAllow is empty, so nobody reaches cadvisor; list the networks of your administrators, such as [192.0.2.0/24], or set services.cadvisor.enabled: false",
    ]);
  });

  it("gets none where somebody reaches them, or where they are off", () => {
    assert.deepEqual(warnings({ adminAllow: ["192.0.2.0/24"] }), []);
    assert.deepEqual(warnings({ services: { portainer: { enabled: false } } }), []);
  });
});
