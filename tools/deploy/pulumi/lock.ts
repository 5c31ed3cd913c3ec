/**
 * Pulumi's own lock on a stack. A killed run leaves it behind. A preview ignores it and an update fails, so it is checked
 * before anything is changed, and removed if its holder has exited.
 */
import { readdirSync, readFileSync } from "node:fs";
import { homedir, hostname, userInfo } from "node:os";
import { join, resolve } from "node:path";

import { z } from "zod";

import { PROJECT_FOLDER } from "../../cli/command";
import { isProcessAlive } from "../host/lock";

const lock = z.object({
  pid: z.number(),
  username: z.string(),
  hostname: z.string(),
  timestamp: z.string(),
});

export interface StackLock {
  /** Who holds it, in words. */
  readonly holder: string;
  /** Whether it was left behind by a process of this machine and user that has exited. */
  readonly left: boolean;
}

/**
 * Only `file://` backends show their locks; empty for others.
 *
 * @param url of the backend, from `pulumi whoami`: `file://~`, `file:///srv/state`, `https://…`
 */
export function stackLocks(url: string, stack: string): StackLock[] {
  const folder = folderOf(url);
  if (folder === undefined) return [];
  const locks = join(folder, ".pulumi", "locks", "organization", "pinned-stack", stack);
  return filesIn(locks).map((file) => {
    const held = lock.safeParse(read(join(locks, file)));
    if (!held.success) return { holder: `an unknown process (${file})`, left: false };
    const { username, hostname: machine, pid, timestamp } = held.data;
    const exited = machine === hostname() && !isProcessAlive(pid);
    return {
      holder: `${username}@${machine} (process ${pid}) since ${timestamp}${exited ? ", which has exited" : ""}`,
      left: exited && username === userInfo().username,
    };
  });
}

/**
 * Removes a lock that was left behind. Only for a process that holds the host's lock, so that no other deployment runs.
 * `pulumi cancel` removes all locks of a stack, so nothing is removed while another process holds one.
 */
export async function freeStack(
  stack: string,
  locks: readonly StackLock[],
  pulumi: (args: readonly string[]) => Promise<unknown>,
  log: (line: string) => void,
): Promise<void> {
  if (locks.length === 0 || locks.some(({ left }) => !left)) return;
  for (const { holder } of locks) log(`removing Pulumi's lock of ${holder}`);
  await pulumi(["cancel", "--yes", "--stack", stack]);
}

export const stackLocked = (stack: string, holder: string): string =>
  `stack ${stack} is locked by another Pulumi process: ${holder}; wait until it exits, or, if it has exited already, run: npx pulumi cancel --stack ${stack}`;

function folderOf(url: string): string | undefined {
  const path = /^file:\/\/([^?]*)/.exec(url)?.[1];
  if (path === undefined) return undefined;
  return path.startsWith("~") ? join(homedir(), path.slice(1)) : resolve(PROJECT_FOLDER, path);
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(".json"));
  } catch {
    return [];
  }
}

function read(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}
