/** The rollback candidate of a deployment, and the earlier deployment that `--rollback` selects. Pure. */
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
 * The configuration of deployment `number`. Default: the newest successful one that differs from the last good one.
 * Throws a {@link Refused} if there is none, or if its secrets cannot be decrypted.
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
        ? "no earlier successful deployment has another configuration"
        : `deployment ${number}: expected the number of a successful deployment (${good.map((deployment) => deployment.number).join(", ")})`,
    );
  if (!wanted.readable)
    throw new Refused(
      `${unreadable(wanted)}; copy its pins and settings into the stack file and deploy that`,
    );
  return { config: wanted.config, message: rollbackMessage(wanted), number: wanted.number };
}

export interface RollbackCandidate {
  readonly deployment: PastDeployment;
  /** What this version of the program makes of that configuration. */
  readonly target: LoadedStack;
}

export interface NoRollback {
  /** The reason. */
  readonly none: string;
  /** `first`: nothing was deployed. `never`: no deployment was healthy. `unusable`: the last good one cannot be deployed again. */
  readonly kind: "first" | "never" | "unusable";
}

export function rollbackCandidate(
  stack: string,
  history: readonly PastUpdate[],
): RollbackCandidate | NoRollback {
  const deployment = lastGood(history);
  if (deployment === undefined)
    return {
      none: "there is no earlier healthy deployment",
      kind: deployments(history).length === 0 ? "first" : "never",
    };
  if (!deployment.readable) return { none: unreadable(deployment), kind: "unusable" };
  try {
    return { deployment, target: loadTarget(stack, deployment.config) };
  } catch (error) {
    return { none: refusedNow(deployment.number, error), kind: "unusable" };
  }
}

/** Without the first line of a list of problems, which names the stack file. */
export function refusedNow(number: number, error: unknown): string {
  const lines = textOf(error).split("\n");
  const problems = (lines.length > 1 ? lines.slice(1) : lines).map((line) => line.trim());
  return `this version of the program refuses the configuration of deployment ${number}: ${problems.join("; ")}`;
}
