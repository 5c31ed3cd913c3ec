/** The scheduled check of digests, with everything that it starts played by scripts that write down their words. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";

import { PROJECT_FOLDER } from "../tools/cli/command";
import { run, type Result } from "./support/run";

interface Workflow {
  readonly jobs: Readonly<
    Record<string, { readonly if?: string; readonly steps: readonly { readonly run?: string }[] }>
  >;
}

const { jobs } = parse(
  readFileSync(join(PROJECT_FOLDER, ".github", "workflows", "digests.yml"), "utf8"),
) as Workflow;
/** The only script of the job that is longer than a line. */
const scriptOf = (job: string): string =>
  jobs[job]?.steps.find((step) => step.run?.includes("\n"))?.run ?? "";

describe("the scheduled check of digests", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "workflow-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const text = (name: string): string =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : "";

  /** Programs by name, each a shell script; whatever is called is noted in `calls`. */
  function play(programs: Readonly<Record<string, string>>): void {
    for (const [name, script] of Object.entries(programs)) {
      const file = join(folder, name);
      writeFileSync(file, `#!/bin/sh\necho "${name} $*" >>"${folder}/calls"\n${script}\n`);
      chmodSync(file, 0o755);
    }
  }

  /** As GitHub runs a step without a shell of its own. */
  const step = (job: string, env: Readonly<Record<string, string>>): Promise<Result> =>
    run("bash", ["--noprofile", "--norc", "-e", "-c", scriptOf(job)], {
      cwd: folder,
      env: {
        PATH: `${folder}:/usr/bin:/bin`,
        RUNNER_TEMP: folder,
        GITHUB_OUTPUT: join(folder, "output"),
        GITHUB_STEP_SUMMARY: join(folder, "summary"),
        GITHUB_SERVER_URL: "https://github.test",
        GITHUB_REPOSITORY: "team/stack",
        GITHUB_RUN_ID: "7",
        GH_TOKEN: "token",
        BRANCH: "digests",
        BASE: "main",
        STACKS: "dev prod",
        ...env,
      },
    });

  const outputs = (): Readonly<Record<string, string>> =>
    Object.fromEntries(
      text("output")
        .trimEnd()
        .split("\n")
        .map((line) => {
          const at = line.indexOf("=");
          const [name, value] = [line.slice(0, at), line.slice(at + 1)];
          return [name, name === "code" ? value : Buffer.from(value, "base64").toString()];
        }),
    );

  describe("asks", () => {
    it("for each stack, and hands on the patch, the explanation and the worst code", async () => {
      play({
        npm: 'case "$*" in *dev*) echo "all of dev";; *) echo "half of prod"; exit 2;; esac',
        git: "echo patch",
      });
      const { code, stderr } = await step("check", {});
      assert.deepEqual([code, stderr], [0, ""]);
      assert.deepEqual(outputs(), {
        patch: "patch\n",
        explanation: "all of dev\nhalf of prod\n",
        code: "2",
      });
      assert.equal(text("summary"), "all of dev\nhalf of prod\n");
      assert.deepEqual(text("calls").split("\n").slice(0, 2), [
        "npm run --silent pin -- --stack dev --format markdown",
        "npm run --silent pin -- --stack prod --format markdown",
      ]);
    });

    it("and cuts what is too long for a pull request at the end of a line, and says so", async () => {
      const line = "a `@team` and a long line that holds more than a few words";
      play({ npm: `yes '${line}' | head -n 800`, git: "true" });
      assert.equal((await step("check", {})).code, 0);
      const { explanation = "" } = outputs();
      assert.ok(explanation.length > 59_000 && explanation.length < 65_536);
      const lines = explanation.split("\n");
      assert.deepEqual(lines.slice(-3), [
        "",
        "**Cut here.** All of it is in the summary of https://github.test/team/stack/actions/runs/7",
        "",
      ]);
      assert.deepEqual(new Set(lines.slice(0, -3)), new Set([line]));
      assert.equal(text("summary").split("\n").length, 1601);
    });
  });

  describe("proposes", () => {
    const OPEN =
      // The head is a branch's name in any fork.
      "gh pr list --head digests --base main --state open --json number,isCrossRepository --jq map(select(.isCrossRepository | not))[0].number // empty";
    const base64 = (content: string): string => Buffer.from(content).toString("base64");
    const propose = async (patch: string, open: string): Promise<string[]> => {
      play({ gh: `[ "$2" != list ] || echo "${open}"`, git: "cat >/dev/null" });
      const env = { PATCH: base64(patch), EXPLANATION: base64("why") };
      const { code, stderr } = await step("propose", env);
      assert.deepEqual([code, stderr], [0, ""]);
      return text("calls").trimEnd().split("\n");
    };

    it("what is new, in a pull request that there is none of", async () => {
      const calls = await propose("patch", "");
      assert.deepEqual(calls.slice(-2), [
        "git push --quiet --force https://x-access-token:token@github.com/team/stack.git HEAD:refs/heads/digests",
        `gh pr create --head digests --base main --title Image digests --body-file ${folder}/explanation.md`,
      ]);
      assert.equal(text("explanation.md"), "why");
    });

    it("what is new, in the one that is open", async () => {
      const calls = await propose("patch", "5");
      assert.equal(calls.at(-1), `gh pr edit 5 --body-file ${folder}/explanation.md`);
    });

    it("nothing, and closes what it had proposed", async () => {
      assert.deepEqual(await propose("", "5"), [
        OPEN,
        "gh pr close 5 --delete-branch --comment There is nothing to pin any more: the tags are what the pins say, or too young.",
      ]);
    });

    it("nothing where there never was anything", async () => {
      assert.deepEqual(await propose("", ""), [OPEN]);
    });

    it("and closes nothing where something could not be told", () => {
      assert.equal(
        jobs.propose?.if,
        "${{ !cancelled() && (needs.check.outputs.patch != '' || needs.check.outputs.code == '0') }}",
      );
    });
  });
});
