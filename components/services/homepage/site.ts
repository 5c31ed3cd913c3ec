/** Reads the user's own site, which the start page serves instead of the generated pages. */
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { UserError } from "../../../text/user-error";

/** Limits for the site, because Pulumi stores the files in its state. */
const MAX_FILES = 200;
const MAX_BYTES = 5 * 1024 * 1024;

/**
 * The files of the user's own site, by path relative to the folder. Hidden and empty files are left out. Throws a
 * {@link UserError} without an index.html, for too many or too large files, and for symbolic links, which could expose
 * any file of this machine.
 */
export function siteFiles(folder: string): Record<string, { readonly base64: string }> {
  const files: Record<string, { readonly base64: string }> = {};
  let bytes = 0;
  const fail = (problem: string): never => {
    throw new UserError(`services.homepage.folder: ${problem}`);
  };
  const visit = (path: string): void => {
    for (const name of readdirSync(join(folder, path)).sort()) {
      if (name.startsWith(".")) continue;
      const inside = path === "" ? name : `${path}/${name}`;
      const info = lstatSync(join(folder, inside));
      if (info.isDirectory()) {
        visit(inside);
        continue;
      }
      if (!info.isFile())
        fail(`${JSON.stringify(inside)} is a link or a device, expected a regular file`);
      bytes += info.size;
      if (bytes > MAX_BYTES) fail(`expected at most ${MAX_BYTES / 1024 / 1024} MiB of files`);
      // The provider rejects an upload without content.
      if (info.size === 0) continue;
      files[inside] = { base64: readFileSync(join(folder, inside)).toString("base64") };
      if (Object.keys(files).length > MAX_FILES) fail(`expected at most ${MAX_FILES} files`);
    }
  };
  try {
    visit("");
  } catch (error) {
    if (error instanceof Error && "code" in error)
      fail(`cannot read ${JSON.stringify(folder)} (${String(error.code)}), expected a folder`);
    throw error;
  }
  if (!("index.html" in files)) fail(`no index.html in ${JSON.stringify(folder)}`);
  return files;
}
