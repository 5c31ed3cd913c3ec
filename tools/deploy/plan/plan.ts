/** The engine's preview, condensed into what a person decides on. Pure. */
import { EngineEvent } from "@pulumi/pulumi/automation";

import { CONTAINER, IMAGE, NETWORK, VOLUME } from "../../model/synth";
import { DeclaredContainer, declaredContainers } from "../../model/declared";
import { orderOf, rank, ServiceOrder } from "./replace-order";
import { warningLines } from "../pulumi/events";
import { nameOf } from "../pulumi/state";

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
  readonly order?: ServiceOrder;
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
  /** Whether the engine would do anything at all. */
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

export function planOf(stack: string, events: readonly EngineEvent[]): Plan {
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
  return {
    containers: steps.flatMap(containerPlan).sort((a, b) => rank(a.service) - rank(b.service)),
    others: steps.flatMap(otherLine),
    images,
    newImages: steps
      .filter(({ type, op }) => type === IMAGE && op !== "delete")
      .map(({ urn }) => nameOf(urn).slice(stack.length + 1)),
    warnings: warningLines(events),
    changes: steps.length > 0,
  };
}

function containerPlan(step: Step): ContainerPlan[] {
  const was = declared(step, step.old);
  const now = declared(step, step.new);
  const known = now ?? was;
  if (step.type !== CONTAINER || known === undefined) return [];
  const { name, service } = known;
  const base = { name, service };
  if (now === undefined || step.op === "delete")
    return [
      {
        ...base,
        action: "removed",
        configuration: [],
        interruption: "it is gone afterwards",
      },
    ];
  const image =
    was?.image === now.image
      ? undefined
      : { ...(was !== undefined && { from: was.image }), to: now.image };
  if (step.op === "create")
    return [
      {
        ...base,
        action: "new",
        ...(image && { image }),
        configuration: [],
        interruption: "none",
      },
    ];
  const restart = step.op !== "update";
  const order = orderOf(now);
  return [
    {
      ...base,
      action: restart ? "replaced" : "changed in place",
      ...(image && { image }),
      configuration: step.diffs.filter((key) => key !== "image").map((key) => WORDS[key] ?? key),
      ...(restart && { order }),
      interruption: restart ? interruption(now, order) : "none",
    },
  ];
}

const WORDS: Readonly<Partial<Record<string, string>>> = {
  volumes: "files",
  envs: "environment",
  networksAdvanced: "networks",
};

function declared(
  { urn, type }: Step,
  inputs: Readonly<Record<string, unknown>> | undefined,
): DeclaredContainer | undefined {
  if (inputs === undefined) return undefined;
  return declaredContainers({ resources: [{ type, name: nameOf(urn), inputs }] })[0];
}

/** Who else notices when a service is away. */
const NOTICED_BY: Readonly<Partial<Record<string, string>>> = {
  traefik: "every service is unreachable meanwhile",
  postgres: "n8n waits meanwhile",
};

function interruption({ inputs, service }: DeclaredContainer, { order }: ServiceOrder): string {
  if (order === "start first") return "none: the old one serves until the new one is healthy";
  const others = NOTICED_BY[service];
  const grace = inputs.destroyGraceSeconds ?? 10;
  return `from its stop (at most ${grace} s) until the new one is ready${others === undefined ? "" : `; ${others}`}`;
}

function otherLine({ op, type, urn, old }: Step): string[] {
  const name = nameOf(urn);
  const verb = op === "create" ? "new" : op === "delete" ? "removed" : "replaced";
  if (type === NETWORK) return [`network ${name}: ${verb}`];
  // Volumes with files come and go with their contents; those with data never do by themselves.
  const role = (old?.labels as { label: string; value: string }[] | undefined)?.find(
    ({ label }) => label === "pinned-stack.role",
  )?.value;
  if (type === VOLUME && op === "delete" && role === "data")
    return [`volume ${name}: no longer part of the stack`];
  return [];
}
