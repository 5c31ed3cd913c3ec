/** A deployment as a command runs it: printed, confirmed at the terminal, and told to the recipients of the stack if it fails. */
import { ask } from "../cli/prompt";
import { consoleReporter } from "./console";
import { deploy, DeployOptions } from "./deploy";
import { tellOutcome } from "./outcome";
import { confirm } from "./plan/confirm";
import { imageChangeKinds } from "./plan/image-changes";

export interface TerminalDeployment extends Pick<
  DeployOptions,
  "stack" | "signal" | "withoutTrial" | "adopt" | "target"
> {
  readonly allowed: Parameters<typeof confirm>[1];
  /** Whether somebody is there to answer. */
  readonly interactive: boolean;
}

/** Resolves to the exit code. */
export function deployAtTerminal({
  allowed,
  interactive,
  ...options
}: TerminalDeployment): Promise<number> {
  const { stack, signal } = options;
  const reporter = consoleReporter();
  let declined = false;
  const question = async (text: string, wanted: string): Promise<boolean> => {
    const answer = await ask(text, wanted, signal);
    declined = !answer;
    return answer;
  };
  return tellOutcome({ stack, signal, reporter, declined: () => declined }, (listening) =>
    deploy({
      ...options,
      reporter: listening,
      imageChangeKinds,
      confirm: (decision) => confirm(decision, allowed, interactive ? question : undefined),
    }),
  ).finally(reporter.close);
}
