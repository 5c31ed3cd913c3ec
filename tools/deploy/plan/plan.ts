/** Pulumi's preview, condensed into what a person decides on. Pure. */
import { EngineEvent } from "@pulumi/pulumi/automation";

import { ROLE_LABEL } from "../../../components/hardened/labels";
import { ContainerModel, ReplaceOrder } from "../../../components/hardened/model";
import { StackModel } from "../../../components/model";
import { DEFINITIONS, rankOf } from "../../../components/services";
import { warningLines } from "../pulumi/events";
import { CONTAINER, IMAGE, nameOf, NETWORK, StackState, VOLUME } from "../pulumi/state";
import { orderReason } from "./replace-order";

export interface ImageChange {
  readonly from?: string;
  readonly to: string;
}

export interface ContainerPlan {
  /** Name inside the stack. */
  readonly name: string;
  readonly service: string;
  readonly action: "new" | "replaced" | "changed in place" | "removed";
  readonly image?: ImageChange;
  /** What else changes, in the words of the container's inputs: `files`, `memory`, `user`. */
  readonly configuration: readonly string[];
  /** Of one that is replaced: in which order, and why. */
  readonly order?: { readonly order: ReplaceOrder; readonly why: string };
  /** How long it is away, in words. */
  readonly interruption: string;
}

export interface Plan {
  /** In the order of the services. */
  readonly containers: readonly ContainerPlan[];
  /** Networks and volumes that come or go, in words. */
  readonly others: readonly string[];
  /** The image of each service as it will be deployed. */
  readonly images: Readonly<Record<string, string>>;
  /** Services whose image is another one than the last deployment's. */
  readonly newImages: readonly string[];
  /** What the program warns of, such as a tag that has moved; none of it stops a deployment. */
  readonly warnings: readonly string[];
  /** Whether Pulumi would do anything at all. */
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

/** Steps that are half of a replacement, or none. */
const NO_STEP = new Set([
  "same",
  "read",
  "refresh",
  "replace",
  "delete-replaced",
  "discard-replaced",
]);

/**
 * @param model what is to be deployed
 * @param state what the last run left
 */
export function planOf(
  { stack, containers }: StackModel,
  state: Pick<StackState, "containers">,
  events: readonly EngineEvent[],
): Plan {
  const all = events.flatMap(({ resourcePreEvent }) => {
    if (resourcePreEvent === undefined) return [];
    const { op, urn, type, old, new: now, diffs } = resourcePreEvent.metadata;
    return [{ op: op, urn, type, old: old?.inputs, new: now?.inputs, diffs: diffs ?? [] }];
  });
  const steps = all.filter(({ op }) => !NO_STEP.has(op));
  const images: Record<string, string> = {};
  for (const step of all)
    if (step.type === IMAGE && step.new !== undefined)
      images[nameOf(step.urn).slice(stack.length + 1)] = String(step.new.name);
  const known = [...containers, ...state.containers];
  return {
    containers: steps
      .filter(({ type }) => type === CONTAINER)
      .flatMap((step) => {
        const name = nameOf(step.urn);
        const model = known.find((container) => name === `${stack}-${container.name}`);
        return model === undefined ? [] : [containerPlan(step, model)];
      })
      .sort((a, b) => rankOf(a.service) - rankOf(b.service)),
    others: steps.flatMap(otherLine),
    images,
    newImages: steps
      .filter(({ type, op }) => type === IMAGE && op !== "delete")
      .map(({ urn }) => nameOf(urn).slice(stack.length + 1)),
    warnings: warningLines(events),
    changes: steps.length > 0,
  };
}

function containerPlan(step: Step, model: ContainerModel): ContainerPlan {
  const { name, service, order } = model;
  const base = { name, service };
  const [was, now] = [step.old?.image, step.new?.image] as (string | undefined)[];
  if (now === undefined || step.op === "delete")
    return { ...base, action: "removed", configuration: [], interruption: "it is gone afterwards" };
  const image = was === now ? {} : { image: { ...(was !== undefined && { from: was }), to: now } };
  if (step.op === "create")
    return { ...base, action: "new", ...image, configuration: [], interruption: "none" };
  const restart = step.op !== "update";
  return {
    ...base,
    action: restart ? "replaced" : "changed in place",
    ...image,
    configuration: step.diffs.filter((key) => key !== "image").map((key) => WORDS[key] ?? key),
    ...(restart && { order: { order, why: orderReason(model) } }),
    interruption: restart ? interruption(model) : "none",
  };
}

const WORDS: Readonly<Partial<Record<string, string>>> = {
  volumes: "files",
  envs: "environment",
  networksAdvanced: "networks",
};

function interruption({ order, service, stopGraceSeconds }: ContainerModel): string {
  if (order === "start-first") return "none: the old one serves until the new one is healthy";
  const others = DEFINITIONS.find(({ name }) => name === service)?.downtimeEffect;
  return `from its stop (at most ${stopGraceSeconds} s) until the new one is ready${others === undefined ? "" : `; ${others}`}`;
}

function otherLine({ op, type, urn, old }: Step): string[] {
  const name = nameOf(urn);
  const verb = op === "create" ? "new" : op === "delete" ? "removed" : "replaced";
  if (type === NETWORK) return [`network ${name}: ${verb}`];
  // Volumes with files come and go with their contents; those with data never do by themselves.
  const role = (old?.labels as { label: string; value: string }[] | undefined)?.find(
    ({ label }) => label === ROLE_LABEL,
  )?.value;
  if (type === VOLUME && op === "delete" && role === "data")
    return [`volume ${name}: no longer part of the stack`];
  return [];
}
