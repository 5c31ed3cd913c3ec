/** What a deployment returns to when it fails, and the earlier deployment that `--rollback` means. Pure. */
import { changedKeys } from "../../config/file/edit";
import { textOf } from "../cli/command";
import { LoadedStack } from "../model/load";
import { Refused } from "./context";
import {
  deployments,
  lastGood,
  PastDeployment,
  PastUpdate,
  rollbackMessage,
  unreadable,
} from "./pulumi/history";
import { loadTarget, Target } from "./pulumi/target";

/**
 * Deployment `number`; without a number the newest one with another configuration than the last good one has.
 * Throws a {@link Refused} when there is none, or when its secrets cannot be read.
 */
export function rollbackTarget(history: readonly PastUpdate[], number?: number): Target {
  const good = deployments(history).filter(({ outcome }) => outcome === "succeeded");
  const running = lastGood(history)?.config;
  const wanted =
    number === undefined
      ? good.findLast(
          ({ config }) => running !== undefined && changedKeys(config, running).length > 0,
        )
      : good.find((deployment) => deployment.number === number);
  if (wanted === undefined)
    throw new Refused(
      number === undefined
        ? "there is no earlier deployment with another configuration to go back to"
        : `deployment ${number}: not among those that succeeded (${good.map((deployment) => deployment.number).join(", ")})`,
    );
  if (!wanted.readable)
    throw new Refused(
      `${unreadable(wanted)}; put its pins and settings into the stack's file and deploy that`,
    );
  return { config: wanted.config, message: rollbackMessage(wanted), number: wanted.number };
}

export interface RollbackCandidate {
  readonly deployment: PastDeployment;
  /** The present program on that configuration. */
  readonly target: LoadedStack;
}

export interface NoRollback {
  /** Why not. */
  readonly none: string;
  /** `first`: nothing was deployed yet. `never`: nothing was healthy yet. `unusable`: what was cannot be deployed again. */
  readonly kind: "first" | "never" | "unusable";
}

export function rollbackCandidate(
  stack: string,
  history: readonly PastUpdate[],
): RollbackCandidate | NoRollback {
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
