import assert from "node:assert/strict";

import { lostVolumes, majorChange } from "../../deploy/losses";
import { parseState } from "../../deploy/state";
import { VOLUME } from "../../model/synth";

const urn = (name: string): string => `urn:pulumi:s::pinned-stack::${VOLUME}::${name}`;
const state = parseState({
  deployment: {
    resources: [
      { urn: urn("s-n8n-data"), type: VOLUME, protect: true, inputs: { name: "s-n8n-data" } },
      { urn: urn("s-n8n-files"), type: VOLUME, inputs: {} },
    ],
  },
});
const image = (tag: string): Record<string, string> => ({
  postgres: `postgres:${tag}@sha256:${"a".repeat(64)}`,
});

describe("what a deployment would take away", () => {
  it("is a protected volume that nothing declares, and no other", () => {
    assert.deepEqual(lostVolumes(state, { resources: [] }), [
      { urn: urn("s-n8n-data"), name: "s-n8n-data" },
    ]);
  });

  it("is nothing while the volume is declared", () => {
    const kept = { type: VOLUME, name: "s-n8n-data", custom: true, inputs: {}, dependsOn: [] };
    assert.deepEqual(lostVolumes(state, { resources: [kept] }), []);
  });

  for (const [from, to] of [
    ["16-alpine", "16.4-alpine"],
    ["16-alpine", "16-alpine"],
  ] as const)
    it(`lets PostgreSQL go from ${from} to ${to}`, () => {
      assert.equal(majorChange("s", image(from), image(to)), undefined);
    });

  it("refuses another major version of PostgreSQL, with the steps", () => {
    const text = majorChange("s", image("16-alpine"), image("17-alpine")) ?? "";
    assert.match(
      text,
      /^images\.postgres: PostgreSQL 17 cannot read the data of PostgreSQL 16, which runs; nothing was changed/,
    );
    assert.match(text, /npm run deploy -- --stack s --dump/);
  });

  it("lets it go on where the configuration says that it is meant", () => {
    assert.equal(majorChange("s", image("16-alpine"), image("17-alpine"), 16), undefined);
    assert.notEqual(majorChange("s", image("16-alpine"), image("17-alpine"), 15), undefined);
  });

  it("lets PostgreSQL come and go", () => {
    assert.equal(majorChange("s", {}, image("17-alpine")), undefined);
    assert.equal(majorChange("s", image("16-alpine"), {}), undefined);
  });
});
