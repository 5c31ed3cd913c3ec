/** docs/adding-a-service.md, done to a copy of the project word for word. */
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { PROJECT_FOLDER } from "../../scripts/cli";
import { commandWords } from "../support/project-command";
import { plainEnvironment, Result, run, succeeded } from "../support/run";

interface Step {
  readonly file: string;
  readonly kind: "ts" | "diff";
  readonly lines: readonly string[];
}

/** The page's blocks of code, each with the file that was named last before it. */
function steps(page: string): Step[] {
  const found: Step[] = [];
  let file = "";
  let block: { readonly kind: string; readonly lines: string[] } | undefined;
  for (const line of page.split("\n")) {
    const fence = /^```(\w*)$/.exec(line);
    if (block !== undefined && fence === null) block.lines.push(line);
    else if (block !== undefined) {
      const { kind, lines } = block;
      if (kind === "ts" || kind === "diff") found.push({ file, kind, lines });
      block = undefined;
    } else if (fence !== null) block = { kind: fence[1] ?? "", lines: [] };
    else file = /^`([\w./-]+\.(?:ts|yaml))`/.exec(line)?.[1] ?? file;
  }
  return found;
}

async function take({ file, kind, lines }: Step, folder: string): Promise<void> {
  const path = join(folder, file);
  if (kind === "ts") return writeFile(path, `${lines.join("\n")}\n`);
  const text = (signs: string): string =>
    lines
      .filter((line) => signs.includes(line[0] ?? ""))
      .map((line) => `${line.slice(1)}\n`)
      .join("");
  const parts = (await readFile(path, "utf8")).split(text(" "));
  assert.equal(parts.length, 2, `${file} has the context of this change once:\n${text(" ")}`);
  return writeFile(path, parts.join(text(" +")));
}

describe("docs/adding-a-service.md", function () {
  this.timeout(120_000);
  let folder: string;
  const inCopy = (...words: readonly string[]): Promise<Result> =>
    run(process.execPath, words, {
      cwd: folder,
      env: plainEnvironment,
    });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "eighth-"));
    const left = new Set([
      ".git",
      "node_modules",
      "coverage",
      "test-output",
      "tests",
      "docs",
      "bench",
    ]);
    await cp(PROJECT_FOLDER, folder, {
      recursive: true,
      filter: (source) => source === PROJECT_FOLDER || !left.has(basename(source)),
    });
    await symlink(join(PROJECT_FOLDER, "node_modules"), join(folder, "node_modules"));
    const page = await readFile(join(PROJECT_FOLDER, "docs", "adding-a-service.md"), "utf8");
    const all = steps(page);
    assert.deepEqual(
      all.map(({ file }) => file),
      [
        "components/redis.ts",
        "config-schema.ts",
        "index.ts",
        "index.ts",
        "components/n8n.ts",
        "Pulumi.dev.yaml",
        "Pulumi.prod.yaml",
      ],
    );
    for (const step of all) await take(step, folder);
  });
  after(() => rm(folder, { recursive: true }));

  it("adds an eighth service that compiles", async () => {
    const { code, stdout } = await inCopy(require.resolve("typescript/bin/tsc"));
    assert.deepEqual([code, stdout], [0, ""]);
  });

  for (const stack of ["dev", "prod"])
    it(`adds it to the ${stack} stack, under the whole policy, with a network of its own`, async () => {
      const report = (format: string): Promise<Result> =>
        inCopy(...commandWords("report"), "--stack", stack, "--format", format);
      const table = succeeded("report", await report("table")).stdout;
      assert.match(table, /: 9 containers of 8 images, 10 networks, CIS section 5: 0 findings, /);
      assert.match(table, /^redis +999:1000 +none +read-only +128 MiB +0\.5 +200 +nothing$/m);
      assert.match(table, /^n8n-redis +n8n → redis +no$/m);
      assert.match(table, /^redis +start first$/m);
    });
});
