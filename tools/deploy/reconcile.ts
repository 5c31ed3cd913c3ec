/** The state before a deployment: what interrupted runs left behind, and drift. */
import { cgroupsName, socketGroupName } from "../../host/docker-host";
import { isUp } from "../../components/stopped";
import { Adoption, adoptionOf } from "./adopt";
import { Run } from "./context";
import { compare, Drift } from "./host/drift";
import { deployments, PastUpdate, shortImage, timestamp, unfinished } from "./pulumi/history";
import { Inventory, isNamed, takeInventory } from "./host/inventory";
import { findOrphans, isStateStale, Orphan } from "./host/orphans";
import { COMMAND, DeployedContainer, nameOf, StackState } from "./pulumi/state";

export interface CurrentState {
  /** Lines for the plan: unfinished operations, orphans, drift. */
  readonly findings: readonly string[];
  /** Whether the last run was interrupted or failed, so that the state may mix two configurations. */
  readonly interrupted: boolean;
  /** After a refresh, if one was needed. */
  readonly state: StackState;
  /** Before any refresh. */
  readonly recorded: StackState;
  /** The containers in `recorded`. */
  readonly deployed: readonly DeployedContainer[];
  /** Of the stack, and lost from the state. */
  readonly adoption: Adoption | undefined;
  /** To be removed before anything else is changed. */
  readonly orphans: readonly Orphan[];
  /** Containers that exist and do not run, one line each. The update starts them again. */
  readonly stopped: readonly string[];
  /** Docker's ids of the stack's containers that run, without orphans. */
  readonly running: readonly string[];
  /** URNs of resources to replace, because they drifted in ways that Pulumi may not detect. */
  readonly drifted: readonly string[];
}

/** Refreshes Pulumi's state if it does not match the host. */
export async function reconcile(run: Run): Promise<CurrentState> {
  const { pulumi, shell, stack, signal, reporter, history } = run;
  const [recorded, live] = await Promise.all([pulumi.state(), takeInventory(shell, stack, signal)]);
  const unfinishedWork = [
    ...recorded.pending.map((operation) => `${operation} did not finish`),
    ...unfinishedDeployment(history),
  ];
  const interrupted = unfinishedWork.length > 0;
  const adoption = adoptionOf(recorded, live, stack, history);
  const orphans = interrupted && adoption === undefined ? findOrphans(recorded, live, stack) : [];
  const deployed = recorded.containers;
  const drift =
    adoption !== undefined
      ? []
      : driftSince(stack, recorded, live, orphans).filter(
          // The program sets process limits last, so an interrupted run leaves them unset. After its return, the container
          // that runs under a name is the previous one, which differs from the one in the state.
          ({ kind, where }) =>
            !interrupted ||
            (kind !== "processes" &&
              (kind === "undeclared" ||
                !deployed.some((one) => one.name === where && runsAnother(one, live)))),
        );
  const stopped = stoppedContainers(deployed, live);
  let state = recorded;
  if (
    recorded.pending.length > 0 ||
    (recorded.resources.length > 0 && isStateStale(recorded, live))
  ) {
    reporter.stage("comparing Pulumi's state with the host");
    await pulumi.refresh({ signal });
    state = await pulumi.state();
  }
  return {
    state,
    recorded,
    deployed,
    orphans,
    interrupted,
    adoption,
    stopped,
    running: live.containers
      .filter(({ labels }) => labels["pinned-stack.stack"] === stack)
      .filter(({ id, state: { Status } }) => isUp(Status) && !orphans.some((one) => one.id === id))
      .map(({ id }) => id),
    findings: [
      ...unfinishedWork,
      ...unverifiedDeployment(history),
      ...stopped,
      ...notStarted(deployed, live),
      ...orphans.map(({ kind, name }) => `${kind} ${name} is orphaned and will be removed`),
      ...drift.map(({ where, kind, expected, found }) =>
        kind === "undeclared"
          ? `${found} is not part of the stack and stays; remove it with docker rm -f on the host`
          : kind === "socket group"
            ? `${where}: Docker's socket now belongs to group ${expected}, not ${found}`
            : `${where}: ${kind} was changed outside Pulumi: ${found} instead of ${expected}`,
      ),
    ],
    drifted: [
      ...deployed
        .filter(({ name }) =>
          drift.some(({ where, kind }) => where === name && kind !== "undeclared"),
        )
        .map(({ urn }) => urn),
      ...(drift.some(({ kind }) => kind === "socket group")
        ? commandUrns(recorded, socketGroupName(stack))
        : []),
      // The engine may use another cgroup driver now.
      ...(drift.some(({ kind }) => kind === "cgroup parent")
        ? commandUrns(recorded, cgroupsName(stack))
        : []),
    ],
  };
}

/** Whether a container runs under the name of this one and is not the one in Pulumi's state. */
const runsAnother = ({ name, id }: DeployedContainer, { containers }: Inventory): boolean =>
  containers.some((one) => one.id !== id && isNamed(one, name) && isUp(one.state.Status));

/** A command resource that reads something on the host. Pulumi keeps its output until it is replaced. */
const commandUrns = ({ resources }: StackState, name: string): string[] =>
  resources
    .filter(({ type, urn }) => type === COMMAND && nameOf(urn) === name)
    .map(({ urn }) => urn);

/** Without those of which another container runs, which a failed deployment leaves behind. */
const stoppedContainers = (deployed: readonly DeployedContainer[], live: Inventory): string[] =>
  deployed.flatMap(({ name }) => {
    const mine = live.containers.filter((one) => isNamed(one, name));
    const [first] = mine;
    return first === undefined || mine.some(({ state }) => isUp(state.Status))
      ? []
      : [`${name} is ${first.state.Status} and will be started again`];
  });

/** Of a run that ended before it could start them: the plan has no change of theirs, and the update interrupts all the same. */
const notStarted = (deployed: readonly DeployedContainer[], live: Inventory): string[] =>
  deployed.flatMap((container) => {
    const { name, id, image } = container;
    const created = live.containers.some((one) => one.id === id && one.state.Status === "created");
    return created && runsAnother(container, live)
      ? [
          `${name} has a new container of ${shortImage(image)} that was never started; it will take the place of the running one`,
        ]
      : [];
  });

function unfinishedDeployment(history: readonly PastUpdate[]): string[] {
  const newest = unfinished(history);
  return newest === undefined
    ? []
    : [`deployment ${newest.number} of ${timestamp(newest.start)} did not finish`];
}

function unverifiedDeployment(history: readonly PastUpdate[]): string[] {
  const newest = deployments(history).at(-1);
  return newest?.outcome === "unverified"
    ? [
        `deployment ${newest.number} of ${timestamp(newest.start)} was not verified as healthy, so it is not a rollback target`,
      ]
    : [];
}

/** Without stopped and missing containers, which Pulumi detects itself. */
function driftSince(
  stack: string,
  { resources, containers }: StackState,
  live: Inventory,
  orphans: readonly Orphan[],
): Drift[] {
  // This run or Pulumi will remove these.
  const leaving = new Set([
    ...orphans.map(({ id }) => id),
    ...resources.filter((resource) => resource.delete).map(({ id }) => id),
  ]);
  const staying = { ...live, containers: live.containers.filter(({ id }) => !leaving.has(id)) };
  return compare(stack, containers, undefined, staying).filter(
    ({ kind }) => kind !== "missing" && kind !== "state",
  );
}
