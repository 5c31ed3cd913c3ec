/** The earlier deployment that `--rollback` means. Pure. */
import { changedKeys } from "../../config/file/edit";
import { Refused } from "./context";
import { deployments, lastGood, PastUpdate, rollbackMessage, unreadable } from "./pulumi/history";
import { Target } from "./pulumi/target";

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
