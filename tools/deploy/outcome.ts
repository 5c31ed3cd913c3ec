/** Runs a deployment and tells the recipients of the stack how it failed. */
import { textOf } from "../cli/command";
import { Notice } from "../notify/notice";
import { Reporter } from "./console";
import { EXIT_OK, EXIT_REFUSED, EXIT_RETURNED } from "./context";
import { tell } from "./notify";

export interface TellOutcome {
  readonly stack: string;
  readonly signal: AbortSignal;
  readonly reporter: Reporter;
  /** Whether the user has refused the plan, which is no failure. */
  readonly declined: () => boolean;
}

/** Resolves and rejects as `work` does. Tells nobody of a success, of an interrupt, and of a plan that was not confirmed. */
export async function tellOutcome(
  { stack, signal, reporter, declined }: TellOutcome,
  work: (reporter: Reporter) => Promise<number>,
  send: typeof tell = tell,
): Promise<number> {
  const { heard, listening } = listen(reporter);
  const result = await work(listening).then(
    (code) => ({ code }),
    (error: unknown) => ({ error }),
  );
  const notice = deploymentNotice(stack, result, heard);
  if (notice !== undefined && !signal.aborted && !declined())
    await send(stack, [notice], {
      warn: (line) => {
        reporter.log(line);
      },
    });
  if ("error" in result) throw result.error;
  return result.code;
}

/** Lines that say what has become of a deployment. Those of containers in between stay here: they may hold anything. */
const TELLING = /^(?:failed|NOT RETURNED|RETURNED|REFUSED|problem)\b/;
/** What follows the name of this stage. */
const FAILED_STAGE = "what failed";

/** A reporter that keeps what a notification says. */
function listen(reporter: Reporter): { readonly heard: string[]; readonly listening: Reporter } {
  const heard: string[] = [];
  let stage = "";
  const keep = (line: string): void => {
    if (!heard.includes(line)) heard.push(line);
  };
  return {
    heard,
    listening: {
      ...reporter,
      stage: (name) => {
        stage = name;
        reporter.stage(name);
      },
      log: (line) => {
        reporter.log(line);
        // The first line is the reason.
        if (stage === FAILED_STAGE) {
          stage = "";
          keep(`failed: ${line}`);
        } else if (stage === "health" || TELLING.test(line)) keep(line);
      },
    },
  };
}

/** In words of its own for each end. Undefined for a success. */
export function deploymentNotice(
  stack: string,
  result: { readonly code: number } | { readonly error: unknown },
  heard: readonly string[],
): Notice | undefined {
  const ends = (word: string): boolean => heard.some((line) => line.startsWith(word));
  if ("error" in result) {
    const { error } = result;
    const lines = [...heard, ...textOf(error).split("\n").slice(0, 20)];
    return (error as { readonly exitCode?: unknown }).exitCode === EXIT_REFUSED
      ? {
          event: "failure",
          title: `${stack}: deployment refused; what ran before goes on running`,
          lines,
        }
      : {
          event: "failure",
          title: `${stack}: deployment FAILED; nobody knows whether the stack is healthy`,
          lines,
        };
  }
  switch (result.code) {
    case EXIT_OK:
      return undefined;
    case EXIT_RETURNED:
      return {
        event: "returned",
        title: `${stack}: deployment FAILED, and the stack was RETURNED to what ran before`,
        lines: heard,
      };
    default:
      return {
        event: "failure",
        title: ends("NOT RETURNED")
          ? `${stack}: deployment FAILED, and the stack was NOT RETURNED to what ran before`
          : `${stack}: not everything is healthy`,
        lines: heard,
      };
  }
}
