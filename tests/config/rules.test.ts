import assert from "node:assert/strict";

import { parseConfig } from "../../config/config";
import { warningsOf } from "../../config/rules";
import { IMAGES, rawConfig } from "../support/raw-config";

const warnings = (values: Readonly<Record<string, unknown>>): readonly string[] =>
  warningsOf(parseConfig(rawConfig(values))).map(
    ({ service, message }) => `${service ?? "all"}: ${message}`,
  );

describe("a configuration that is allowed", () => {
  it("gets a warning for each service that nobody would reach", () => {
    assert.deepEqual(warnings({ services: { cadvisor: { enabled: true } } }), [
      "portainer: adminAllow is empty, so nobody reaches portainer; list the networks of your administrators, such as [192.0.2.0/24], or set services.portainer.enabled: false",
      "cadvisor: adminAllow is empty, so nobody reaches cadvisor; list the networks of your administrators, such as [192.0.2.0/24], or set services.cadvisor.enabled: false",
    ]);
  });

  const reached = { adminAllow: ["192.0.2.0/24"] };
  const login = { username: "a", password: "canary" };
  const NAMED = "docker.io, ghcr.io, localhost:5000";
  const images = { ...IMAGES, homepage: "localhost:5000/site:1" };

  it("gets a warning for each registry whose settings reach no image", () => {
    const registries = {
      "ghcr.io": login,
      "docker.io": login,
      "quay.io": login,
      "gcr.io": login,
      "localhost:500": { insecure: true },
    };
    assert.deepEqual(warnings({ ...reached, images, registries }), [
      `all: registries.quay.io: no image of this stack is there, they are on ${NAMED}; correct the name or remove the line`,
      `all: registries.gcr.io: no image of this stack is there, they are on ${NAMED}; correct the name or remove the line`,
      `all: registries.localhost:500: no image of this stack is there, they are on ${NAMED}; correct the name or remove the line`,
    ]);
  });

  it("gets none for what may be the token service of a registry that speaks plain http", () => {
    const registries = {
      "localhost:5000": { insecure: true },
      "localhost:5001": { insecure: true },
    };
    assert.deepEqual(warnings({ ...reached, images, registries }), []);
  });

  it("gets none for a line without settings: it names a host that registries may point to", () => {
    const registries = { "tokens.example.test": {}, "10.0.0.6:5001": { insecure: false } };
    assert.deepEqual(warnings({ ...reached, images, registries }), []);
    const plain = { "localhost:5000": { insecure: true }, "quay.io": { insecure: true, ...login } };
    assert.equal(warnings({ ...reached, images, registries: plain }).length, 1);
  });

  it("gets none where somebody reaches them, or where they are off", () => {
    assert.deepEqual(warnings({ adminAllow: ["192.0.2.0/24"] }), []);
    assert.deepEqual(warnings({ services: { portainer: { enabled: false } } }), []);
  });
});
