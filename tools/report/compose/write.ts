/** Writes the Compose export into its folder. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { CommandError } from "../../cli/command";
import { ComposeExport } from "./compose";

/** Readable by everybody whatever the umask is: Compose mounts the files as they are, for the user of each service. */
const MODE = 0o644;

/** Writes the files of an export into a folder, which is created if it does not exist. Other files in it stay. */
export function writeExport(folder: string, files: ComposeExport): void {
  try {
    for (const [path, content] of Object.entries(files)) {
      const file = join(folder, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content, { mode: MODE });
      chmodSync(file, MODE);
    }
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    throw new CommandError(
      `--output: cannot write to ${JSON.stringify(folder)} (${String(error.code)}); choose a folder that you may write to`,
    );
  }
}
