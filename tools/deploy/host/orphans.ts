/** What a run that was cut off left on the host: containers and networks that no state knows. Pure but for the shell. */
import { CommandError } from "../../cli/command";
import { quote } from "../../../host/shell-quote";
import { Run } from "../context";
import { Inventory } from "./inventory";
import { CONTAINER, StackState } from "../pulumi/state";

export interface Orphan {
  readonly kind: "container" | "network";
  readonly id: string;
  readonly name: string;
}

/** Things with the stack's label that are not in its state. Only after a run that did not come to its end. */
export function orphans(
  state: Pick<StackState, "resources">,
  live: Inventory,
  stack: string,
): Orphan[] {
  const known = new Set(state.resources.map(({ id }) => id));
  return [
    ...live.containers
      .filter(({ id, labels }) => labels["pinned-stack.stack"] === stack && !known.has(id))
      .map(({ id, name }): Orphan => ({ kind: "container", id, name })),
    ...live.networks
      .filter(({ id }) => !known.has(id))
      .map(({ id, name }): Orphan => ({ kind: "network", id, name })),
  ];
}

/** Whether containers of the state are gone or stopped: Pulumi has to refresh before it plans. */
export function stateIsStale(state: Pick<StackState, "resources">, live: Inventory): boolean {
  const running = new Map(live.containers.map(({ id, state: { Status } }) => [id, Status]));
  return state.resources.some(
    ({ type, id, inputs }) =>
      type === CONTAINER && inputs.mustRun !== false && running.get(id) !== "running",
  );
}

/** What is gone meanwhile is as good as removed, and a network that somebody uses stays; else it fails. */
export const removeScript = (left: readonly Orphan[]): string =>
  left
    .map(({ kind, id }) =>
      kind === "container"
        ? `docker rm -f ${quote(id)} >/dev/null || ! docker inspect ${quote(id)} >/dev/null 2>&1\n`
        : `docker network rm ${quote(id)} >/dev/null || :\n`,
    )
    .join("");

/** Rejects when one of them is still there. */
export async function removeOrphans(
  { shell, reporter, signal }: Pick<Run, "shell" | "reporter" | "signal">,
  left: readonly Orphan[],
): Promise<void> {
  if (left.length === 0) return;
  reporter.log(`removing what was left: ${left.map(({ name }) => name).join(", ")}`);
  const { code, stderr } = await shell(removeScript(left), { signal });
  if (code !== 0)
    throw new CommandError(`what an earlier run left could not be removed: ${stderr.trim()}`);
}
