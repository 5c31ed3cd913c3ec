import assert from "node:assert/strict";

import { EngineEvent } from "@pulumi/pulumi/automation";

import { warningLines } from "../../../../tools/deploy/pulumi/events";

const said = (message: string): EngineEvent =>
  ({ diagnosticEvent: { severity: "warning", message } }) as EngineEvent;
const moved = (age: string): EngineEvent =>
  said(
    `images.traefik: traefik:v3 moved (rebuild, built ${age} ago) from sha256:${"a".repeat(64)} to sha256:${"b".repeat(64)}; the pin stays\n`,
  );

describe("the warnings of a plan", () => {
  it("name a moved tag once, with short digests", () => {
    assert.deepEqual(
      warningLines([moved("59 minutes"), moved("1 hour"), said("a (1)"), said("a (2)")]),
      [
        `images.traefik: traefik:v3 moved (rebuild, built 59 minutes ago) from sha256:${"a".repeat(12)} to sha256:${"b".repeat(12)}; the pin stays`,
        "a (1)",
        "a (2)",
      ],
    );
  });
});
