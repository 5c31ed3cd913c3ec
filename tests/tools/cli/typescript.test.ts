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

  it("of the program is made by tsx as well, not by Pulumi's own loader", async () => {
    const { runtime } = parse(await readFile(join(PROJECT_FOLDER, "Pulumi.yaml"), "utf8")) as {
      readonly runtime: { readonly options: unknown };
    };
    assert.deepEqual(runtime.options, {
      packagemanager: "npm",
      typescript: false,
      nodeargs: "--require ./tools/cli/typescript.cjs",
    });
  });

  /** A project with this file and a tsx that prints what it finds; the folder of its cache or `none`. */
  async function decide(): Promise<string> {
    await mkdir(join(folder, "tools", "cli"), { recursive: true });
    const file = join(folder, "tools", "cli", "typescript.cjs");
    await cp(join(PROJECT_FOLDER, "tools", "cli", "typescript.cjs"), file);
    const tsx = join(folder, "node_modules", "tsx");
    await mkdir(tsx, { recursive: true });
    await writeFile(
      join(tsx, "cjs.js"),
      'console.log(process.env.TSX_DISABLE_CACHE === "1" ? "none" : require("node:os").tmpdir());',
    );
    const env = { ...plainEnvironment, TMPDIR: join(folder, "shared") };
    const args = ["--require", file, "-e", "console.log(process.env.TMPDIR)"];
    const [found = "", after] = succeeded("node", await run(process.execPath, args, { env }))
      .stdout.trim()
      .split("\n");
    assert.equal(after, env.TMPDIR, "the program has the temporary folder of its user");
    return found;
  }
  const cache = (): string => join(folder, "node_modules", ".cache", `pinned-stack-${uid}`);

  it("is kept in a folder of its user alone", async () => {
    assert.equal(await decide(), cache());
    assert.equal((await lstat(cache())).mode & 0o777, 0o700);
    assert.equal(await decide(), cache());
  });

  it("is not kept where others could write to the folder, or it cannot be made", async () => {
    await mkdir(cache(), { recursive: true });
    await chmod(cache(), 0o777);
    assert.equal(await decide(), "none");
    await rm(cache(), { recursive: true });
    await writeFile(cache(), "a file");
    assert.equal(await decide(), "none");
  });
});
