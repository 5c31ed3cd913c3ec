import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { UserError } from "../../../text/user-error";

/** A start page, not a download server: the files travel with the deployment and are kept in its state. */
const MOST_FILES = 200;
const MOST_BYTES = 5 * 1024 * 1024;

/**
 * The files of the user's own site, by path below the folder. Hidden files are left out. Throws an error that says what
 * does not fit: no index.html, too many or too large files, a link (it could bring in anything of this machine).
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
        fail(`${JSON.stringify(inside)} is a link or a device, expected a plain file`);
      bytes += info.size;
      if (bytes > MOST_BYTES) fail(`expected at most ${MOST_BYTES / 1024 / 1024} MiB of files`);
      // Docker refuses an upload without content, and a browser has no use for an empty file.
      if (info.size === 0) continue;
      files[inside] = { base64: readFileSync(join(folder, inside)).toString("base64") };
      if (Object.keys(files).length > MOST_FILES) fail(`expected at most ${MOST_FILES} files`);
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
