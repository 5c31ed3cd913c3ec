import assert from "node:assert/strict";

import { StackContainer } from "../../../../components/model";
import { PlainConfig } from "../../../../config/file/edit";
import { withUpgradedFrom, orphanedVolumes } from "../../../../tools/deploy/plan/orphaned-volumes";
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
const format = (version: number) => ({ postgres: { version, user: "70:70" } });
const config = (tag: string, services?: object): PlainConfig => ({
  values: {
    "pinned-stack:images": JSON.stringify({
      postgres: `postgres:${tag}@sha256:${"a".repeat(64)}`,
    }),
    ...(services !== undefined && { "pinned-stack:services": JSON.stringify(services) }),
  },
  secretKeys: [],
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

  it("is meant on the way back over a major version", () => {
    const services = { postgres: { memoryMiB: 512 }, n8n: { enabled: true } };
    const back = withUpgradedFrom(config("16-alpine", services), format(17));
    assert.deepEqual(JSON.parse(back.values["pinned-stack:services"] ?? ""), {
      postgres: { memoryMiB: 512, upgradedFrom: 17 },
      n8n: { enabled: true },
    });
    assert.deepEqual(
      JSON.parse(
        withUpgradedFrom(config("16-alpine"), format(17)).values["pinned-stack:services"] ?? "",
      ),
      { postgres: { upgradedFrom: 17 } },
    );
  });

  it("has nothing to do with a way back inside one major version, or without PostgreSQL", () => {
    const same = config("16-alpine");
    assert.equal(withUpgradedFrom(same, format(16)), same);
    assert.equal(withUpgradedFrom(same, {}), same);
    const without = { values: {}, secretKeys: [] };
    assert.equal(withUpgradedFrom(without, format(16)), without);
  });
});
