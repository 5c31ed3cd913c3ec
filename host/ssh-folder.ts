/** The folder in which ssh creates the socket of a shared connection. */
import { mkdirSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";

/**
 * ssh creates its control socket in ~/.ssh and fails if that folder does not exist. Errors here are ignored (a user without
 * a passwd entry, a read-only home): ssh reports them if it is used, and a preview does not use it.
 */
export function makeSshFolder(): void {
  try {
    mkdirSync(join(userInfo().homedir, ".ssh"), { recursive: true, mode: 0o700 });
  } catch {
    // See above.
  }
}
