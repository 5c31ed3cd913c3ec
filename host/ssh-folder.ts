/** The folder of the connection that a deployment shares. */
import { mkdirSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";

/**
 * ssh creates its control socket in ~/.ssh and fails if that folder does not exist. Errors here are ignored (a user without
 * a passwd entry, a read-only home): ssh reports them if it is used, and a preview does not use it. Not recursive: Node.js never
 * returns then where the parent cannot be made.
 *
 * @param home default: the home of this process's user as ssh reads it, from the passwd entry
 */
export function makeSshFolder(home?: string): void {
  try {
    mkdirSync(join(home ?? userInfo().homedir, ".ssh"), 0o700);
  } catch {
    // See above.
  }
}
