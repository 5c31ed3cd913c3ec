/** What the stages of a deployment share. */
import { CommandError, textOf } from "../cli/command";
import { PlainConfig } from "../../config/file/edit";
import { PulumiStack } from "./pulumi/stack";
import { PastUpdate } from "./pulumi/history";
import { HostShell } from "../../host/shell";
import { Mask } from "../../text/redact";
import { Reporter } from "./console";

/** Exit code: deployed and healthy. */
export const EXIT_OK = 0;
/** Exit code: refused before a running container was touched. */
export const EXIT_REFUSED = 1;
/** Exit code: not returned; the running stack may be unhealthy. */
export const EXIT_UNHEALTHY = 2;
/** Exit code: the deployment failed, and what ran before runs again with its data. */
export const EXIT_RETURNED = 3;

/** The deployment was refused or failed before it changed anything. */
export class Refused extends CommandError {
  constructor(message: string) {
    super(message, EXIT_REFUSED);
  }
}

/** Runs work that changes nothing: any error becomes a {@link Refused}, with its secrets masked. */
export async function beforeChanges<T>(
  work: () => Promise<T>,
  mask: Mask = (text) => text,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refused) throw new Refused(mask(error.message));
    throw new Refused(`${mask(textOf(error))}\n${NOTHING_CHANGED}`);
  }
}

export const NOTHING_CHANGED = "nothing was changed; running containers were not touched";

/** What Pulumi's program cannot read from the configuration. */
export interface ProgramMode {
  /** Whether new containers are tried on copies of the data. The databases are dumped anyway. */
  readonly tried: boolean;
  /** Whether PostgreSQL may go on with its data from before an upgrade. */
  readonly olderData: boolean;
  /** Services whose image the stack file does not pin: the configuration of a deployment has digests only. */
  readonly bareTags: readonly string[];
}

export interface Run {
  readonly stack: string;
  readonly signal: AbortSignal;
  /** Masks secrets. */
  readonly reporter: Reporter;
  readonly pulumi: PulumiStack;
  readonly shell: HostShell;
  /** The configuration in the stack file. */
  readonly current: PlainConfig;
  /** All updates before this run, with their secrets. */
  readonly history: readonly PastUpdate[];
  /** Time limit of the health check, ms. Default 60 000. */
  readonly healthTimeoutMs?: number;
}

/** Logs what to do after an interrupt; returns the error to throw. */
export function interrupted({ stack, signal, reporter }: Run): unknown {
  reporter.log(
    `interrupted; Pulumi's state is complete; to finish the pending changes, run: npm run deploy -- --stack ${stack}`,
  );
  return signal.reason;
}
