/** Runs the Pulumi CLI for the Automation API, in a process group of its own. */
import { spawn } from "node:child_process";
import { delimiter, dirname, isAbsolute, join } from "node:path";

import { PulumiCommand } from "@pulumi/pulumi/automation";

import { CommandError, PROJECT_FOLDER } from "../../cli/command";

/** The CLI failed. The message is its output. */
export class PulumiError extends CommandError {}

interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** What the Automation API uses of a PulumiCommand. Its published types omit `run`. */
export type PulumiProcess = Pick<PulumiCommand, "command" | "version"> & {
  /** `input` goes to stdin, so that secrets are in no list of processes. */
  readonly run: (
    args: readonly string[],
    cwd: string,
    additionalEnv: Readonly<Record<string, string>>,
    onOutput?: (text: string) => void,
    onError?: (text: string) => void,
    signal?: AbortSignal,
    input?: string,
  ) => Promise<CommandResult>;
  /** {@link run} in the project folder. */
  readonly runHere: (args: readonly string[], input?: string) => Promise<CommandResult>;
};

/**
 * The CLI treats a second interrupt as "terminate now, without cleanup". In the terminal's process group it would get two
 * for one Ctrl-C: from the terminal and from the Automation API. In its own group it gets the first from the abort, and
 * finishes the running operation; a second one only if the user presses Ctrl-C again.
 */
export async function pulumiProcess(
  program: string,
  env: NodeJS.ProcessEnv,
): Promise<PulumiProcess> {
  const root = dirname(dirname(program));
  const { version } = await PulumiCommand.get({
    skipVersionCheck: true,
    ...(program === join(root, "bin", "pulumi") && { root }),
  });
  const path = isAbsolute(program)
    ? { PATH: `${dirname(program)}${delimiter}${env.PATH ?? ""}` }
    : {};
  const run: PulumiProcess["run"] = (args, cwd, additionalEnv, onOutput, onError, signal, input) =>
    new Promise((resolve, reject) => {
      const child = spawn(program, [...args, "--non-interactive"], {
        cwd,
        env: { ...env, ...additionalEnv, ...path, PULUMI_AUTOMATION_API: "true" },
        detached: true,
      });
      child.stdin.on("error", () => undefined);
      child.stdin.end(input ?? "");
      let [stdout, stderr] = ["", ""];
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
        onOutput?.(text);
      });
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr += text;
        onError?.(text);
      });
      const interrupt = (): void => void child.kill("SIGINT");
      const onAbort = (): void => {
        interrupt();
        // Later, because the signal that caused the abort is still being handled.
        setImmediate(() => process.on("SIGINT", interrupt));
      };
      if (signal?.aborted === true) onAbort();
      else signal?.addEventListener("abort", onAbort, { once: true });
      const settle = (code: number, killed?: NodeJS.Signals): void => {
        signal?.removeEventListener("abort", onAbort);
        setImmediate(() => process.off("SIGINT", interrupt));
        const command = `pulumi ${commandOf(args)}`;
        if (code === 0) resolve({ stdout, stderr, code });
        else
          reject(
            new PulumiError(
              killed === undefined
                ? `${command}: exit code ${code}\n${`${stdout}\n${stderr}`.trim()}`
                : `${command} was killed (${killed}); this machine may be short of memory`,
            ),
          );
      };
      child.on("error", (error) => {
        stderr += error.message;
        settle(127);
      });
      child.on("close", (code, killed) => {
        settle(code ?? 1, killed ?? undefined);
      });
    });
  return {
    command: program,
    version,
    run,
    runHere: (args, input) => run(args, PROJECT_FOLDER, {}, undefined, undefined, undefined, input),
  };
}

/** `stack export` of `stack export --stack dev`. */
function commandOf(args: readonly string[]): string {
  const option = args.findIndex((arg) => arg.startsWith("-"));
  const words = option < 0 ? args : args.slice(0, option);
  return words.slice(0, 2).join(" ");
}
