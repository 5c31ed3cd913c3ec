/** What Pulumi's state knows of a stack, as far as a deployment asks. Pure. */
import { z } from "zod";

import { RestrictionRow } from "../../../components/hardened/policy";

const resource = z.object({
  urn: z.string(),
  type: z.string(),
  id: z.string().default(""),
  protect: z.boolean().default(false),
  /** Replaced already, its end is still to come. */
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

export type StateResource = z.output<typeof resource>;

export interface StackState {
  readonly resources: readonly StateResource[];
  /** Operations whose end nobody saw: `creating dw-traefik`. */
  readonly pending: readonly string[];
  /** What the last run said of itself, whether it came to its end or not; empty before the first one. */
  readonly restrictions: readonly RestrictionRow[];
  /** As {@link restrictions}; the program compares with it. */
  readonly postgresMajor?: number;
}

export function parseState(answer: unknown): StackState {
  const { deployment } = state.parse(answer);
  const resources = deployment?.resources ?? [];
  const outputs = resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
  const { restrictions, postgresMajor } = outputs;
  return {
    resources,
    pending: (deployment?.pending_operations ?? []).map(
      ({ type, resource: { urn } }) => `${type} ${nameOf(urn)}`,
    ),
    // Outputs leave out what is empty.
    restrictions: ((restrictions ?? []) as Partial<RestrictionRow>[]).map(
      (row) => ({ exemptions: [], ...row }) as RestrictionRow,
    ),
    ...(typeof postgresMajor === "number" && { postgresMajor }),
  };
}

/** The last part of a URN. */
export const nameOf = (urn: string): string => urn.split("::").at(-1) ?? urn;
