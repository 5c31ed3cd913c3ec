/** docs/adding-a-service.md, done to a copy of the project word for word. */
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";

import { PROJECT_FOLDER } from "../../tools/cli/command";
import { commandWords } from "../support/project-command";
import { plainEnvironment, Result, run, succeeded } from "../support/run";

/** The page up to here makes the service, from here on what it means is written down. */
const AFTERWARDS = "\n## 4. ";

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
    else file = /^`([\w./-]+\.(?:ts|yaml|md))`/.exec(line)?.[1] ?? file;
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

/** The unit tests that look at a configuration or at a whole stack; a service more is no matter to the others. */
const TESTS = [
  ...["config", "config-rules", "config-schema", "outputs", "renovate", "stack", "stack-files"].map(
    (name) => `tests/${name}.test.ts`,
  ),
  ...["model", "report", "docs"].map((name) => `tests/${name}/*.test.ts`),
  ...["offline-plan", "preview", "report"].map((name) => `tests/scripts/${name}.test.ts`),
];
/** They start a process each, and none of them tells of a service. */
const SLOW = "npm run report (?:compares|notices|ends with 2|says how)";

/** By file, how many tests fail for the page's reader: its table. */
const failuresOn = (page: string): Record<string, number> =>
  Object.fromEntries(
    [...page.matchAll(/^\| `(tests\/[\w./-]+)` +\| (\d+) +\|/gm)].map(([, file = "", count]) => [
      file,
      Number(count),
    ]),
  );

interface MochaReport {
  readonly stats: { readonly passes: number };
  readonly failures: readonly { readonly file: string; readonly fullTitle: string }[];
}

describe("docs/adding-a-service.md", function () {
  this.timeout(120_000);
  let folder: string;
  let page: string;
  let afterwards: readonly Step[];
  const inCopy = (words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Result> =>
    run(process.execPath, words, { cwd: folder, env: { ...plainEnvironment, ...env } });
  const mocha = async (
    words: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): Promise<MochaReport> => {
    const output = join(folder, "mocha.json");
    const json = ["--reporter", "json", "--reporter-option", `output=${output}`];
    // A busy machine is no failure.
    const patient = ["--timeout", "60000"];
    const { stderr } = await inCopy(
      [require.resolve("mocha/bin/mocha.js"), ...words, ...json, ...patient],
      env,
    );
    const text = await readFile(output, "utf8").catch(() => assert.fail(stderr));
    await rm(output);
    return JSON.parse(text) as MochaReport;
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "eighth-"));
    const left = new Set([".git", "node_modules", "coverage", "test-output", "bench", "mutation"]);
    await cp(PROJECT_FOLDER, folder, {
      recursive: true,
      filter: (source) => source === PROJECT_FOLDER || !left.has(basename(source)),
    });
    await symlink(join(PROJECT_FOLDER, "node_modules"), join(folder, "node_modules"));
    page = await readFile(join(PROJECT_FOLDER, "docs", "adding-a-service.md"), "utf8");
    const made = steps(page.slice(0, page.indexOf(AFTERWARDS)));
    afterwards = steps(page).slice(made.length);
    assert.deepEqual(
      [made, afterwards].map((some) => some.map(({ file }) => file)),
      [
        [
          "components/redis.ts",
          "config/schema.ts",
          "config/config.ts",
          ...["index.ts", "index.ts", "index.ts"],
          ...["components/services/n8n.ts", "components/services/n8n.ts"],
          "Pulumi.dev.yaml",
          "Pulumi.prod.yaml",
        ],
        ["tests/stack.test.ts", "docs/hardening.md", "docs/hardening.md"],
      ],
    );
    for (const step of made) await take(step, folder);
  });
  after(() => rm(folder, { recursive: true }));

  it("adds an eighth service that compiles", async () => {
    const { code, stdout } = await inCopy([require.resolve("typescript/bin/tsc")]);
    assert.deepEqual([code, stdout], [0, ""]);
  });

  for (const stack of ["dev", "prod"])
    it(`adds it to the ${stack} stack, under the whole policy, with a network of its own`, async () => {
      const report = (format: string): Promise<Result> =>
        inCopy([...commandWords("report"), "--stack", stack, "--format", format]);
      const table = succeeded("report", await report("table")).stdout;
      assert.match(table, /: 9 containers of 8 images, 10 networks, CIS section 5: 0 findings, /);
      assert.match(table, /^redis +999:1000 +none +read-only +128 MiB +0\.5 +200 +nothing$/m);
      assert.match(table, /^n8n-redis +n8n → redis +no$/m);
      assert.match(table, /^redis +start first$/m);
    });

  it("fails exactly the unit tests that the page names", async () => {
    const { stats, failures } = await mocha([...TESTS, "--grep", SLOW, "--invert"]);
    const failed: Record<string, number> = {};
    for (const { file } of failures) {
      const name = relative(folder, file);
      failed[name] = (failed[name] ?? 0) + 1;
    }
    const titles = failures.map(({ fullTitle }) => fullTitle).join("\n");
    assert.deepEqual(failed, failuresOn(page), titles);
    assert.ok(stats.passes > 350, `${stats.passes} pass`);
  });

  it("fails none that it shows how to satisfy, once that is done", async () => {
    for (const step of afterwards) await take(step, folder);
    const commands = [...page.matchAll(/^UPDATE_GOLDEN=1 npx mocha (.+)$/gm)].map(
      ([, file = ""]) => file,
    );
    assert.deepEqual(commands, [
      "tests/report/formats.test.ts",
      // It takes pictures of a page on a real engine.
      "tests/integration/report-page.test.ts",
    ]);
    const written = ["tests/stack.test.ts", "tests/docs/hardening.test.ts"];
    const { failures } = await mocha([...commands.slice(0, 1), ...written], { UPDATE_GOLDEN: "1" });
    assert.deepEqual(failures, []);
  });
});
