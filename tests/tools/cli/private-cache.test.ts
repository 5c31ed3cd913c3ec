import assert from "node:assert/strict";
import {
  chmod,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parse } from "yaml";

import { PROJECT_FOLDER } from "../../../tools/cli/command";
import { commandWords } from "../../support/project-command";
import { plainEnvironment, run, succeeded } from "../../support/run";

const uid = process.getuid?.() ?? assert.fail("no user id");

describe("compiled TypeScript", function () {
  this.timeout(60_000);
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cache-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  for (const name of ["preview", "pin", "report", "doctor", "deploy", "drift"] as const)
    it(`of npm run ${name} is not kept where others can plant it`, async () => {
      const env = { ...plainEnvironment, TMPDIR: folder };
      const args = [...commandWords(name), "--help"];
      succeeded(name, await run(process.execPath, args, { env }));
      assert.deepEqual(await readdir(folder), []);
    });

  it("of the program is kept in the same folder by Pulumi", async () => {
    const { runtime } = parse(await readFile(join(PROJECT_FOLDER, "Pulumi.yaml"), "utf8")) as {
      readonly runtime: { readonly options: { readonly nodeargs?: string } };
    };
    const { nodeargs = "" } = runtime.options;
    const args = [...nodeargs.split(" "), "-p", "process.env.TS_NODE_CACHE_DIRECTORY"];
    const { stdout } = succeeded(
      "node",
      await run(process.execPath, args, { cwd: PROJECT_FOLDER }),
    );
    assert.match(stdout, /\/node_modules\/\.cache\/pinned-stack-\d+\/ts-node\n$/);
  });

  /** A project with nothing but this file; prints what it decided on. */
  async function decide(): Promise<string> {
    await mkdir(join(folder, "tools", "cli"), { recursive: true });
    const file = join(folder, "tools", "cli", "private-cache.cjs");
    await cp(join(PROJECT_FOLDER, "tools", "cli", "private-cache.cjs"), file);
    const script =
      "const { TS_NODE_CACHE_DIRECTORY: a, TS_NODE_CACHE: b, TSX_DISABLE_CACHE: c } = process.env; console.log(a, b, c)";
    const args = ["--require", file, "-e", script];
    return succeeded("node", await run(process.execPath, args)).stdout.trim();
  }
  const cache = (): string => join(folder, "node_modules", ".cache", `pinned-stack-${uid}`);

  it("is kept in a folder of its user alone", async () => {
    const seen = await decide();
    assert.equal(seen, `${join(cache(), "ts-node")} undefined undefined`);
    assert.equal((await lstat(cache())).mode & 0o777, 0o700);
    assert.equal(await decide(), seen);
  });

  it("is not kept where others could write to the folder, or it cannot be made", async () => {
    await mkdir(cache(), { recursive: true });
    await chmod(cache(), 0o777);
    assert.equal(await decide(), "undefined false 1");
    await rm(cache(), { recursive: true });
    await writeFile(cache(), "a file");
    assert.equal(await decide(), "undefined false 1");
  });
});
