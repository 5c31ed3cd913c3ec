import assert from "node:assert/strict";

import { withRecordedOutputs } from "../../../../tools/deploy/pulumi/state";

const CONTAINER = "hardened:docker:Container";
const exported = (...resources: readonly object[]): object => ({
  version: 3,
  deployment: { manifest: { version: "v3.259.0" }, resources },
});
const component = (name: string, image: string, more: object = {}): object => ({
  urn: `urn:pulumi:s::pinned-stack::${CONTAINER}::${name}`,
  type: CONTAINER,
  outputs: { containerId: `id-${name}`, model: { image } },
  ...more,
});
const command = (stdin: string): object => ({
  urn: "urn:pulumi:s::pinned-stack::command:local:Command::s-routes-write",
  type: "command:local:Command",
  id: "write-1",
  inputs: { stdin },
  outputs: { stdin, stdout: "" },
});

describe("the state after an update of some resources only", () => {
  it("has what these have now, and what the components of the others had recorded", () => {
    const before = exported(component("web", "web:2"), command("new"));
    const after = exported(
      component("web", "web:1", { modified: "2026-01-02" }),
      component("added", "added:1"),
      command("old"),
    );
    assert.deepEqual(
      withRecordedOutputs(before, after),
      exported(
        component("web", "web:2", { modified: "2026-01-02" }),
        component("added", "added:1"),
        command("old"),
      ),
    );
  });

  it("stays as it is where nothing else was recorded", () => {
    const before = exported(component("web", "web:1"), command("new"));
    assert.equal(
      withRecordedOutputs(before, exported(component("web", "web:1"), command("old"))),
      undefined,
    );
  });

  it("is left alone where there was none before", () => {
    assert.equal(withRecordedOutputs({ deployment: null }, exported(command("old"))), undefined);
  });
});
