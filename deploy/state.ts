/** What Pulumi's state knows of a stack, as far as a deployment asks. Pure. */
import { z } from "zod";

import { RestrictionRow } from "../components/hardening";

const resource = z.object({
  urn: z.string(),
  type: z.string(),
  id: z.string().default(""),
  protect: z.boolean().default(false),
  inputs: z.record(z.string(), z.unknown()).default({}),
  outputs: z.record(z.string(), z.unknown()).default({}),
  initErrors: z.array(z.string()).nullish(),
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
  /** Outputs of the last deployment; empty before the first one. */
  readonly images: Readonly<Record<string, string>>;
  readonly restrictions: readonly RestrictionRow[];
}

export function parseState(answer: unknown): StackState {
  const { deployment } = state.parse(answer);
  const resources = deployment?.resources ?? [];
  const outputs = resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
  return {
    resources,
    pending: (deployment?.pending_operations ?? []).map(
      ({ type, resource: { urn } }) => `${type} ${nameOf(urn)}`,
    ),
    images: (outputs.images ?? {}) as StackState["images"],
    restrictions: (outputs.restrictions ?? []) as StackState["restrictions"],
  };
}

/** The last part of a URN. */
export const nameOf = (urn: string): string => urn.split("::").at(-1) ?? urn;
