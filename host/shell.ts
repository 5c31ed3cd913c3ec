/** Runs shell scripts on the stack's host, over the same connection as the deployment. */
import { ChildProcess, spawn } from "node:child_process";

import { UserError } from "../text/user-error";
import { HostAccess, hostPrelude } from "./address";
import { withoutPassphrase } from "./passphrase";
import { makeSshFolder } from "./ssh-folder";

export interface ShellResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ShellOptions {
  /** Ends the local process. On the host, the script has to handle the closed connection itself. */
  readonly signal?: AbortSignal | undefined;
  /** Time limit, ms. Default 60 000. */
  readonly timeoutMs?: number;
  /** Called with each line of stdout. */
  readonly onLine?: (line: string) => void;
}

/** The host could not be reached, or the connection broke; the message says what to do. */
export class HostError extends UserError {
  override readonly name = "HostError";
}

export type HostShell = (script: string, options?: ShellOptions) => Promise<ShellResult>;

/** Exit code of ssh(1) if the connection fails. Scripts must not use it. */
const SSH_FAILED = 255;

/**
 * A shell on the host that stops a script at its first error. The script is passed on stdin, because lists of processes show
 * arguments. Rejects with a {@link HostError} if the connection fails, and with the signal's reason after an abort.
 *
 * @param home of the user, for ssh. Default: that of this process's user
 */
export function hostShell(access: HostAccess, home?: string): HostShell {
  if (access.remote) makeSshFolder(home);
  return (script, { signal, timeoutMs = 60_000, onLine } = {}) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const [program = "", ...args] = access.interpreter;
      // In its own process group, so that only the deployment itself handles Ctrl-C.
      const child = spawn(program, [...args, "sh -s"], {
        detached: true,
        env: withoutPassphrase(process.env),
      });
      const [out, err]: [string[], string[]] = [[], []];
      const kill = (): void => {
        killGroup(child);
      };
      signal?.addEventListener("abort", kill, { once: true });
      const timer = setTimeout(() => {
        err.push(`timed out after ${timeoutMs / 1000} seconds\n`);
        kill();
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
        signal?.removeEventListener("abort", kill);
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

/** Kills the local shell with its children, or ssh. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGTERM");
  } catch {
    // The group has already exited.
  }
}

/** The last line of ssh's output, and the remedy. */
export function connectionProblem(label: string, stderr: string): string {
  const message =
    stderr
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "" && !/^[@ *-]+$|^\*\*/.test(line))
      .at(-1) ?? "the connection was closed";
  return `ssh ${label}: ${message}; ${remedy(label, stderr)}`;
}

function remedy(label: string, stderr: string): string {
  if (/host key verification failed|no .* host key is known/i.test(stderr))
    return "the server's key differs from pinned-stack:host.hostKey; verify the new key on the server before you change the setting";
  if (/permission denied/i.test(stderr))
    return "load the right key into your agent (ssh-add), or add your key to ~/.ssh/authorized_keys of that user";
  if (/could not resolve/i.test(stderr))
    return "check the name in pinned-stack:host.address and the DNS of this machine";
  if (/refused|timed out|no route|unreachable/i.test(stderr))
    return "check the server, the port in pinned-stack:host.address, and firewalls";
  if (/ENOENT/.test(stderr)) return "install the OpenSSH client, 8.5 or newer";
  return `test the connection with "ssh ${label.replace(/:(\d+)$/, " -p $1")}"`;
}
