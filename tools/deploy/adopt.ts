/** What runs on the host and Pulumi's state has lost: found, taken over, and removed once its successors work. */
import { ROLE_LABEL } from "../../components/hardened/labels";
import { StackModel } from "../../components/model";
import { isUp } from "../../components/stopped";
import { quote } from "../../host/shell-quote";
import { CommandError } from "../cli/command";
import { counted } from "../../text/one-line";
import { Run } from "./context";
import { Inventory, LiveContainer, takeInventory } from "./host/inventory";
import { findOrphans, removeOrphans } from "./host/orphans";
import { interruption, Plan } from "./plan/plan";
import { orderReason } from "./plan/replace-order";
import { DEPLOY, deployments, PastUpdate, unfinished } from "./pulumi/history";
import { CONTAINER, NETWORK, StackState } from "./pulumi/state";

/** Of the stack by its labels, and not in Pulumi's state. */
export interface Adoption {
  /** Names inside the stack of the containers that a deployment replaces. */
  readonly containers: readonly string[];
  /** Docker's ids of the networks by their names. The program imports them into the state. */
  readonly networks: Readonly<Record<string, string>>;
}

/**
 * Undefined where Pulumi's state knows the stack: it has a container or a network. After an adoption that did not finish, it has
 * some, and the previous containers still serve. What an ordinary deployment leaves behind is removed instead.
 */
export function adoptionOf(
  state: Pick<StackState, "resources" | "pending">,
  { containers, networks }: Pick<Inventory, "containers" | "networks">,
  stack: string,
  history: readonly PastUpdate[],
): Adoption | undefined {
  const known = idsOf(state);
  const isLost = !state.resources.some(({ type }) => type === CONTAINER || type === NETWORK);
  const unknown = containersOf(stack, containers).filter(({ id }) => !known.has(id));
  const foreign = networks.filter(({ id }) => !known.has(id));
  const isInterrupted = state.pending.length > 0 || unfinished(history) !== undefined;
  const isNeeded = hasBegun(history)
    ? serving(state, containers, stack).length > 0
    : isLost && !isInterrupted;
  if (!isNeeded) return undefined;
  if (unknown.length === 0 && foreign.length === 0) return undefined;
  return {
    containers: [...new Set(unknown.map(nameOf))].sort(),
    networks: Object.fromEntries(foreign.map(({ id, name }) => [name, id])),
  };
}

/** The message of an update that takes over. */
export const ADOPT = `${DEPLOY}: take over`;

/** Whether an adoption has begun and no deployment has succeeded since. */
const hasBegun = (history: readonly PastUpdate[]): boolean =>
  deployments(history)
    .slice(deployments(history).findLastIndex(({ outcome }) => outcome === "succeeded") + 1)
    .some(({ message }) => message === ADOPT);

const idsOf = ({ resources }: Pick<StackState, "resources">): ReadonlySet<string> =>
  new Set(resources.map(({ id }) => id));

const containersOf = (
  stack: string,
  containers: readonly LiveContainer[],
): readonly LiveContainer[] =>
  containers.filter(
    ({ labels }) => labels["pinned-stack.stack"] === stack && labels[ROLE_LABEL] === "container",
  );

/** Containers that run, are not in the state, and of which none in the state runs. */
function serving(
  state: Pick<StackState, "resources">,
  containers: readonly LiveContainer[],
  stack: string,
): readonly LiveContainer[] {
  const known = idsOf(state);
  const up = containersOf(stack, containers).filter((one) => isUp(one.state.Status));
  const succeeded = new Set(up.filter(({ id }) => known.has(id)).map(nameOf));
  return up.filter((one) => !known.has(one.id) && !succeeded.has(nameOf(one)));
}

const nameOf = ({ labels, name }: Pick<LiveContainer, "labels" | "name">): string =>
  labels["pinned-stack.container"] ?? name;

/** What is wrong and what to do, as one sentence. */
export function adoptionProblem(stack: string, { containers, networks }: Adoption): string {
  const found = [
    counted(containers.length, "container"),
    counted(Object.keys(networks).length, "network"),
  ].join(" and ");
  return `Pulumi's state of stack ${stack} is empty or incomplete, but ${found} of it exist on the host, such as after the loss of the state; to take them over with their data, run: npm run deploy -- --stack ${stack} --adopt`;
}

/** Lines for the plan. */
export async function adoptionFindings(
  { shell, stack, signal }: Pick<Run, "shell" | "stack" | "signal">,
  { containers, networks }: Adoption,
  model: StackModel,
): Promise<string[]> {
  const volumes = await volumesOf(shell, stack, "data", signal);
  const names = Object.keys(networks).sort();
  return [
    ...(names.length === 0 ? [] : [`networks taken over: ${names.join(", ")}`]),
    ...(volumes.length === 0 ? [] : [`data volumes taken over: ${volumes.join(", ")}`]),
    ...containers
      .filter((name) => !isIn(model, name))
      .map((name) => `container ${name} is not in the configuration and will be removed`),
    "containers without a state are replaced in the usual order, on their own data, and removed at the end",
  ];
}

const isIn = ({ containers }: StackModel, name: string): boolean =>
  containers.some((container) => container.name === name);

/** Pulumi calls the containers and networks new. */
export const adoptedPlan = (plan: Plan, { containers }: StackModel, adoption: Adoption): Plan => ({
  ...plan,
  containers: plan.containers.map((planned) => {
    const model = containers.find(({ name }) => name === planned.name);
    if (
      model === undefined ||
      planned.action !== "new" ||
      !adoption.containers.includes(model.name)
    )
      return planned;
    const order = { order: model.order, why: orderReason(model) };
    return { ...planned, action: "replaced", order, interruption: interruption(model) };
  }),
  others: plan.others.filter(
    (line) => !Object.keys(adoption.networks).some((name) => line === `network ${name}: new`),
  ),
});

/**
 * Removes what the deployment has replaced: containers and networks that are not in the state, and volumes with their files and
 * secrets. Data volumes stay.
 */
export async function removeReplaced(run: Run, model: StackModel): Promise<void> {
  const { pulumi, shell, stack, signal, reporter } = run;
  const [state, live] = await Promise.all([pulumi.state(), takeInventory(shell, stack, signal)]);
  // Whoever serves is not removed, whatever has gone wrong with the one that should have replaced it.
  const stay = serving(state, live.containers, stack).filter((one) => isIn(model, nameOf(one)));
  for (const { name } of stay) reporter.log(`${name} was not replaced and stays`);
  await removeOrphans(
    run,
    findOrphans(state, live, stack).filter(({ id }) => !stay.some((one) => one.id === id)),
  );
  const known = idsOf(state);
  const left = (await volumesOf(shell, stack, "files", signal)).filter((name) => !known.has(name));
  if (left.length === 0) return;
  const { code, stderr } = await shell(
    `docker volume rm ${left.map(quote).join(" ")} >/dev/null\n`,
    {
      signal,
    },
  );
  if (code !== 0) throw new CommandError(`cannot remove volumes: ${stderr.trim()}`);
}

async function volumesOf(
  shell: Run["shell"],
  stack: string,
  role: "data" | "files",
  signal?: AbortSignal,
): Promise<string[]> {
  const labels = [`pinned-stack.stack=${stack}`, `${ROLE_LABEL}=${role}`];
  const filters = labels.map((label) => `--filter ${quote(`label=${label}`)}`).join(" ");
  const { code, stdout, stderr } = await shell(`docker volume ls -q ${filters}\n`, { signal });
  if (code !== 0) throw new CommandError(`cannot list volumes: ${stderr.trim()}`);
  return stdout.split("\n").filter((line) => line !== "");
}
