/**
 * One deployment at a time: a file on the host says who is at it, because that is the one place that all who deploy to it
 * share. Pulumi's own lock covers a single run of the engine, a deployment is several with work between them.
 */
import { hostname, userInfo } from "node:os";

import { z } from "zod";

import { HostShell, quote } from "./host-shell";
import { CommandError } from "../scripts/cli";

const holder = z.object({
  user: z.string(),
  machine: z.string(),
  pid: z.number(),
  since: z.string(),
});
export type Holder = z.output<typeof holder>;

export class LockedError extends CommandError {
  constructor(message: string) {
    super(message, 1);
  }
}

export interface Lock {
  release(): Promise<void>;
}

const lockFile = (stack: string): string => `"$HOME/.pinned-stack/"${quote(`${stack}.lock`)}`;

/** Prints `acquired`, or the content of the lock that is there. */
const acquireScript = (stack: string, content: string): string => `umask 077
mkdir -p "$HOME/.pinned-stack"
if (set -C; printf '%s\\n' ${quote(content)} >${lockFile(stack)}) 2>/dev/null; then echo acquired; else cat ${lockFile(stack)}; fi
`;

/** Removes the lock only if it is still the one that was seen. */
const removeScript = (stack: string, content: string): string =>
  `if [ "$(cat ${lockFile(stack)} 2>/dev/null)" = ${quote(content)} ]; then rm -f ${lockFile(stack)}; fi\n`;

export const me = (): Holder => ({
  user: userInfo().username,
  machine: hostname(),
  pid: process.pid,
  since: new Date().toISOString(),
});

/**
 * Rejects with a {@link LockedError} that names the holder. A lock whose process is gone is taken over, as far as that
 * can be known: on the machine that made it.
 */
export async function acquireLock(
  shell: HostShell,
  stack: string,
  say: (line: string) => void,
  self: Holder = me(),
): Promise<Lock> {
  const content = JSON.stringify(self);
  const attempt = async (): Promise<string> => {
    const { code, stdout, stderr } = await shell(acquireScript(stack, content));
    if (code !== 0) throw new LockedError(`the lock on the host: ${stderr.trim()}`);
    return stdout.trim();
  };
  let seen = await attempt();
  if (seen !== "acquired") {
    const other = parseHolder(seen);
    if (other !== undefined && isGone(other, self)) {
      say(`taking over from ${describe(other)}, which has ended without removing its lock`);
      await shell(removeScript(stack, seen));
      seen = await attempt();
    }
  }
  if (seen !== "acquired") throw new LockedError(lockedText(stack, seen));
  return {
    release: async () => {
      await shell(removeScript(stack, content)).catch(() => {
        say(`the lock could not be removed; once the host can be reached: ${unlock(stack)}`);
      });
    },
  };
}

/** Removes whatever lock is there; gives its holder. */
export async function breakLock(shell: HostShell, stack: string): Promise<string | undefined> {
  const { stdout } = await shell(
    `cat ${lockFile(stack)} 2>/dev/null || :\nrm -f ${lockFile(stack)}\n`,
  );
  const seen = stdout.trim();
  if (seen === "") return undefined;
  const other = parseHolder(seen);
  return other === undefined ? "an unknown holder" : describe(other);
}

function parseHolder(text: string): Holder | undefined {
  try {
    return holder.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Only about processes of this machine and user can anything be known. */
function isGone(other: Holder, self: Holder): boolean {
  if (other.machine !== self.machine) return false;
  try {
    process.kill(other.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

export function lockedText(stack: string, seen: string): string {
  const other = parseHolder(seen);
  const who = other === undefined ? "somebody" : describe(other);
  return `stack ${stack} is being deployed by ${who}; wait for its end, or, when you know that it has ended: ${unlock(stack)}`;
}

const unlock = (stack: string): string => `npm run deploy -- --stack ${stack} --unlock`;
const describe = ({ user, machine, pid, since }: Holder): string =>
  `${user}@${machine} (process ${pid}) since ${since}`;
