/**
 * Chooses the folder for compiled TypeScript. tsx and ts-node would use a folder with a predictable name in the temporary
 * folder, where any user of this machine could put code that then runs as the user who deploys. Loaded with `--require`, so
 * it is JavaScript: by the commands (typescript.cjs) and by Pulumi (`nodeargs` in Pulumi.yaml).
 */
const { existsSync, lstatSync, mkdirSync } = require("node:fs");
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

if (isPrivate()) {
  process.env.TS_NODE_CACHE_DIRECTORY = resolve(folder, "ts-node");
  exports.folder = folder;
} else {
  process.env.TS_NODE_CACHE = "false";
  process.env.TSX_DISABLE_CACHE = "1";
}
