/** What a deployment returns to when it fails: the last good one, looked at before anything is touched. */
import { LoadedStack } from "../model/load";
import { textOf } from "../cli/command";
import { deployments, lastGood, PastDeployment, PastUpdate, unreadable } from "./pulumi/history";
import { loadTarget } from "./pulumi/target";

export interface WayBack {
  readonly deployment: PastDeployment;
  /** The present program on that configuration. */
  readonly target: LoadedStack;
}

export interface NoWayBack {
  /** Why not. */
  readonly none: string;
  /** `first`: nothing was deployed yet. `never`: nothing was healthy yet. `unusable`: what was cannot be deployed again. */
  readonly kind: "first" | "never" | "unusable";
}

export function wayBack(stack: string, history: readonly PastUpdate[]): WayBack | NoWayBack {
  const deployment = lastGood(history);
  if (deployment === undefined)
    return {
      none: "there is no earlier deployment to return to",
      kind: deployments(history).length === 0 ? "first" : "never",
    };
  if (!deployment.readable) return { none: unreadable(deployment), kind: "unusable" };
  try {
    return { deployment, target: loadTarget(stack, deployment.config) };
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
