/** Condenses the events of a Pulumi preview into a plan. Pure. */
import { EngineEvent } from "@pulumi/pulumi/automation";

import { ROLE_LABEL } from "../../../components/hardened/labels";
import { ContainerModel, KEPT_INPUTS, ReplaceOrder } from "../../../components/hardened/model";
import { writeName } from "../../../components/hardened/replace-files";
import { StackModel } from "../../../components/model";
import { DEFINITIONS, rankOf } from "../../../components/services";
import { trialName } from "../../../components/upgrade/trial";
import { warningLines } from "../pulumi/events";
import { COMMAND, CONTAINER, IMAGE, nameOf, NETWORK, StackState, VOLUME } from "../pulumi/state";
import { orderReason } from "./replace-order";

export interface ImageChange {
  readonly from?: string;
  readonly to: string;
}

export interface ContainerPlan {
  /** Name inside the stack. */
  readonly name: string;
  readonly service: string;
  readonly action: "new" | "replaced" | "changed in place" | "reloaded" | "removed";
  readonly image?: ImageChange;
  /** Other changed inputs of the container: `files`, `memory`, `user`. */
  readonly configuration: readonly string[];
  /** Only with action `replaced`. */
  readonly order?: { readonly order: ReplaceOrder; readonly why: string };
  /** How long the container is unavailable, as text. */
  readonly interruption: string;
}

export interface Plan {
  /** In the order of the services. */
  readonly containers: readonly ContainerPlan[];
  /** Added and removed networks and volumes, as text. */
  readonly others: readonly string[];
  /** The image to deploy, by service. */
  readonly images: Readonly<Record<string, string>>;
  /** Services whose image changes. */
  readonly newImages: readonly string[];
  /** The program's warnings, such as a moved tag. They do not stop a deployment. */
  readonly warnings: readonly string[];
  /** Whether Pulumi would change anything but the script of the trial, which has nothing to try then. */
  readonly changes: boolean;
}

interface Step {
  readonly op: string;
  readonly urn: string;
  readonly type: string;
  readonly old: Readonly<Record<string, unknown>> | undefined;
  readonly new: Readonly<Record<string, unknown>> | undefined;
  readonly diffs: readonly string[];
}

/** Operations that change nothing, or that another step of a replacement already reports. */
const IGNORED_OPS = new Set([
  "same",
  "read",
  "refresh",
  "replace",
  "delete-replaced",
  "discard-replaced",
]);

/**
 * @param model the model to deploy
 * @param state before the deployment
 */
export function planOf(
  { stack, containers }: StackModel,
  state: Pick<StackState, "containers">,
  events: readonly EngineEvent[],
): Plan {
  const all = events.flatMap(({ resourcePreEvent }) => {
    if (resourcePreEvent === undefined) return [];
    const { op, urn, type, old, new: now, diffs } = resourcePreEvent.metadata;
    return [{ op, urn, type, old: old?.inputs, new: now?.inputs, diffs: diffs ?? [] }];
  });
  const steps = all.filter(({ op }) => !IGNORED_OPS.has(op));
  const images: Record<string, string> = {};
  for (const step of all)
    if (step.type === IMAGE && step.new !== undefined)
      images[nameOf(step.urn).slice(stack.length + 1)] = String(step.new.name);
  const known = [...containers, ...state.containers];
  const planned = steps
    .filter(({ type }) => type === CONTAINER)
    .flatMap((step) => {
      const name = nameOf(step.urn);
      const model = known.find((container) => name === `${stack}-${container.name}`);
      return model === undefined ? [] : [containerPlan(step, model)];
    });
  const written = new Set(
    steps.filter(({ type }) => type === COMMAND).map(({ urn }) => nameOf(urn)),
  );
  return {
    containers: [
      ...planned,
      ...containers
        .filter(({ name }) => !planned.some((plan) => plan.name === name))
        .filter(({ mounts }) =>
          mounts.some(
            (mount) => "volume" in mount && written.has(writeName(`${stack}-${mount.volume}`)),
          ),
        )
        .map(({ name, service }): ContainerPlan => ({
          name,
          service,
          action: "reloaded",
          configuration: ["files"],
          interruption: "none: it notices the changed files while it runs",
        })),
    ].sort((a, b) => rankOf(a.service) - rankOf(b.service)),
    others: steps.flatMap(otherLine),
    images,
    newImages: steps
      .filter(({ type, op }) => type === IMAGE && op !== "delete")
      .map(({ urn }) => nameOf(urn).slice(stack.length + 1)),
    warnings: warningLines(events),
    changes: steps.some(
      // It differs after a deployment in another mode: `--rollback`, `--without-trial`.
      ({ op, type, urn }) =>
        op !== "update" || type !== COMMAND || nameOf(urn) !== trialName(stack),
    ),
  };
}

function containerPlan(step: Step, model: ContainerModel): ContainerPlan {
  const { name, service, order } = model;
  const base = { name, service };
  const [was, now] = [step.old?.image, step.new?.image] as (string | undefined)[];
  if (now === undefined || step.op === "delete")
    return { ...base, action: "removed", configuration: [], interruption: "permanent" };
  const image = was === now ? {} : { image: { ...(was !== undefined && { from: was }), to: now } };
  if (step.op === "create")
    return { ...base, action: "new", ...image, configuration: [], interruption: "none" };
  const restart = step.op !== "update";
  return {
    ...base,
    action: restart ? "replaced" : "changed in place",
    ...image,
    configuration: [...new Set([...step.diffs, ...removed(step)])]
      .filter((key) => key !== "image" && key !== "replacementTrigger")
      .map((key) => INPUT_NAMES[key] ?? key),
    ...(restart && { order: { order, why: orderReason(model) } }),
    interruption: restart ? interruption(model) : "none",
  };
}

/** Removed settings that are no difference for the provider, and for which the program replaces the container. */
const removed = ({ old, new: now }: Step): string[] =>
  now === undefined
    ? []
    : KEPT_INPUTS.filter((key) => old?.[key] !== undefined && now[key] === undefined);

const INPUT_NAMES: Readonly<Partial<Record<string, string>>> = {
  volumes: "files",
  envs: "environment",
  networksAdvanced: "networks",
};

/** How long a container that is replaced is unavailable. */
export function interruption({ order, service, stopGraceSeconds }: ContainerModel): string {
  if (order === "start-first") return "none: the old container serves until the new one is healthy";
  const others = DEFINITIONS.find(({ name }) => name === service)?.downtimeEffect;
  return `from the stop (at most ${stopGraceSeconds} s) until the new container is healthy${others === undefined ? "" : `; ${others}`}`;
}

function otherLine({ op, type, urn, old }: Step): string[] {
  const name = nameOf(urn);
  const verb = op === "create" ? "new" : op === "delete" ? "removed" : "replaced";
  if (type === NETWORK) return [`network ${name}: ${verb}`];
  // Volumes of files are replaced whenever their content changes, so only data volumes are listed.
  const role = (old?.labels as { label: string; value: string }[] | undefined)?.find(
    ({ label }) => label === ROLE_LABEL,
  )?.value;
  if (type === VOLUME && op === "delete" && role === "data")
    return [`volume ${name}: no longer part of the stack`];
  return [];
}
