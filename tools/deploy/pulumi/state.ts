/** The parts of Pulumi's state that a deployment needs. Pure. */
import { isDeepStrictEqual } from "node:util";

import { z } from "zod";

import { ContainerModel } from "../../../components/hardened/model";
import { writeName } from "../../../components/hardened/replace-files";
import { StackModel } from "../../../components/model";
import { recordedContainer, recordedStack } from "../../model/recorded";

/** Resource types. */
export const CONTAINER = "docker:index/container:Container";
export const NETWORK = "docker:index/network:Network";
export const VOLUME = "docker:index/volume:Volume";
export const COMMAND = "command:local:Command";
export const IMAGE = "docker:index/remoteImage:RemoteImage";
const HARDENED = "hardened:docker:Container";
const STACK = "pinned-stack:index:Stack";

const resource = z.object({
  urn: z.string(),
  type: z.string(),
  id: z.string().default(""),
  protect: z.boolean().default(false),
  /** Already replaced, not deleted yet. */
  delete: z.boolean().default(false),
  inputs: z.record(z.string(), z.unknown()).default({}),
  outputs: z.record(z.string(), z.unknown()).default({}),
});
const state = z.object({
  deployment: z
    .object({
      resources: z.array(resource).nullish(),
      pending_operations: z
        .array(z.object({ type: z.string(), resource: z.object({ urn: z.string() }) }))
        .nullish(),
    })
    .nullish(),
});

type StateResource = z.output<typeof resource>;

/** A container with its Docker id and its Pulumi URN. */
export interface DeployedContainer extends ContainerModel {
  readonly id: string;
  readonly urn: string;
}

export interface StackState {
  readonly resources: readonly StateResource[];
  /** Operations that did not finish: `creating prod-traefik`. */
  readonly pending: readonly string[];
  /** Each as recorded by the run that created it. */
  readonly containers: readonly DeployedContainer[];
  /** As recorded by the last run. Undefined before the first run, and if another version of the program recorded it. */
  readonly model: StackModel | undefined;
}

export function parseState(answer: unknown): StackState {
  const { deployment } = state.parse(answer);
  const resources = deployment?.resources ?? [];
  const recorded = resources.flatMap(({ type, outputs }) => {
    const model = type === HARDENED ? recordedContainer(outputs) : undefined;
    return model === undefined ? [] : [{ model, id: outputs.containerId }];
  });
  const outputsOf = (type: string): StateResource["outputs"] =>
    resources.find((one) => one.type === type)?.outputs ?? {};
  return {
    resources,
    pending: (deployment?.pending_operations ?? []).map(
      ({ type, resource: { urn } }) => `${type} ${nameOf(urn)}`,
    ),
    containers: recorded.flatMap(({ model, id }) => {
      const made = resources.find((one) => one.type === CONTAINER && !one.delete && one.id === id);
      return made === undefined ? [] : [{ ...model, id: made.id, urn: made.urn }];
    }),
    // Includes containers that were removed outside Pulumi: their recorded restrictions still count.
    model: recordedStack(
      outputsOf(STACK),
      recorded.map(({ model }) => model),
    ),
  };
}

/**
 * The export `after` an update of some resources only, with what components had recorded in the export `before` it. Pulumi leaves
 * the other resources as they are, but not the outputs of their components: those would describe containers that were not made.
 * Undefined if there is nothing to correct.
 */
export function withRecordedOutputs(before: object, after: object): object | undefined {
  const recorded = new Map(
    (state.parse(before).deployment?.resources ?? [])
      .filter(({ type }) => type === HARDENED || type === STACK)
      .map(({ urn, outputs }) => [urn, outputs]),
  );
  const { deployment } = z
    .looseObject({
      deployment: z.looseObject({ resources: z.array(z.looseObject({ urn: z.string() })) }),
    })
    .parse(after);
  const resources = deployment.resources.map((one) => {
    const outputs = recorded.get(one.urn);
    return outputs === undefined ? one : { ...one, outputs };
  });
  return isDeepStrictEqual(resources, deployment.resources)
    ? undefined
    : { ...after, deployment: { ...deployment, resources } };
}

/** By URN: what the commands that replace live files have written, as text to compare. */
export const writtenFiles = ({
  resources,
}: Pick<StackState, "resources">): Readonly<Partial<Record<string, string>>> =>
  Object.fromEntries(
    resources
      .filter(({ type, urn }) => type === COMMAND && nameOf(urn).endsWith(writeName("")))
      .map(({ urn, inputs }) => [urn, JSON.stringify(inputs.stdin)]),
  );

/** The model of the last run; `unknown` if another version of the program recorded it in another shape. */
export function deployedModel({
  model,
  resources,
}: StackState): StackModel | "nothing" | "unknown" {
  return model ?? (resources.some(({ type }) => type === HARDENED) ? "unknown" : "nothing");
}

/** The last part of a URN. */
export const nameOf = (urn: string): string => urn.split("::").at(-1) ?? urn;
