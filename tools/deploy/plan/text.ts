/** The text of a plan. Pure. */
import { columns } from "../../cli/command";
import { shortImage } from "../pulumi/history";
import { imageStep } from "./image-step";
import { OrphanedVolume } from "./orphaned-volumes";
import { ContainerPlan, Plan } from "./plan";
import { Change } from "../../report/changes/change";

export interface Decision {
  readonly plan: Plan;
  /** Kinds of image changes by service: `rebuild`, `upgrade`. Without unknown ones. */
  readonly kinds: Readonly<Record<string, string>>;
  readonly weakenings: readonly Change[];
  readonly orphanedVolumes: readonly OrphanedVolume[];
  /** Unfinished operations, orphans and drift. */
  readonly findings: readonly string[];
  /** Images whose signatures were verified, one line each. Default: none. */
  readonly verified?: readonly string[];
  /** Names of the containers that are tried on copies of their data first. Undefined: none are, by choice. */
  readonly tried: readonly string[] | undefined;
  /** Whether the databases are dumped first. */
  readonly dump: boolean;
  /** Why a failed deployment cannot be rolled back. Absent for a first deployment. */
  readonly noRollback?: string;
}

export function planText(stack: string, decision: Decision): string {
  const {
    plan,
    weakenings,
    orphanedVolumes,
    findings,
    verified = [],
    tried,
    dump,
    noRollback,
  } = decision;
  const changed = plan.containers.flatMap((container) => describe(container, decision));
  return [
    `stack ${stack}:`,
    ...findings.map((line) => `  current state: ${line}`),
    ...(changed.length === 0 ? ["  no container changes"] : [columns(changed)]),
    ...plan.others.map((line) => `  ${line}`),
    ...verified.map((line) => `  signature: ${line}`),
    ...plan.warnings.map((line) => `  warning: ${line}`),
    ...(noRollback === undefined ? [] : [`  NO ROLLBACK: ${noRollback}`]),
    ...(dump ? ["  first: the databases are dumped"] : []),
    ...(tried === undefined
      ? ["  NO TRIAL: no new container is tried on a copy of its data"]
      : tried.length === 0
        ? []
        : [`  first: the new ${tried.join(", ")} must work on a copy of the data`]),
    ...weakenings.map(
      ({ subject, what, reason }) =>
        `  WEAKER: ${subject} ${what}${reason === undefined ? "" : ` (${reason})`}`,
    ),
    ...orphanedVolumes.map(
      ({ name }) => `  ORPHANED: volume ${name} leaves the stack; its data stays on the host`,
    ),
  ].join("\n");
}

function describe(container: ContainerPlan, { kinds }: Decision): string[][] {
  const { name, service, action, image, configuration, order, interruption } = container;
  const kind = kinds[service];
  const what = [
    ...(image === undefined ? [] : [imageText(image, kind)]),
    ...(configuration.length === 0 ? [] : [`configuration: ${configuration.join(", ")}`]),
    ...(action === "reloaded" ? ["nobody is interrupted"] : []),
  ];
  return [
    [`  ${name}`, action, what.join("; ")],
    ...(order === undefined
      ? []
      : [["", order.order, `${order.why}; interruption: ${interruption}`]]),
  ];
}

/** @param kind as the registry tells it; `upgrade` only says that the tag is another one */
function imageText(
  { from, to }: NonNullable<ContainerPlan["image"]>,
  kind: string | undefined,
): string {
  if (from === undefined) return shortImage(to);
  const kinds = [imageStep(from, to), ...(kind === undefined || kind === "upgrade" ? [] : [kind])];
  return `${shortImage(from)} → ${shortImage(to)} (${kinds.join(", ")})`;
}
