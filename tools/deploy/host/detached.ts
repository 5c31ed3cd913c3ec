/** Runs a script on the host that ends what it has begun, whatever becomes of the connection. */
import { detached } from "../../../components/hardened/start";
import { HostShell, ShellOptions, ShellResult } from "../../../host/shell";

/** How long a script may copy, dump or restore data, ms: a day. Nobody knows how much there is, and Ctrl-C ends the wait. */
export const LONGEST_MS = 24 * 60 * 60_000;

/** What the script says is on stdout. Rejects like the shell; the script then goes on on the host. */
export const runDetached = (
  shell: HostShell,
  script: string,
  options: Pick<ShellOptions, "signal" | "onLine">,
): Promise<ShellResult> =>
  shell(`exec 2>&1\n${detached(script)}`, { ...options, timeoutMs: LONGEST_MS });
