/**
 * One deployment at a time: a volume of Docker's says who is at it, because the engine is the one thing that all who
 * deploy to a host share, whatever their user and their way there. It makes a volume once and gives the same one to
 * everybody who asks again. Pulumi's own lock covers a single update, and a deployment is several runs with work
 * between them.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname, userInfo } from "node:os";

import { z } from "zod";

import { CommandError } from "../../cli/command";
import { quote } from "../../../host/shell-quote";
import { HostShell } from "./shell";

const holder = z.object({
  user: z.string(),
  machine: z.string(),
  /** Where the process id means something; a host name alone may be that of several machines. */
  kernel: z.string().optional(),
  pid: z.number(),
  since: z.string(),
});
export type Holder = z.output<typeof holder>;

class LockedError extends CommandError {
  constructor(message: string) {
    super(message, 1);
  }
}

export interface Lock {
  release(): Promise<void>;
}

const LABEL = "pinned-stack.lock";
const volumeOf = (stack: string): string => quote(`${stack}-deployment-lock`);
const contentOf = (stack: string): string =>
  `docker volume inspect --format '{{index .Labels "${LABEL}"}}' ${volumeOf(stack)}`;

/** Prints the content of the lock: the one given, or that of whoever was first. */
const acquireScript = (stack: string, content: string): string =>
  `said=$(docker volume create --label ${quote(`${LABEL}=${content}`)} ${volumeOf(stack)} 2>&1) ||
  docker volume inspect ${volumeOf(stack)} >/dev/null 2>&1 || { printf '%s\\n' "$said" >&2; exit 1; }
${contentOf(stack)}
`;

/** Removes the lock only if it is still the one that was seen. */
const removeScript = (stack: string, content: string): string =>
  `seen=$(${contentOf(stack)} 2>/dev/null) || exit 0
[ "$seen" != ${quote(content)} ] || docker volume rm ${volumeOf(stack)} >/dev/null
`;

export const me = (): Holder => ({
  user: userInfo().username,
  machine: hostname(),
  ...kernel(),
  pid: process.pid,
  since: new Date().toISOString(),
});

/** This start of this machine, and in it the process ids that are seen from here; nothing where it is not Linux. */
function kernel(): Pick<Holder, "kernel"> {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return { kernel: `${boot} ${readlinkSync("/proc/self/ns/pid")}` };
  } catch {
    return {};
  }
}

/**
 * Rejects with a {@link LockedError} that names the holder. A lock whose process is gone is taken over, as far as that
 * can be known: on the machine that made it, until its next start.
 */
export async function acquireLock(
  shell: HostShell,
  stack: string,
  log: (line: string) => void,
  self: Holder = me(),
): Promise<Lock> {
  const content = JSON.stringify(self);
  const attempt = async (): Promise<string> => {
    const { code, stdout, stderr } = await shell(acquireScript(stack, content));
    if (code !== 0)
      throw new LockedError(`the lock on the host could not be made: ${stderr.trim()}`);
    return stdout.trim();
  };
  let seen = await attempt();
  const other = parseHolder(seen);
  if (seen !== content && other !== undefined && isGone(other, self)) {
    log(`taking over from ${describe(other)}, which has ended without removing its lock`);
    await shell(removeScript(stack, seen));
    seen = await attempt();
  }
  if (seen !== content) throw new LockedError(lockedText(stack, seen));
  return {
    release: async () => {
      const left = (): void => {
        log(
          `the lock could not be removed; when the host can be reached again, run: ${unlock(stack)}`,
        );
      };
      await shell(removeScript(stack, content)).then(({ code }) => {
        if (code !== 0) left();
      }, left);
    },
  };
}

/** Removes whatever lock is there; gives its holder. */
export async function breakLock(shell: HostShell, stack: string): Promise<string | undefined> {
  const { code, stdout, stderr } = await shell(
    `docker version >/dev/null
seen=$(${contentOf(stack)} 2>/dev/null) || exit 0
docker volume rm ${volumeOf(stack)} >/dev/null
printf 'lock=%s\\n' "$seen"
`,
  );
  if (code !== 0) throw new CommandError(`the lock could not be removed: ${stderr.trim()}`);
  const seen = /^lock=(.*)$/m.exec(stdout)?.[1];
  if (seen === undefined) return undefined;
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

/** Only about processes of this machine can anything be known. */
const isGone = (other: Holder, self: Holder): boolean =>
  other.kernel !== undefined && other.kernel === self.kernel && !isProcessAlive(other.pid);

export function lockedText(stack: string, seen: string): string {
  const other = parseHolder(seen);
  const who = other === undefined ? "somebody" : describe(other);
  return `stack ${stack} is being deployed by ${who}; wait until that ends, or, if you know that it has ended, run: ${unlock(stack)}`;
}

const unlock = (stack: string): string => `npm run deploy -- --stack ${stack} --unlock`;
const describe = ({ user, machine, pid, since }: Holder): string =>
  `${user}@${machine} (process ${pid}) since ${since}`;

/** Whether a process of this machine exists; one of another user, which may not be signalled, does. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
