/** What is there before a deployment: what earlier runs left, and what was changed by hand since. */
import { CONTAINER } from "../model/synth";
import { Run } from "./context";
import { containerInputs, declaredContainers, labelOf } from "./declared";
import { compare, Drift } from "./drift";
import { lastGood, PastUpdate, unfinished } from "./history";
import { Inventory, takeInventory } from "./inventory";
import { orphans, stateIsStale } from "./recover";
import { StackState } from "./state";
import { modelFor } from "./target";

export interface Before {
  /** Lines for the plan. */
  readonly pending: readonly string[];
  readonly state: StackState;
  readonly history: readonly PastUpdate[];
  /** Resources of containers that differ from what was deployed, in ways that the engine may not see. */
  readonly changedByHand: readonly string[];
}

/** The state is brought up to what is on the host where they cannot agree. */
export async function lookBack(run: Run): Promise<Before> {
  const { engine, shell, stack, signal, talk } = run;
  const [history, live] = await Promise.all([
    engine.history(true),
    takeInventory(shell, stack, signal),
  ]);
  let state = await engine.state();
  const broken = unfinished(history);
  const cutOff = [
    ...state.pending,
    ...(broken === undefined
      ? []
      : [`deployment ${broken.number} of ${broken.start.toISOString()} did not come to its end`]),
  ];
  const left = cutOff.length === 0 ? [] : orphans(state, live, stack);
  if (state.pending.length > 0 || (state.resources.length > 0 && stateIsStale(state, live))) {
    talk.stage("comparing Pulumi's state with the host");
    await engine.refresh({ signal });
    state = await engine.state();
  }
  // After a failure some containers are of the new configuration already: nothing to compare them with.
  const drift = broken === undefined ? await driftSince(run, history, live) : [];
  return {
    state,
    history,
    pending: [
      ...cutOff,
      ...left.map(({ kind, name }) => `${kind} ${name}, which is removed`),
      ...drift.map(({ where, kind, expected, found }) =>
        kind === "undeclared"
          ? `${found} belongs to nobody and stays; remove it with docker rm -f on the host`
          : `${where}: ${kind} was changed by hand, ${found} instead of ${expected}`,
      ),
    ],
    changedByHand: [...new Set(drift.flatMap(({ where }) => urnOf(state, where)))],
  };
}

/** Not what a stopped or missing container is: that the engine sees. */
async function driftSince(
  { stack }: Run,
  history: readonly PastUpdate[],
  live: Inventory,
): Promise<Drift[]> {
  const good = lastGood(history);
  if (good === undefined) return [];
  const declared = declaredContainers(await modelFor(stack, good.config));
  return compare(declared, [], live).filter(({ kind }) => kind !== "missing" && kind !== "state");
}

function urnOf({ resources }: StackState, container: string): string[] {
  return resources
    .filter(({ type, inputs }) => {
      if (type !== CONTAINER) return false;
      const said = containerInputs({ inputs });
      return labelOf(said, "role") === "service" && labelOf(said, "container") === container;
    })
    .map(({ urn }) => urn);
}
