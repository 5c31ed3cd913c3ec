/** docs/adding-a-service.md, followed word for word on a copy of the project. It needs no Docker; it is here because it is slow. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";

import { PROJECT_FOLDER } from "../../tools/cli/command";
import { commandWords } from "../support/project-command";
import { plainEnvironment, Result, run, succeeded } from "../support/run";

/** The file that the page adds. */
const ADDED = "components/services/redis.ts";

/** The page adds the service up to here, and then says what to write down. */
const AFTERWARDS = "\n## 5. ";

interface Step {
  readonly file: string;
  readonly kind: "ts" | "diff";
  readonly text: string;
}

/** The blocks of code on the page, each with the file that was named last before it, at the beginning of a line. */
function steps(page: string): Step[] {
  let file = "";
  return [...page.matchAll(/^`([\w./-]+\.(?:ts|ya?ml|md))`|^```(\w+)\n(.*?)^```$/gms)].flatMap(
    ([, named, kind, text = ""]): Step[] => {
      file = named ?? file;
      return kind === "ts" || kind === "diff" ? [{ file, kind, text }] : [];
    },
  );
}

async function take({ file, kind, text }: Step, folder: string): Promise<void> {
  const path = join(folder, file);
  if (kind === "ts") return writeFile(path, text);
  const lines = (signs: string): string =>
    text
      .split("\n")
      .filter((line) => line !== "" && signs.includes(line.charAt(0)))
      .map((line) => `${line.slice(1)}\n`)
      .join("");
  const parts = (await readFile(path, "utf8")).split(lines(" "));
  assert.equal(parts.length, 2, `${file} has these lines once:\n${lines(" ")}`);
  return writeFile(path, parts.join(lines(" +")));
}

/** The unit tests that look at a configuration or at a whole stack. To the others a service more is no matter. */
const TESTS = [
  "tests/@(renovate|sources|stack|stack-files).test.ts",
  "tests/@(components|docs)/**/*.test.ts",
  // The schema for editors is made anew by a command, not by a step of the page.
  "tests/config/!(json-schema).test.ts",
  "tests/config/file/*.test.ts",
  "tests/properties/@(compose-export|configurations|secrets).test.ts",
  "tests/tools/@(bin|model|report)/**/*.test.ts",
  "tests/tools/deploy/*.test.ts",
  "tests/tools/deploy/plan/*.test.ts",
  "tests/tools/trust/*.test.ts",
];

/** Slow ones of scripts that know nothing of services. */
const SCRIPTS = "tests/components/{hardened/start,upgrade/move,upgrade/watch}.test.ts";

/** By file, how many tests fail for the reader of the page: its table. */
const failuresOn = (page: string): Record<string, number> =>
  Object.fromEntries(
    [...page.matchAll(/^\| `(tests\/[\w./-]+)` +\| (\d+) +\|/gm)].map(([, file = "", count]) => [
      file,
      Number(count),
    ]),
  );

/** Milliseconds; a busy machine is no failure. */
const PATIENCE = 600_000;

interface MochaReport {
  readonly stats: { readonly passes: number };
  readonly failures: readonly {
    readonly file: string;
    readonly fullTitle: string;
    readonly err: { readonly message?: string };
  }[];
}

describe("docs/adding-a-service.md", function () {
  this.timeout(PATIENCE);
  let folder: string | undefined;
  let page: string;
  let afterwards: readonly Step[];
  const inFolder = (): string => folder ?? assert.fail("there is no copy of the project");
  const inCopy = (words: readonly string[]): Promise<Result> =>
    run(process.execPath, words, { cwd: inFolder(), env: plainEnvironment, timeout: PATIENCE });
  const mocha = async (files: readonly string[]): Promise<MochaReport> => {
    const output = join(inFolder(), "mocha.json");
    const { stderr } = await inCopy([
      ...[require.resolve("mocha/bin/mocha.js"), ...files],
      ...["--reporter", "json", "--reporter-option", `output=${output}`],
      ...["--timeout", "300000", "--ignore", SCRIPTS],
    ]);
    const text = await readFile(output, "utf8").catch(() => assert.fail(stderr));
    return JSON.parse(text) as MochaReport;
  };

  before(async function () {
    // Somebody has followed the page for real.
    if (existsSync(join(PROJECT_FOLDER, ADDED))) {
      console.log(`skipped: ${ADDED} exists already`);
      this.skip();
    }
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
          ADDED,
          ...["components/services/index.ts", "components/services/index.ts"],
          ...["Pulumi.dev.yaml", "Pulumi.prod.yaml"],
        ],
        [
          ...["docs/hardening.md", "docs/configuration.md"],
          ...["tests/support/requirements.ts", "tests/support/deployment.ts"],
          ".github/workflows/ci.yml",
        ],
      ],
    );
    for (const step of made) await take(step, folder);
  });
  after(async () => {
    if (folder !== undefined) await rm(folder, { recursive: true });
  });

  it("adds an eighth service that compiles", async () => {
    const { code, stdout } = await inCopy([require.resolve("typescript/bin/tsc")]);
    assert.deepEqual([code, stdout], [0, ""]);
  });

  for (const stack of ["dev", "prod"])
    it(`adds it to the ${stack} stack, under the whole policy, with a network of its own`, async () => {
      const words = [...commandWords("report"), "--stack", stack, "--format", "json"];
      const view = JSON.parse(succeeded("report", await inCopy(words)).stdout) as {
        readonly containers: readonly Readonly<Record<string, unknown>>[];
        readonly networks: readonly Readonly<Record<string, unknown>>[];
      };
      const { user, memoryMiB, networks, order, exemptions } =
        view.containers.find(({ name }) => name === "redis") ?? assert.fail("no container");
      assert.deepEqual(
        { user, memoryMiB, networks, order, exemptions },
        {
          ...{ user: "999:1000", memoryMiB: 128, networks: ["n8n-redis"] },
          ...{ order: "start-first", exemptions: [] },
        },
      );
      assert.deepEqual(
        view.networks.find(({ name }) => name === "n8n-redis"),
        { name: "n8n-redis", internal: true, members: ["n8n", "redis"] },
      );
    });

  it("fails exactly the unit tests that the page names", async () => {
    const { stats, failures } = await mocha(TESTS);
    const failed: Record<string, number> = {};
    for (const { file } of failures) {
      const name = relative(inFolder(), file);
      failed[name] = (failed[name] ?? 0) + 1;
    }
    const titles = failures
      .map(({ fullTitle, err }) => `${fullTitle}: ${err.message ?? ""}`)
      .join("\n");
    assert.deepEqual(failed, failuresOn(page), titles);
    assert.ok(stats.passes > 700, `${stats.passes} pass`);
  });

  it("fails none of them once that is written down, and CI copies the image", async () => {
    for (const step of afterwards) await take(step, inFolder());
    const { stats, failures } = await mocha([
      ...Object.keys(failuresOn(page)),
      "tests/workflows.test.ts",
    ]);
    assert.deepEqual(failures, []);
    assert.ok(stats.passes > 20, `${stats.passes} pass`);
  });
});
