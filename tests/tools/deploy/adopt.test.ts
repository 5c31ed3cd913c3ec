/** A deployment after the loss of Pulumi's state, with a fake engine and a fake host that still has everything. */
import assert from "node:assert/strict";

import { EngineEvent } from "@pulumi/pulumi/automation";

import { ADOPT, adoptionOf } from "../../../tools/deploy/adopt";
import { Refused } from "../../../tools/deploy/context";
import { Inventory, parseInventory } from "../../../tools/deploy/host/inventory";
import { loadTarget } from "../../../tools/deploy/pulumi/target";
import { CONTAINER, NETWORK, parseState, StackState } from "../../../tools/deploy/pulumi/state";
import "../../support/no-docker-context";
import { CURRENT, fakeDeployment, FakeOptions, liveRow, past, STACK, stateOf } from "./fake-run";

const { model } = loadTarget(STACK, CURRENT);
const EMPTY: StackState = parseState({});
const created = (type: string, name: string): EngineEvent =>
  ({
    resourcePreEvent: {
      metadata: {
        op: "create",
        urn: `urn:pulumi:${STACK}::pinned-stack::${type}::${STACK}-${name}`,
        type,
        new: { inputs: { image: "app:1" } },
      },
    },
  }) as unknown as EngineEvent;
/** Without a state everything is new to Pulumi. */
const NEW = [
  ...model.networks.map(({ name }) => created(NETWORK, name)),
  ...model.containers.map(({ name }) => created(CONTAINER, name)),
];
/** New containers beside those of before; the state knows these only. */
const rowsOf = (status: string): readonly object[] =>
  model.containers.map((container) => ({
    container: liveRow(container, {
      id: `new-${container.name}`,
      state: {
        Status: status,
        ExitCode: 0,
        Health: status === "running" ? { Status: "healthy" } : null,
      },
    }),
  }));
const newRows = rowsOf("created");
const after = ((state: StackState): StackState => ({
  ...state,
  resources: state.resources.map((resource) =>
    /container/i.test(resource.type)
      ? { ...resource, id: resource.id.replace(`id-${STACK}-`, "new-") }
      : resource,
  ),
}))(stateOf(model));
const LOST: FakeOptions = { history: [], states: [EMPTY, after], preview: NEW };
const TAKE_OVER: FakeOptions = { ...LOST, more: newRows, options: { adopt: true } };
const count = model.containers.length;
const PROBLEM = `Pulumi's state of stack dev is empty or incomplete, but ${count} containers and 2 networks of it exist on the host, such as after the loss of the state; to take them over with their data, run: npm run deploy -- --stack dev --adopt`;

describe("a deployment of a stack whose state is lost", function () {
  this.timeout(30_000);

  it("is refused with the command that takes it over, before anything is changed", async () => {
    const { ended, done } = await fakeDeployment(LOST);
    assert.ok(ended instanceof Refused, String(ended));
    assert.equal(
      ended.message,
      `${PROBLEM}\nnothing was changed; running containers were not touched`,
    );
    assert.deepEqual(done, []);
  });

  it("says in its plan what is taken over, and what is interrupted", async () => {
    const { plan } = await fakeDeployment({ ...TAKE_OVER, volumes: { data: ["dev-app-data"] } });
    assert.match(plan, /current state: networks taken over: dev-edge, dev-traefik-homepage$/m);
    assert.match(plan, /current state: data volumes taken over: dev-app-data$/m);
    assert.match(plan, /^ {2}traefik +replaced/m);
    assert.match(plan, /^ +stop-first +publishes .*; interruption: from the stop/m);
    assert.match(plan, /first: the new traefik must work on a copy of the data/);
    assert.doesNotMatch(plan, /network .*: new|not part of the stack/);
  });

  it("imports the networks, and removes what is not in the state once its successors work", async () => {
    const { ended, done, environments, said } = await fakeDeployment({
      ...TAKE_OVER,
      more: rowsOf("running"),
      volumes: { data: ["dev-app-data"], files: ["dev-homepage-files-0123abc"] },
    });
    assert.equal(ended, 0, said.join("\n"));
    assert.deepEqual(environments, [
      {
        PINNED_STACK_NETWORKS: JSON.stringify(
          Object.fromEntries(
            model.networks.map(({ name }) => [`${STACK}-${name}`, `id-${STACK}-${name}`]),
          ),
        ),
      },
    ]);
    const removed = model.containers
      .map(({ name }) => `id-${STACK}-${name}`)
      .map(
        (id) => `docker rm -f -v '${id}' >/dev/null || ! docker inspect '${id}' >/dev/null 2>&1`,
      );
    assert.deepEqual(done.slice(0, 2), ["confirm", "verified none"]);
    assert.deepEqual(done.slice(-4), [
      removed.join("\n"),
      "docker volume rm 'dev-homepage-files-0123abc' >/dev/null",
      "verified 2026-01-20",
      "cleanup",
    ]);
  });

  it("removes nobody who serves, whatever has gone wrong with the one in its place", async () => {
    const { done, said } = await fakeDeployment(TAKE_OVER);
    assert.ok(!done.some((what) => what.includes("docker rm")), done.join("\n"));
    assert.ok(said.includes("dev-traefik was not replaced and stays"), said.join("\n"));
  });

  it("starts the previous containers again when it fails, and removes nothing", async () => {
    const { ended, done, said } = await fakeDeployment({ ...TAKE_OVER, up: ["no space left"] });
    assert.equal(ended, 3);
    assert.deepEqual(done.slice(-2), [`up: ${ADOPT}`, "put back"]);
    assert.match(
      said.at(-1) ?? "",
      /^RETURNED: the previous containers run again with their data; .* --adopt$/,
    );
    const sick = await fakeDeployment({ ...TAKE_OVER, up: ["no"], putBack: { code: 1 } });
    assert.equal(sick.ended, 2);
    assert.match(sick.said.at(-1) ?? "", /^NOT RETURNED: /);
  });

  it("goes on after an adoption that did not finish: what serves is not taken for a leftover", async () => {
    const history = [past(1, { succeeded: false, message: ADOPT })];
    const half: FakeOptions = { ...TAKE_OVER, history, states: [after] };
    const refused = await fakeDeployment({ ...half, options: {} });
    assert.match(String(refused.ended), new RegExp(`${count} containers and 0 networks .*--adopt`));
    assert.deepEqual(refused.done, []);
    const { ended, done } = await fakeDeployment(half);
    assert.equal(ended, 0);
    assert.equal(done[0], "confirm");
    // Also where somebody has tried something else meanwhile.
    const more = [...history, past(2, { succeeded: false, message: "by hand" })];
    const { ended: still } = await fakeDeployment({ ...half, history: more, options: {} });
    assert.match(String(still), /--adopt/);
  });

  it("has nothing to take over where the state knows the stack", async () => {
    const { ended, said } = await fakeDeployment({ options: { adopt: true } });
    assert.equal(ended, 0);
    assert.ok(
      said.some((line) => /there is nothing to take over/.test(line)),
      said.join("\n"),
    );
  });

  it("touches nothing without its labels, and needs no option where there is nothing else", () => {
    const foreign = liveRow(model.containers[0] ?? assert.fail(), { labels: {} });
    const rows = (...all: readonly object[]): Inventory =>
      parseInventory(all.map((row) => JSON.stringify(row)).join("\n"));
    assert.equal(adoptionOf(EMPTY, rows({ container: foreign }), STACK, []), undefined);
    assert.equal(adoptionOf(EMPTY, rows(), STACK, []), undefined);
    // What an interrupted first deployment leaves behind is removed, not taken over.
    const network = { network: { id: "n", name: "dev-edge", internal: false } };
    const failed = [past(1, { succeeded: false })];
    assert.equal(adoptionOf(EMPTY, rows(network, ...newRows), STACK, failed), undefined);
    assert.deepEqual(adoptionOf(EMPTY, rows(network, ...newRows), STACK, []), {
      containers: model.containers.map(({ name }) => name).sort(),
      networks: { "dev-edge": "n" },
    });
  });
});
