/**
 * The deployment lock of a stack: a Docker volume whose label names the holder. `docker volume create` is atomic and keeps
 * the labels of an existing volume, and works for every user and connection. Pulumi's own lock covers only a single update.
 */
import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname, userInfo } from "node:os";

import { z } from "zod";

import { lockVolume } from "../../../components/upgrade/return";
import { CommandError } from "../../cli/command";
import { quote } from "../../../host/shell-quote";
import { HostShell } from "../../../host/shell";

const holderSchema = z.object({
  user: z.string(),
  machine: z.string(),
  /** Boot id and PID namespace in which `pid` is valid. Host names are not unique. */
  kernel: z.string().optional(),
  pid: z.number(),
  since: z.string(),
});
export type Holder = z.output<typeof holderSchema>;

export interface Lock {
  release(): Promise<void>;
}

const LABEL = "pinned-stack.lock";
const contentOf = (volume: string): string =>
  `docker volume inspect --format '{{index .Labels "${LABEL}"}}' ${quote(volume)}`;

/** Prints the content of the lock: `content` if it was acquired, otherwise that of the holder. */
const acquireScript = (volume: string, content: string): string =>
  `error=$(docker volume create --label ${quote(`${LABEL}=${content}`)} ${quote(volume)} 2>&1) ||
  docker volume inspect ${quote(volume)} >/dev/null 2>&1 || { printf '%s\\n' "$error" >&2; exit 1; }
${contentOf(volume)}
`;

/** Removes the lock only if its content is still the same. Only its holder may run this, or the holder of its {@link claimOf}. */
const removeScript = (volume: string, content: string): string =>
  `if found=$(${contentOf(volume)} 2>/dev/null) && [ "$found" = ${quote(content)} ]; then docker volume rm ${quote(volume)} >/dev/null; fi
`;

/**
 * Docker cannot compare a volume's label and remove the volume in one step. So a process that finds the lock of a process that
 * has exited acquires a second lock first: the right to remove the lock with this content.
 */
const claimOf = (volume: string, content: string): string =>
  `${claims(volume)}${createHash("sha256").update(`${volume} ${content}`).digest("hex").slice(0, 16)}`;
const claims = (volume: string): string => volume.replace(/(-takeover-[0-9a-f]+)?$/, "-takeover-");

/**
 * Removes all claims on the stack's lock. For its holder, or where a person says so: a process that still holds a claim no longer
 * removes anything, because the lock has another content now.
 */
const removeClaims = (stack: string): string =>
  `left=$(docker volume ls -q --filter name=${quote(`^${claims(lockVolume(stack)).replaceAll(".", "[.]")}`)})
if [ -n "$left" ]; then docker volume rm $left >/dev/null 2>&1 || :; fi
`;

/** This process as a lock holder. */
export const currentHolder = (): Holder => ({
  user: userInfo().username,
  machine: hostname(),
  ...kernel(),
  pid: process.pid,
  since: new Date().toISOString(),
});

/** Empty if this is not Linux. */
function kernel(): Pick<Holder, "kernel"> {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return { kernel: `${boot} ${readlinkSync("/proc/self/ns/pid")}` };
  } catch {
    return {};
  }
}

/**
 * Rejects with a {@link CommandError} of exit code 1 that names the holder. Takes over the lock of a process of this machine
 * that has exited, unless the machine has rebooted since.
 */
export async function acquireLock(
  shell: HostShell,
  stack: string,
  log: (line: string) => void,
  self: Holder = currentHolder(),
): Promise<Lock> {
  const content = JSON.stringify(self);
  const volume = lockVolume(stack);
  const run = async (script: string): Promise<string> => {
    const { code, stdout, stderr } = await shell(script);
    if (code !== 0)
      throw new CommandError(`cannot create the lock on the host: ${stderr.trim()}`, 1);
    return stdout.trim();
  };
  /** Resolves to the content of the volume afterwards: `content` if it was acquired. */
  const acquire = async (wanted: string): Promise<string> => {
    const found = await run(acquireScript(wanted, content));
    const holder = parseHolder(found);
    if (found === content || holder === undefined || !hasExited(holder, self)) return found;
    const claim = claimOf(wanted, found);
    const claimant = await acquire(claim);
    if (claimant !== content) return claimant;
    const isStackLock = wanted === volume;
    if (isStackLock) log(`removing the lock of ${describe(holder)}: that process has exited`);
    // The holder of the stack's lock also removes what takeovers have left that were killed.
    return run(
      `${removeScript(wanted, found)}${acquireScript(wanted, content)}${removeScript(claim, content)}${
        isStackLock
          ? `[ "$(${contentOf(volume)})" != ${quote(content)} ] || {\n${removeClaims(stack)}}\n`
          : ""
      }`,
    );
  };
  const found = await acquire(volume);
  if (found !== content) throw new CommandError(lockedText(stack, found), 1);
  return {
    release: async () => {
      const result = await shell(removeScript(volume, content)).catch(() => undefined);
      if (result?.code !== 0)
        log(`cannot remove the lock; when the host is reachable again, run: ${unlock(stack)}`);
    },
  };
}

/** Removes the lock of any holder. Resolves to the holder; undefined if there was no lock. */
export async function breakLock(shell: HostShell, stack: string): Promise<string | undefined> {
  const volume = lockVolume(stack);
  const { code, stdout, stderr } = await shell(
    `docker version >/dev/null
${removeClaims(stack)}found=$(${contentOf(volume)} 2>/dev/null) || exit 0
docker volume rm ${quote(volume)} >/dev/null
printf 'lock=%s\\n' "$found"
`,
  );
  if (code !== 0) throw new CommandError(`cannot remove the lock: ${stderr.trim()}`);
  const found = /^lock=(.*)$/m.exec(stdout)?.[1];
  return found === undefined ? undefined : describe(parseHolder(found));
}

function parseHolder(text: string): Holder | undefined {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** False if unknown, as for processes of other machines. */
const hasExited = (holder: Holder, self: Holder): boolean =>
  holder.kernel !== undefined && holder.kernel === self.kernel && !isProcessAlive(holder.pid);

export const lockedText = (stack: string, content: string): string =>
  `stack ${stack} is being deployed by ${describe(parseHolder(content))}; wait until it has finished, or, if it is no longer running, run: ${unlock(stack)}`;

const unlock = (stack: string): string => `npm run deploy -- --stack ${stack} --unlock`;
const describe = (holder: Holder | undefined): string =>
  holder === undefined
    ? "an unknown process"
    : `${holder.user}@${holder.machine} (process ${holder.pid}) since ${holder.since}`;

/** Whether a process exists on this machine. Any error but ESRCH means that it belongs to another user. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
