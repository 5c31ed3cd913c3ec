/** What a deployment returns to when it fails: the last good one, looked at before anything is touched. */
import { Model } from "../model/synth";
import { textOf } from "../cli/command";
import { deployments, lastGood, PastDeployment, PastUpdate, unreadable } from "./pulumi/history";
import { modelFor } from "./pulumi/target";

export interface WayBack {
  readonly deployment: PastDeployment;
  /** The present program on that configuration. */
  readonly model: Model;
}

export interface NoWayBack {
  /** Why not. */
  readonly none: string;
  /** `first`: nothing was deployed yet. `never`: nothing was healthy yet. `unusable`: what was cannot be deployed again. */
  readonly kind: "first" | "never" | "unusable";
}

export async function wayBack(
  stack: string,
  history: readonly PastUpdate[],
): Promise<WayBack | NoWayBack> {
  const deployment = lastGood(history);
  if (deployment === undefined)
    return {
      none: "there is no earlier deployment to return to",
      kind: deployments(history).length === 0 ? "first" : "never",
    };
  if (!deployment.readable) return { none: unreadable(deployment), kind: "unusable" };
  try {
    return { deployment, model: await modelFor(stack, deployment.config) };
  } catch (error) {
    return { none: refusedNow(deployment.number, error), kind: "unusable" };
  }
}

/** The program's own message would name the stack's file, which is another configuration. */
export function refusedNow(number: number, error: unknown): string {
  const lines = textOf(error).split("\n");
  const why = (lines.length > 1 ? lines.slice(1) : lines).map((line) => line.trim());
  return `this version of the program refuses the configuration of deployment ${number}: ${why.join("; ")}`;
}
