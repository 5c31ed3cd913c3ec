/** What the stages of a deployment share. */
import { CommandError, textOf } from "../cli/command";
import { PlainConfig } from "../../config/file/edit";
import { PulumiStack } from "./pulumi/stack";
import { PastUpdate } from "./pulumi/history";
import { HostShell } from "./host/shell";
import { Mask } from "../../text/redact";
import { Reporter } from "./console";

/** Exit codes of a deployment. */
export const SUCCEEDED = 0;
/** Nothing was touched, or the last good configuration runs again. */
export const RETURNED = 1;
/** What runs is not known to be good. */
export const NOT_RETURNED = 2;

/** Why nothing was begun, or why it was given up before anything was touched. */
export class Refused extends CommandError {
  constructor(message: string) {
    super(message, RETURNED);
  }
}

/**
 * The one place where what goes wrong before anything is touched becomes a {@link Refused}, whoever it comes from: the
 * Pulumi, the host, the program on a configuration.
 */
export async function untouched<T>(
  work: () => Promise<T>,
  mask: Mask = (text) => text,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refused) throw new Refused(mask(error.message));
    throw new Refused(`${mask(textOf(error))}\n${UNTOUCHED}`);
  }
}

export const UNTOUCHED = "nothing was changed; running containers were not touched";

/** What every stage has at hand. */
export interface Run {
  readonly stack: string;
  readonly signal: AbortSignal;
  /** Shows no secret, whatever it is given. */
  readonly reporter: Reporter;
  readonly pulumi: PulumiStack;
  readonly shell: HostShell;
  /** What the stack's file says. */
  readonly current: PlainConfig;
  /** All updates before this run, with their secrets. */
  readonly history: readonly PastUpdate[];
  /** Milliseconds after a deployment until all must be well. Default 60 000. */
  readonly patienceMs?: number;
}

/** Says what an interrupt leaves; the answer is what to throw. */
export function interrupted({ stack, signal, reporter }: Run): unknown {
  reporter.log(
    `stopped half-way; the state is complete and the next run finishes what is pending: npm run deploy -- --stack ${stack}`,
  );
  return signal.reason;
}
