/**
 * Pulumi's own lock on a stack, which a run leaves behind that is killed. A preview does not mind it, an update is
 * refused: it has to be found before anything is touched.
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
 * Who holds it, one line each. Only of a backend in a folder it can be seen; the others give none.
 *
 * @param url of the backend, as `pulumi whoami` gives it: `file://~`, `file:///srv/state`, `https://…`
 */
export function stackLocks(url: string, stack: string): string[] {
  const folder = folderOf(url);
  if (folder === undefined) return [];
  const locks = join(folder, ".pulumi", "locks", "organization", "pinned-stack", stack);
  return filesIn(locks).map((file) => {
    const held = lock.safeParse(read(join(locks, file)));
    if (!held.success) return `an unknown process (${file})`;
    const { username, hostname: machine, pid, timestamp } = held.data;
    const ended = machine === hostname() && !isProcessAlive(pid) ? ", which has ended" : "";
    return `${username}@${machine} (process ${pid}) since ${timestamp}${ended}`;
  });
}

/** What to do about it. */
export const stackLocked = (stack: string, held: string): string =>
  `another Pulumi process works on stack ${stack}: ${held}; wait until it ends, or, if it has ended already, run: npx pulumi cancel --stack ${stack}`;

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
