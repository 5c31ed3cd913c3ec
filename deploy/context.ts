/** What the stages of a deployment share. */
import { CommandError } from "../scripts/cli";
import { PlainConfig } from "./configuration";
import { Engine } from "./engine";
import { HostShell } from "./host-shell";
import { Mask } from "./mask";

/** Exit codes of a deployment. */
export const SUCCEEDED = 0;
/** Nothing was touched, or the last good configuration runs again. */
export const RETURNED = 1;
/** What runs is not known to be good. */
export const NOT_RETURNED = 2;

export interface Talk {
  /** A line for somebody who waits. */
  say(line: string): void;
  /** The beginning of a stage. */
  stage(name: string): void;
  /** The plan, for the decision. */
  show(text: string): void;
}

/** Why nothing was begun, or why it was given up before anything was touched. */
export class Refused extends CommandError {
  constructor(message: string) {
    super(message, RETURNED);
  }
}

/** What every stage has at hand. */
export interface Run {
  readonly stack: string;
  readonly signal: AbortSignal;
  readonly talk: Talk;
  readonly engine: Engine;
  readonly shell: HostShell;
  readonly current: PlainConfig;
  readonly mask: Mask;
}

/** Says what an interrupt leaves; the answer is what to throw. */
export function interrupted({ stack, signal, talk }: Run): unknown {
  talk.say(
    `stopped in the middle; the state is complete, the next run begins with what is pending: npm run deploy -- --stack ${stack}`,
  );
  return signal.reason;
}
