/** Runs a shell script on the stack's host, with the connection that the deployment itself uses. */
import { ChildProcess, spawn } from "node:child_process";

import { HostAccess } from "../../../host/address";
import { hostPrelude } from "../../../host/docker-host";
import { CommandError } from "../../cli/command";

export interface ShellResult {
  /** The script's exit code. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ShellOptions {
  /** Ends the local side; a script that must clean up does so by itself on the host. */
  readonly signal?: AbortSignal;
  /** Milliseconds after which it counts as failed. Default 60 000. */
  readonly timeoutMs?: number;
  /** Each line that the script prints, as soon as it is there. */
  readonly onLine?: (line: string) => void;
}

/** The host could not be reached, or the connection broke; the message says what to do. */
export class HostError extends CommandError {
  constructor(message: string) {
    super(message, 2);
  }
}

export type HostShell = (script: string, options?: ShellOptions) => Promise<ShellResult>;

/** ssh's own exit code when the connection fails; a script on the host must not use it. */
const SSH_FAILED = 255;

/**
 * A shell on the host. The script goes over stdin, so it is in no list of processes; it stops at its first error.
 * Rejects with a {@link HostError} when the host cannot be reached, and with the signal's reason after an abort.
 */
export function hostShell(access: HostAccess): HostShell {
  return (script, { signal, timeoutMs = 60_000, onLine } = {}) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const [program = "", ...words] = access.interpreter;
      // A session of its own: Ctrl-C in the terminal is answered by the deployment, not by each of its children.
      const child = spawn(program, [...words, "sh -s"], { detached: true });
      const [out, err]: [string[], string[]] = [[], []];
      const end = (): void => {
        endGroup(child);
      };
      signal?.addEventListener("abort", end, { once: true });
      const timer = setTimeout(() => {
        err.push(`timed out after ${timeoutMs / 1000} seconds\n`);
        end();
      }, timeoutMs);
      let rest = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        out.push(text);
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        if (onLine !== undefined) lines.forEach(onLine);
      });
      child.stderr.setEncoding("utf8").on("data", (text: string) => err.push(text));
      child.stdin.on("error", () => undefined);
      child.stdin.end(hostPrelude(access) + script);
      const settle = (code: number): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", end);
        const stderr = err.join("");
        if (signal?.aborted === true) reject(signal.reason as Error);
        else if (access.remote && code === SSH_FAILED)
          reject(new HostError(connectionProblem(access.label, stderr)));
        else resolve({ code, stdout: out.join(""), stderr });
      };
      child.on("error", (error) => {
        err.push(`${program}: ${error.message}`);
        settle(access.remote ? SSH_FAILED : 127);
      });
      child.on("close", (code) => {
        settle(code ?? 1);
      });
    });
}

/** The shell and all that it started; over SSH that is ssh, and the script ends by itself when it notices. */
function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGTERM");
  } catch {
    // It has just ended by itself.
  }
}

/** What ssh said, and what to do about it. */
export function connectionProblem(label: string, stderr: string): string {
  const said =
    stderr
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "" && !/^[@ *-]+$|^\*\*/.test(line))
      .at(-1) ?? "the connection ended";
  return `ssh ${label}: ${said}; ${remedy(label, stderr)}`;
}

function remedy(label: string, stderr: string): string {
  if (/host key verification failed|no .* host key is known/i.test(stderr))
    return "the server shows another key than pinned-stack:host.hostKey; compare them on the server before you change it";
  if (/permission denied/i.test(stderr))
    return "load the key that the server knows into your agent (ssh-add), or put it into ~/.ssh/authorized_keys of that user";
  if (/could not resolve/i.test(stderr))
    return "check the name in pinned-stack:host.address, and this machine's DNS";
  if (/refused|timed out|no route|unreachable/i.test(stderr))
    return "check that the server is up, its port in pinned-stack:host.address, and the firewall on the way";
  if (/ENOENT/.test(stderr)) return "install OpenSSH's client, 8.5 or newer";
  return `check it with "ssh ${label.replace(/:(\d+)$/, " -p $1")}"`;
}
