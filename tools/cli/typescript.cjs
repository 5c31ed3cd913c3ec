/**
 * Loads tsx, which runs TypeScript, with a private cache. tsx would keep compiled files in a folder with a predictable name in the
 * temporary folder, where any user of this machine could put code that then runs as the user who deploys. Loaded with `--require`,
 * so it is JavaScript: by the commands and by Pulumi (`nodeargs` in Pulumi.yaml).
 */
const { existsSync, lstatSync, mkdirSync } = require("node:fs");
const { enableCompileCache } = require("node:module");
const { dirname, resolve } = require("node:path");

const uid = process.getuid?.() ?? 0;
const folder = resolve(__dirname, "../../node_modules/.cache", `pinned-stack-${uid}`);

/** Whether only this user can write to the folder. */
function isPrivate() {
  try {
    mkdirSync(dirname(folder), { recursive: true });
    if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
    const found = lstatSync(folder);
    return found.isDirectory() && found.uid === uid && (found.mode & 0o077) === 0;
  } catch {
    // Such as a project that belongs to another user.
    return false;
  }
}

const { TMPDIR } = process.env;
if (isPrivate()) {
  // Compiled code of all modules, dependencies included. Node has it since 22.1. It would make figures of coverage imprecise.
  if (process.env.NODE_V8_COVERAGE === undefined) enableCompileCache?.(resolve(folder, "node"));
  // tsx has no setting for its cache. It reads the temporary folder once, when it is loaded.
  process.env.TMPDIR = folder;
} else process.env.TSX_DISABLE_CACHE = "1";
require("tsx/cjs");
if (TMPDIR === undefined) delete process.env.TMPDIR;
else process.env.TMPDIR = TMPDIR;
