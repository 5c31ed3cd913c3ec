/** The Pulumi CLI as the Automation API starts it, in a session of its own. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, isAbsolute, join } from "node:path";

import { PulumiCommand } from "@pulumi/pulumi/automation";

import { CommandError, PROJECT_FOLDER } from "../../cli/command";

/** The CLI ended with an error; the message is what it said. */
export class PulumiError extends CommandError {
  constructor(message: string) {
    super(message, 2);
  }
}

/**
 * The CLI itself instead of npm's wrapper around it: a signal to the wrapper would end the wrapper alone and leave the
 * CLI running. npm's package keeps the CLI of its version in `$PULUMI_HOME/versions`.
 */
export function withoutWrapper(program: string, env: NodeJS.ProcessEnv): string {
  if (!program.includes("node_modules")) return program;
  const path = join(PROJECT_FOLDER, "node_modules", "pulumi", "package.json");
  const { version } = JSON.parse(readFileSync(path, "utf8")) as { version: string };
  const home = env.PULUMI_HOME ?? join(homedir(), ".pulumi");
  const cli = join(home, "versions", env.PULUMI_VERSION ?? version, "bin", "pulumi");
  return existsSync(cli) ? cli : program;
}

/**
 * Ctrl-C in a terminal reaches every process of its session, and the Automation API passes an abort on as well; to the
 * CLI the second of two interrupts means "leave everything as it is, at once". In a session of its own it gets the first
 * one from the abort, upon which it finishes what it has begun, and a second one only when the user presses again.
 */
export async function pulumiProcess(
  program: string,
  env: NodeJS.ProcessEnv,
): Promise<PulumiProcess> {
  const root = dirname(dirname(program));
  const known = await PulumiCommand.get({
    skipVersionCheck: true,
    ...(program === join(root, "bin", "pulumi") && { root }),
  });
  const start = (
    args: readonly string[],
    cwd: string,
    additionalEnv: Readonly<Record<string, string>>,
    { onOutput, onError, signal, input }: Streams,
  ): Promise<CommandResult> =>
    new Promise((resolve, reject) => {
      const path = isAbsolute(program)
        ? { PATH: `${dirname(program)}${delimiter}${env.PATH ?? ""}` }
        : {};
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
      // The first signal aborts; whoever presses again means it.
      const again = (): void => {
        if (signal?.aborted === true) interrupt();
      };
      const first = (): void => {
        interrupt();
        setImmediate(() => process.on("SIGINT", again));
      };
      if (signal?.aborted === true) first();
      else signal?.addEventListener("abort", first, { once: true });
      const settle = (code: number): void => {
        signal?.removeEventListener("abort", first);
        setImmediate(() => process.off("SIGINT", again));
        const words = args.filter((word) => !word.startsWith("-")).slice(0, 2);
        if (code === 0) resolve({ stdout, stderr, code });
        else
          reject(
            new PulumiError(
              `pulumi ${words.join(" ")} ended with code ${code}\n${`${stdout}\n${stderr}`.trim()}`,
            ),
          );
      };
      child.on("error", (error) => {
        stderr += error.message;
        settle(127);
      });
      child.on("close", (code) => {
        settle(code ?? 1);
      });
    });
  const run: PulumiProcess["run"] = (args, cwd, additionalEnv, onOutput, onError, signal) =>
    start(args, cwd, additionalEnv, {
      ...(onOutput && { onOutput }),
      ...(onError && { onError }),
      ...(signal && { signal }),
    });
  return {
    command: program,
    version: known.version,
    run,
    withInput: (args, input) => start(args, PROJECT_FOLDER, {}, { input }),
  };
}

interface Streams {
  readonly onOutput?: (text: string) => void;
  readonly onError?: (text: string) => void;
  readonly signal?: AbortSignal;
  readonly input?: string;
}

interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** What the Automation API calls of a PulumiCommand; `run` is there, but left out of its published types. */
export type PulumiProcess = Pick<PulumiCommand, "command" | "version"> & {
  readonly run: (
    args: readonly string[],
    cwd: string,
    additionalEnv: Readonly<Record<string, string>>,
    onOutput?: (text: string) => void,
    onError?: (text: string) => void,
    signal?: AbortSignal,
  ) => Promise<CommandResult>;
  /** Runs the CLI in the project with something to read on stdin, as secrets are. */
  readonly withInput: (args: readonly string[], input: string) => Promise<CommandResult>;
};
