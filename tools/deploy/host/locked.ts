/** Work on the data of a stack, which no deployment may change meanwhile. */
import { readStackFile } from "../../../config/file/read";
import { hostAccess } from "../../../host/address";
import { hostShell } from "../../../host/shell";
import { printLine, PROJECT_FOLDER } from "../../cli/command";
import { loadStack } from "../../model/load";
import { beforeChanges } from "../context";
import { Databases } from "./dump";
import { acquireLock } from "./lock";

/** Works on the data of a stack under its lock. Rejects with the signal's reason after an interrupt. */
export async function onDatabases(
  stack: string,
  signal: AbortSignal,
  work: (databases: Databases) => Promise<number>,
): Promise<number> {
  try {
    return await beforeChanges(async () => {
      const loaded = loadStack(readStackFile(stack, PROJECT_FOLDER), { placeholders: true });
      const shell = hostShell(hostAccess(loaded.config.host));
      const lock = await acquireLock(shell, stack, printLine);
      try {
        return await work({ shell, loaded, signal, log: printLine });
      } finally {
        await lock.release();
      }
    });
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
}
