/** Loads tsx, which runs TypeScript, with a private cache. */
const { folder } = require("./private-cache.cjs");

const { TMPDIR } = process.env;
// tsx has no setting for its cache. It reads the temporary folder once, when it is loaded.
if (folder !== undefined) process.env.TMPDIR = folder;
require("tsx/cjs");
if (TMPDIR === undefined) delete process.env.TMPDIR;
else process.env.TMPDIR = TMPDIR;
