import assert from "node:assert/strict";

import { maskOf } from "../../../text/redact";
import { errorLines, progressLine } from "../../../tools/deploy/pulumi/events";
import { findOrphans, removeScript, isStateStale } from "../../../tools/deploy/host/orphans";
import { parseState } from "../../../tools/deploy/pulumi/state";
import { safeReporter } from "../../../tools/deploy/console";
import type { Inventory, LiveContainer } from "../../../tools/deploy/host/inventory";
import type { EngineEvent } from "@pulumi/pulumi/automation";

const event = (value: object): EngineEvent => value as EngineEvent;
const urn = (name: string): string => `urn:pulumi:s::p::docker:index/container:Container::${name}`;
const live = (id: string, change: Partial<LiveContainer> = {}): LiveContainer =>
  ({
    id,
    name: id,
    labels: {
      "pinned-stack.stack": "s",
      "pinned-stack.role": "service",
      "pinned-stack.container": id,
    },
    state: { Status: "running", ExitCode: 0, Health: { Status: "healthy" } },
    ...change,
  }) as LiveContainer;
const inventory = (...containers: readonly LiveContainer[]): Inventory => ({
  containers,
  networks: [],
  limits: { memory: true, swap: true, processes: true },
});

describe("what is printed", () => {
  it("hides secrets in every spelling, the longer of two first", () => {
    const mask = maskOf(['pass"word/1', 'pass"word/1-more', "short"]);
    assert.equal(mask('a pass"word/1-more b pass"word/1'), "a [secret] b [secret]");
    assert.equal(
      mask('pass\\"word/1 pass%22word%2F1 cGFzcyJ3b3JkLzE='),
      "[secret] [secret] [secret]",
    );
    assert.equal(mask("short words stay"), "short words stay");
  });

  it("gives no orders to the terminal", () => {
    const said: string[] = [];
    const keep = (text: string): void => void said.push(text);
    const reporter = safeReporter({ log: keep, stage: keep, show: keep }, maskOf(["the-password"]));
    reporter.log("the-\u001b[0mpassword");
    reporter.stage("the-password");
    reporter.show("the-password\u0007");
    assert.deepEqual(said, ["[secret]", "[secret]", "[secret]"]);
  });

  const metadata = (op: string, name = "s-app"): object => ({
    op,
    urn: urn(name),
    type: "docker:index/container:Container",
  });
  for (const [given, line] of [
    [{ resourcePreEvent: { metadata: metadata("create-replacement") } }, "starting the new s-app"],
    [
      { resOutputsEvent: { metadata: metadata("delete-replaced") } },
      "removing the old s-app: done",
    ],
    [{ resOpFailedEvent: { metadata: metadata("create") } }, "starting s-app: failed"],
    [{ resourcePreEvent: { metadata: metadata("same") } }, undefined],
    [{ resourcePreEvent: { metadata: metadata("create", "s-app-files-init") } }, undefined],
    [{ diagnosticEvent: {} }, undefined],
  ] as const)
    it(`tells progress: ${line ?? "nothing"}`, () => {
      assert.equal(progressLine(event(given)), line);
    });

  it("says each error of the engine once, and not that there was one", () => {
    const error = (message: string, at?: string): EngineEvent =>
      event({ diagnosticEvent: { severity: "error", message, urn: at } });
    assert.deepEqual(
      errorLines([
        error("one\n  two\n", urn("s-app")),
        error("one\n  two\n", urn("s-app")),
        error("update failed"),
        event({ diagnosticEvent: { severity: "debug", message: "x" } }),
      ]),
      ["s-app: one two"],
    );
  });

  it("says an error of the provider once, without the lines of its source", () => {
    const error = (message: string): EngineEvent =>
      event({ diagnosticEvent: { severity: "error", message, urn: urn("s-app") } });
    assert.deepEqual(
      errorLines([
        error(
          "sdk-v2/provider2.go:571: sdk.helper_schema: container failed: provider=docker@5.2.0",
        ),
        error(
          `1 error occurred:\n\t* creating ${urn("s-app")}: 1 error occurred:\n\t* container failed\n\n`,
        ),
        error("1 error occurred:\n\t* another\n\n"),
      ]),
      ["s-app: container failed", "s-app: another"],
    );
  });
});

describe("what a run that was cut off left", () => {
  const state = parseState({
    deployment: {
      resources: [
        { urn: urn("s-app"), type: "docker:index/container:Container", id: "known" },
        {
          urn: urn("s-loader"),
          type: "docker:index/container:Container",
          id: "gone",
          inputs: { mustRun: false },
        },
      ],
      pending_operations: [{ type: "creating", resource: { urn: urn("s-new") } }],
    },
  });

  it("is pending in the state", () => {
    assert.deepEqual(state.pending, ["creating s-new"]);
  });

  it("is a container with the stack's label that the state does not know", () => {
    const stranger = live("stranger", { labels: {} });
    const found = findOrphans(state, inventory(live("known"), live("left"), stranger), "s");
    assert.deepEqual(found, [{ kind: "container", id: "left", name: "left" }]);
    assert.equal(
      removeScript(found),
      "docker rm -f 'left' >/dev/null || ! docker inspect 'left' >/dev/null 2>&1\n",
    );
  });

  it("makes the state stale when one of its containers is away or stopped; loaders may be", () => {
    assert.equal(isStateStale(state, inventory(live("known"))), false);
    assert.equal(isStateStale(state, inventory()), true);
    const stopped = live("known", { state: { Status: "exited", ExitCode: 1, Health: undefined } });
    assert.equal(isStateStale(state, inventory(stopped)), true);
  });
});
