/** Runs programs and captures what they print. */
import { spawn } from "node:child_process";
import { constants } from "node:os";

/** How a program ended. */
export interface Result {
  /** Exit code; 128 + signal number after a signal, 127 when the program could not be started. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Wall time in milliseconds. */
  readonly ms: number;
}

export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment, not an addition. Default: only PATH and LANG, see {@link plainEnvironment}. */
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** Milliseconds after which the program is killed. Default 120 000. */
  readonly timeout?: number;
}

/**
 * No proxy, Docker or Pulumi setting of the person who runs the tests gets into them. The system's own
 * programs are found even where PATH is that of an ordinary user.
 */
export const plainEnvironment: NodeJS.ProcessEnv = {
  PATH: `${process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"}:/usr/local/sbin:/usr/sbin:/sbin`,
  LANG: "C.UTF-8",
};

/** Runs a program to its end. Never rejects; {@link succeeded} turns a failure into an error. */
export function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Result> {
  const start = performance.now();
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? plainEnvironment,
      stdio: ["pipe", "pipe", "pipe"],
      timeout: options.timeout ?? 120_000,
      killSignal: "SIGKILL",
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const finish = (code: number): void => {
      const stdout = Buffer.concat(out).toString();
      const stderr = Buffer.concat(err).toString();
      resolve({ code, stdout, stderr, ms: Math.round(performance.now() - start) });
    };
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    // A program that ends without reading its input is judged by its exit code.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
    child.on("error", (error) => {
      err.push(Buffer.from(error.message));
      finish(127);
    });
    child.on("close", (code, signal) => {
      finish(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/** The result itself, or an error with all that was printed. */
export function succeeded(what: string, result: Result): Result {
  if (result.code === 0) return result;
  throw new Error(`${what} ended with code ${result.code}\n${result.stdout}${result.stderr}`);
}
