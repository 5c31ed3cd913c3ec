/**
 * Pulumi's own lock on a stack. A killed run leaves it behind. A preview ignores it and an update fails, so it is checked
 * before anything is changed.
 */
import { readdirSync, readFileSync } from "node:fs";
import { homedir, hostname } from "node:os";
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

/**
 * The lock holders, one line each. Only `file://` backends show their locks; empty for others.
 *
 * @param url of the backend, from `pulumi whoami`: `file://~`, `file:///srv/state`, `https://…`
 */
export function stackLocks(url: string, stack: string): string[] {
  const folder = folderOf(url);
  if (folder === undefined) return [];
  const locks = join(folder, ".pulumi", "locks", "organization", "pinned-stack", stack);
  return filesIn(locks).map((file) => {
    const held = lock.safeParse(read(join(locks, file)));
    if (!held.success) return `an unknown process (${file})`;
    const { username, hostname: machine, pid, timestamp } = held.data;
    const ended = machine === hostname() && !isProcessAlive(pid) ? ", which has exited" : "";
    return `${username}@${machine} (process ${pid}) since ${timestamp}${ended}`;
  });
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
