import assert from "node:assert/strict";

import { imageStep } from "../../../../tools/deploy/plan/image-step";
import { digestOf } from "../../../support/raw-config";

describe("the kind of an image change", () => {
  const pinned = (image: string, digit: string): string => `${image}@${digestOf(digit)}`;
  for (const [from, to, step] of [
    ["n8n:1.64.2", "n8n:2.40.7", "major"],
    ["postgres:16-alpine", "postgres:17-alpine", "major"],
    ["traefik:v3.6.4", "traefik:v3.7.17", "minor"],
    ["cadvisor:v0.49.1", "cadvisor:v0.60.0", "minor"],
    ["traefik:v3.6.4", "traefik:v3.6.25", "patch"],
    ["nginx:1.30.7", "nginx:1.30.6", "older"],
    ["nginx:1.27-alpine", "nginx:1.27-alpine", "digest"],
    ["nginx:1.27-alpine", "nginx:1.27-bookworm", "other tag"],
    ["nginx:1.27", "nginx:1.27.5", "other tag"],
    ["nginx:latest", "nginx:1.27", "other tag"],
    ["nginx:1.27", "other/nginx:1.28", "other image"],
    ["ghcr.io/a/b:1.0", "quay.io/a/b:1.0", "other image"],
  ] as const)
    it(`is ${step} from ${from} to ${to}`, () => {
      assert.equal(imageStep(pinned(from, "1"), pinned(to, "2")), step);
    });
});
