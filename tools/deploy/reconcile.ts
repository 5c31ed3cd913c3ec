/** What is there before a deployment: what earlier runs left, and what was changed by hand since. */
import { socketGroupName } from "../../host/docker-host";
import { Run } from "./context";
import { compare, Drift } from "./host/drift";
import { deployments, moment, PastUpdate, unfinished } from "./pulumi/history";
import { Inventory, takeInventory } from "./host/inventory";
import { Orphan, orphans, stateIsStale } from "./host/orphans";
import { COMMAND, DeployedContainer, nameOf, StackState } from "./pulumi/state";

export interface CurrentState {
  /** Lines for the plan. */
  readonly pending: readonly string[];
  /** Whether the last run was cut off, so that part of the state is of a configuration that never came to its end. */
  readonly cutOff: boolean;
  readonly state: StackState;
  /** The state as earlier runs left it, before it was compared with the host. */
  readonly recorded: StackState;
  /** The containers in it. */
  readonly deployed: readonly DeployedContainer[];
  /** What a run that was cut off left on the host, to be removed before anything else is done. */
  readonly left: readonly Orphan[];
  /** Resources of containers that differ from what was deployed in ways that Pulumi may not see. */
  readonly changedByHand: readonly string[];
}

/** The state is brought up to what is on the host where they cannot agree. */
export async function reconcile(run: Run): Promise<CurrentState> {
  const { pulumi, shell, stack, signal, reporter, history } = run;
  const [recorded, live] = await Promise.all([pulumi.state(), takeInventory(shell, stack, signal)]);
  const cutOff = [...recorded.pending, ...notToItsEnd(history)];
  const left = cutOff.length === 0 ? [] : orphans(recorded, live, stack);
  const deployed = recorded.containers;
  const drift = changesSince(stack, recorded, live, left).filter(
    // The limits of processes are set at the end of a run, which this one has not come to; the next one sets them.
    ({ kind }) => cutOff.length === 0 || kind !== "processes",
  );
  let state = recorded;
  if (
    recorded.pending.length > 0 ||
    (recorded.resources.length > 0 && stateIsStale(recorded, live))
  ) {
    reporter.stage("comparing Pulumi's state with the host");
    await pulumi.refresh({ signal });
    state = await pulumi.state();
  }
  return {
    state,
    recorded,
    deployed,
    left,
    cutOff: cutOff.length > 0,
    pending: [
      ...cutOff,
      ...neverSeenHealthy(history),
      ...left.map(({ kind, name }) => `${kind} ${name}, which is removed`),
      ...drift.map(({ where, kind, expected, found }) =>
        kind === "undeclared"
          ? `${found} is not part of the stack and stays; remove it with docker rm -f on the host`
          : kind === "socket group"
            ? `${where}: Docker's socket now belongs to group ${expected}, not ${found}`
            : `${where}: ${kind} was changed outside Pulumi: ${found} instead of ${expected}`,
      ),
    ],
    changedByHand: [
      ...deployed
        .filter(({ name }) =>
          drift.some(({ where, kind }) => where === name && kind !== "undeclared"),
        )
        .map(({ urn }) => urn),
      ...(drift.some(({ kind }) => kind === "socket group") ? socketGroups(recorded, stack) : []),
    ],
  };
}

/** The command that asks the host for the socket's group; Pulumi keeps its answer until it is made anew. */
const socketGroups = ({ resources }: StackState, stack: string): string[] =>
  resources
    .filter(({ type, urn }) => type === COMMAND && nameOf(urn) === socketGroupName(stack))
    .map(({ urn }) => urn);

function notToItsEnd(history: readonly PastUpdate[]): string[] {
  const broken = unfinished(history);
  return broken === undefined
    ? []
    : [`deployment ${broken.number} of ${moment(broken.start)} did not finish`];
}

function neverSeenHealthy(history: readonly PastUpdate[]): string[] {
  const newest = deployments(history).at(-1);
  return newest?.outcome === "unverified"
    ? [
        `deployment ${newest.number} of ${moment(newest.start)} was not seen healthy, so nothing returns to it`,
      ]
    : [];
}

/** Without stopped and missing containers, which Pulumi sees by itself. */
function changesSince(
  stack: string,
  { resources, containers }: StackState,
  live: Inventory,
  left: readonly Orphan[],
): Drift[] {
  // Of these it is known already what becomes of them: removed by this run, or by the pulumi.
  const leaving = new Set([
    ...left.map(({ id }) => id),
    ...resources.filter((resource) => resource.delete).map(({ id }) => id),
  ]);
  const staying = { ...live, containers: live.containers.filter(({ id }) => !leaving.has(id)) };
  return compare(stack, containers, undefined, staying).filter(
    ({ kind }) => kind !== "missing" && kind !== "state",
  );
}
