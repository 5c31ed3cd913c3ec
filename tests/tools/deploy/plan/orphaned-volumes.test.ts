import assert from "node:assert/strict";

import { StackContainer } from "../../../../components/model";
import { orphanedVolumes } from "../../../../tools/deploy/plan/orphaned-volumes";
import { parseState, VOLUME } from "../../../../tools/deploy/pulumi/state";

const urn = (name: string): string => `urn:pulumi:s::pinned-stack::${VOLUME}::${name}`;
const state = parseState({
  deployment: {
    resources: [
      { urn: urn("s-n8n-data"), type: VOLUME, protect: true, inputs: { name: "s-n8n-data" } },
      { urn: urn("s-n8n-files"), type: VOLUME, inputs: {} },
    ],
  },
});

describe("what a deployment would take away", () => {
  it("is a protected volume that nothing declares, and no other", () => {
    assert.deepEqual(orphanedVolumes(state, { stack: "s", containers: [] }), [
      { urn: urn("s-n8n-data"), name: "s-n8n-data" },
    ]);
  });

  it("is nothing while the volume is declared", () => {
    const mounts = [{ kind: "data", volume: "n8n-data", path: "/data", chown: false }] as const;
    const kept = { mounts } as unknown as StackContainer;
    assert.deepEqual(orphanedVolumes(state, { stack: "s", containers: [kept] }), []);
  });
});
