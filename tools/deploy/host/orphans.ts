/** Containers and networks that an interrupted run created and Pulumi did not record in its state. */
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

/** Containers and networks of the stack that are not in its state. Pure. */
export function findOrphans(
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

/** Whether a container of the state is missing, so that Pulumi has to refresh. Pure. */
export function isStateStale(state: Pick<StackState, "resources">, live: Inventory): boolean {
  const present = new Set(live.containers.map(({ id }) => id));
  return state.resources.some(({ type, id }) => type === CONTAINER && !present.has(id));
}

/** Ignores containers that are already gone, and networks that are in use. Fails if a container cannot be removed. */
export const removeScript = (orphans: readonly Orphan[]): string =>
  orphans
    .map(({ kind, id }) =>
      kind === "container"
        ? `docker rm -f -v ${quote(id)} >/dev/null || ! docker inspect ${quote(id)} >/dev/null 2>&1\n`
        : `docker network rm ${quote(id)} >/dev/null || :\n`,
    )
    .join("");

/** Rejects if a container cannot be removed. */
export async function removeOrphans(
  { shell, reporter, signal }: Pick<Run, "shell" | "reporter" | "signal">,
  orphans: readonly Orphan[],
): Promise<void> {
  if (orphans.length === 0) return;
  reporter.log(`removing orphans: ${orphans.map(({ name }) => name).join(", ")}`);
  const { code, stderr } = await shell(removeScript(orphans), { signal });
  if (code !== 0) throw new CommandError(`cannot remove orphans: ${stderr.trim()}`);
}
