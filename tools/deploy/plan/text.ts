/** A plan as people read it. Pure. */
import { columns } from "../../cli/command";
import { shortImage } from "../pulumi/history";
import { LostVolume } from "./lost-volumes";
import { ContainerPlan, Plan } from "./plan";
import { Change } from "../../report/changes/change";

export interface Decision {
  readonly plan: Plan;
  /** What the image change is, by service: `rebuild`, `upgrade`; empty where nobody looked. */
  readonly kinds: Readonly<Record<string, string>>;
  /** Changes that give something more than it had. */
  readonly weakenings: readonly Change[];
  readonly lost: readonly LostVolume[];
  /** What an earlier run left behind. */
  readonly pending: readonly string[];
  /** Whether PostgreSQL's container is replaced, and so dumped before. */
  readonly dump: boolean;
  /** Why a deployment that fails could not be returned from; not said of the first one. */
  readonly noRollback?: string;
}

export function planText(stack: string, decision: Decision): string {
  const { plan, weakenings, lost, pending, dump, noRollback } = decision;
  const changed = plan.containers.flatMap((container) => describe(container, decision));
  return [
    `stack ${stack}:`,
    ...pending.map((line) => `  left by an earlier run: ${line}`),
    ...(changed.length === 0 ? ["  no container changes"] : [columns(changed)]),
    ...plan.others.map((line) => `  ${line}`),
    ...plan.warnings.map((line) => `  warning: ${line}`),
    ...(noRollback === undefined ? [] : [`  NO ROLLBACK: ${noRollback}`]),
    ...(dump ? ["  the databases are dumped before PostgreSQL is replaced"] : []),
    ...weakenings.map(
      ({ subject, what, reason }) =>
        `  WEAKER: ${subject} ${what}${reason === undefined ? "" : ` (${reason})`}`,
    ),
    ...lost.map(
      ({ name }) => `  LOST: volume ${name} leaves the stack; its data stays on the host`,
    ),
  ].join("\n");
}

function describe(container: ContainerPlan, { kinds }: Decision): string[][] {
  const { name, service, action, image, configuration, order, interruption } = container;
  const kind = kinds[service];
  const what = [
    ...(image === undefined
      ? []
      : [`${imageText(image)}${kind === undefined ? "" : ` (${kind})`}`]),
    ...(configuration.length === 0 ? [] : [`configuration: ${configuration.join(", ")}`]),
  ];
  return [
    [`  ${name}`, action, what.join("; ")],
    ...(order === undefined
      ? []
      : [["", order.order, `${order.why}; interruption: ${interruption}`]]),
  ];
}

function imageText({ from, to }: NonNullable<ContainerPlan["image"]>): string {
  return from === undefined ? shortImage(to) : `${shortImage(from)} → ${shortImage(to)}`;
}
