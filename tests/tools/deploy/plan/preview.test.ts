import assert from "node:assert/strict";

import { EngineEvent } from "@pulumi/pulumi/automation";

import { previewText } from "../../../../tools/deploy/plan/preview";
import { PulumiError } from "../../../../tools/deploy/pulumi/process";
import { loadTarget } from "../../../../tools/deploy/pulumi/target";
import { CONTAINER, StackState } from "../../../../tools/deploy/pulumi/state";
import "../../../support/no-docker-context";
import { digestOf } from "../../../support/raw-config";
import { CURRENT, STACK, stateOf, withValues } from "../fake-run";

const SECRET = "dev-only-a-canary-of-a-key-000000";
const config = withValues({ "pinned-stack:n8nEncryptionKey": SECRET });
const loaded = loadTarget(STACK, CURRENT);
const said = (severity: string, message: string): EngineEvent =>
  ({ diagnosticEvent: { severity, message } }) as EngineEvent;
const replaced = (name: string, from: string, to: string, ...diffs: string[]): EngineEvent =>
  ({
    resourcePreEvent: {
      metadata: {
        op: "create-replacement",
        urn: `urn:pulumi:${STACK}::pinned-stack::${CONTAINER}::${STACK}-${name}`,
        type: CONTAINER,
        old: { inputs: { image: from } },
        new: { inputs: { image: to } },
        diffs,
      },
    },
  }) as unknown as EngineEvent;

const preview = (
  events: readonly EngineEvent[],
  { failure, state = stateOf(loaded.model) }: { failure?: string; state?: StackState } = {},
): Promise<string> =>
  previewText(
    {
      config: () => Promise.resolve(config),
      state: () => Promise.resolve(state),
      preview: ({ onEvent }) => {
        for (const event of events) onEvent?.(event);
        return failure === undefined
          ? Promise.resolve(events)
          : Promise.reject(new PulumiError(failure));
      },
    },
    loaded,
    () => Promise.resolve({ homepage: "rebuild", traefik: "upgrade" }),
    new AbortController().signal,
  );

describe("what npm run preview shows first", function () {
  this.timeout(30_000);

  it("names a command that goes, which is no difference for the provider", async () => {
    const event = replaced("homepage", "nginx:1.27-alpine", "nginx:1.27-alpine");
    const { metadata } = (event as { resourcePreEvent: { metadata: { old: object } } })
      .resourcePreEvent;
    metadata.old = { inputs: { image: "nginx:1.27-alpine", command: ["-g", "x"] } };
    assert.match(await preview([event]), /homepage +replaced +configuration: command\n/);
  });

  it("is each change to decide on: image and its kind, configuration, order, interruption", async () => {
    const nginx = (digit: string): string => `nginx:1.27-alpine@${digestOf(digit)}`;
    const traefik = (tag: string, digit: string): string => `traefik:${tag}@${digestOf(digit)}`;
    const text = await preview([
      replaced("homepage", nginx("1"), nginx("2"), "image", "volumes"),
      replaced("traefik", traefik("v3.6.4", "3"), traefik("v3.7.17", "4"), "image", "memory"),
    ]);
    assert.equal(
      text.replace(/^( {2}\S+) +(\S+) +/gm, "$1 $2 ").replace(/^ {10,}(\S+) +/gm, "    $1 "),
      `stack dev:
  traefik replaced traefik:v3.6.4@333333333333 → traefik:v3.7.17@444444444444 (minor); configuration: memory
    stop-first publishes 127.0.0.1:8080; interruption: from the stop (at most 20 s) until the new container is healthy; every service is unreachable meanwhile
  homepage replaced nginx:1.27-alpine@111111111111 → nginx:1.27-alpine@222222222222 (digest, rebuild); configuration: files
    start-first no published port, no writable volume; interruption: none: the old container serves until the new one is healthy
  first: the new traefik must work on a copy of the data`,
    );
  });

  it("has each warning once, on a line, and no secret", async () => {
    const text = await preview([
      said("warning", `moved\n  and ${SECRET}`),
      said("warning", `moved\n  and ${SECRET}`),
    ]);
    assert.deepEqual(text.split("\n").slice(1), [
      "  no container changes",
      "  warning: moved and [secret]",
    ]);
  });

  it("says what becomes weaker", async () => {
    const [first, ...others] = loaded.model.containers;
    assert.ok(first);
    const stricter = {
      ...first,
      controls: { ...first.controls, outsideNetworks: [] },
      networks: [],
    };
    const networks = loaded.model.networks.filter(({ name }) => name !== "edge");
    const state = stateOf({ ...loaded.model, networks, containers: [stricter, ...others] });
    assert.match(await preview([], { state }), /^ {2}WEAKER: traefik has access to .* edge/m);
  });

  it("is Pulumi's errors, one line each, where it can make no plan", async () => {
    await assert.rejects(
      preview([said("error", `one:\n  ${SECRET}`), said("error", "preview failed")], {
        failure: "350 lines",
      }),
      (error: unknown) => {
        assert.ok(error instanceof Error && "exitCode" in error);
        assert.deepEqual([error.message, error.exitCode], ["one: [secret]", 1]);
        return true;
      },
    );
    await assert.rejects(
      preview([], { failure: "no passphrase" }),
      /^CommandError: no passphrase$/,
    );
  });
});
