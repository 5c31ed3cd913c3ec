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
      "hardened.role": "container",
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

  const CONTAINER = "docker:index/container:Container";
  const COMMAND = "command:local:Command";
  const IMAGE = "docker:index/remoteImage:RemoteImage";
  const of = (type: string, name: string): string => `urn:pulumi:s::p::c$${type}::${name}`;
  const step = (op: string, name = "s-app-start", type = COMMAND): object => ({
    metadata: { op, urn: of(type, name), type },
  });
  const said = (severity: string, message: string, at?: string): object => ({
    diagnosticEvent: { severity, message, urn: at },
  });
  for (const [given, line] of [
    [{ resourcePreEvent: step("create") }, "starting s-app"],
    [{ resourcePreEvent: step("create-replacement") }, "starting the new s-app"],
    [{ resOutputsEvent: step("create-replacement") }, "starting the new s-app: done"],
    [{ resOpFailedEvent: step("create-replacement") }, "starting the new s-app: failed"],
    [{ resourcePreEvent: step("update") }, "checking s-app"],
    [{ resourcePreEvent: step("delete-replaced") }, undefined],
    [{ resourcePreEvent: step("create", "s-trial") }, undefined],
    [{ resourcePreEvent: step("create", "s-socket-group") }, undefined],
    [{ resourcePreEvent: step("create", "s-app", CONTAINER) }, undefined],
    [{ resourcePreEvent: step("create-replacement", "s-app", CONTAINER) }, undefined],
    [
      { resOutputsEvent: step("delete-replaced", "s-app", CONTAINER) },
      "removing the old s-app: done",
    ],
    [{ resourcePreEvent: step("create", "s-app", IMAGE) }, undefined],
    [{ resOpFailedEvent: step("create", "s-app", IMAGE) }, "pulling image of s-app: failed"],
    [{ resourcePreEvent: step("same") }, undefined],
    [said("info", "app: works\n", of(COMMAND, "s-trial")), "app: works"],
    [said("info#err", "  | indented\n", of(COMMAND, "s-app-start")), "  | indented"],
    [said("error", "exit status 1", of(COMMAND, "s-trial")), undefined],
    [said("debug", "a detail", of(COMMAND, "s-trial")), undefined],
    [said("info", "of a provider", of(CONTAINER, "s-app")), undefined],
    [said("info", "of the program"), undefined],
    ...[
      "mux_client_request_session: session request failed: Session open refused by peer\n",
      "ControlSocket /root/.ssh/pinned-63ad8b18-ebc6 already exists, disabling multiplexing\n",
    ].map((text) => [said("info#err", text, of(COMMAND, "s-app-start")), undefined] as const),
  ] as const)
    it(`tells progress: ${line ?? `nothing of ${JSON.stringify(given)}`}`, () => {
      assert.equal(progressLine(event(given)), line);
    });

  const failed = 'exit status 1: running "sh -s":';
  for (const [what, message, lines] of [
    [
      "what a script said, line by line",
      `${failed}\napp: is exited\n\n  | a log line\n`,
      ["app: is exited", "  | a log line"],
    ],
    ["a refusal by itself", `${failed}\nREFUSED: no room\n`, ["REFUSED: no room"]],
    [
      "the error of another command in one line",
      "exit status 1: x\n  y",
      ["s-app: exit status 1: x y"],
    ],
  ] as const)
    it(`says ${what}`, () => {
      assert.deepEqual(errorLines([event(said("error", message, urn("s-app")))]), lines);
    });

  it("says each error of the engine once, and not that there was one", () => {
    const error = (message: string, at?: string): EngineEvent => event(said("error", message, at));
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

  it("says first, in a line of its own, that a provider was killed, and keeps what it said", () => {
    const page = (said: string): string =>
      `Detected that /home/u/.pulumi/plugins/resource-docker-v5.2.0/pulumi-resource-docker exited prematurely. \n       This is *always* a bug in the provider. Please report the issue to the provider author as appropriate.\n       To assist with debugging we have dumped the STDOUT and STDERR streams of the plugin:\n\n${said}`;
    const own =
      "Pulumi's provider docker was killed or crashed; check that this machine has free memory, and deploy again";
    const lost = event(said("error", "error reading from server: EOF\n", urn("s-app")));
    const errors = (text: string): string[] =>
      errorLines([lost, event(said("error", "update failed")), event(said("error", page(text)))]);
    assert.deepEqual(errors(""), [own, "s-app: error reading from server: EOF"]);
    assert.deepEqual(errors("panic: oh\n  main.go:7\n"), [
      own,
      "s-app: error reading from server: EOF",
      "docker: panic: oh main.go:7",
    ]);
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
          urn: urn("s-web"),
          type: "docker:index/container:Container",
          id: "web",
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
      "docker rm -f -v 'left' >/dev/null || ! docker inspect 'left' >/dev/null 2>&1\n",
    );
  });

  it("makes the state stale when one of its containers is missing, not when it is stopped", () => {
    const both = [live("known"), live("web")];
    assert.equal(isStateStale(state, inventory(...both)), false);
    assert.equal(isStateStale(state, inventory(live("known"))), true);
    assert.equal(isStateStale(state, inventory()), true);
    const stopped = both.map((one) => ({
      ...one,
      state: { Status: "exited", ExitCode: 1, Health: undefined },
    }));
    assert.equal(isStateStale(state, inventory(...stopped)), false);
  });
});
