/** The scheduled renewal of facts: what one job reads, the other proposes, and nothing else. Git is the real one. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";

import { PROJECT_FOLDER } from "../tools/cli/command";
import { run, succeeded, type Result } from "./support/run";

interface Workflow {
  readonly jobs: Readonly<Record<string, { readonly steps: readonly { readonly run?: string }[] }>>;
}

const { jobs } = parse(
  readFileSync(join(PROJECT_FOLDER, ".github", "workflows", "known.yml"), "utf8"),
) as Workflow;
const scriptOf = (job: string): string =>
  jobs[job]?.steps.find((step) => step.run?.includes("\n"))?.run ?? "";

describe("the scheduled renewal of facts", () => {
  let folder = "";
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "known-workflow-"));
    for (const name of ["bin", "project/images/known"])
      mkdirSync(join(folder, name), { recursive: true });
    for (const name of ["lines.json", "osv.json", "advisories.json"]) file(name, "old\n");
    await git("init", "--quiet");
    await git("add", ".");
    await git("-c", "user.name=t", "-c", "user.email=t@example.test", "commit", "-qm", "first");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const git = async (...args: readonly string[]): Promise<Result> =>
    succeeded("git", await run("git", [...args], { cwd: join(folder, "project") }));
  const file = (name: string, content: string): void => {
    writeFileSync(join(folder, "project", "images", "known", name), content);
  };
  const play = (name: string, script: string): void => {
    const path = join(folder, "bin", name);
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
  };
  const step = (job: string, env: Readonly<Record<string, string>> = {}): Promise<Result> =>
    run("bash", ["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", scriptOf(job)], {
      cwd: join(folder, "project"),
      env: {
        PATH: `${folder}/bin:/usr/bin:/bin`,
        HOME: folder,
        RUNNER_TEMP: folder,
        GITHUB_OUTPUT: join(folder, "output"),
        GITHUB_REPOSITORY: "team/stack",
        GH_TOKEN: "token",
        BRANCH: "known-facts",
        BASE: "main",
        ...env,
      },
    });

  async function read(npm: string): Promise<Readonly<Record<string, string>>> {
    play("npm", npm);
    play("npx", "");
    succeeded("read", await step("read"));
    return Object.fromEntries(
      readFileSync(join(folder, "output"), "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
    );
  }

  it("hands on nothing where nothing is new, and the code", async () => {
    assert.deepEqual(await read("exit 2"), { patch: "", code: "2" });
  });

  it("proposes the two files that are renewed, and no other", async () => {
    const { patch = "", code } = await read(
      "for name in lines osv advisories; do echo new >images/known/$name.json; done",
    );
    assert.equal(code, "0");
    await git("checkout", "--quiet", ".");
    play("gh", `echo "gh $*" >>"${folder}/calls"`);
    play("git", `[ "$1" = push ] && echo "git $*" >>"${folder}/calls" || exec /usr/bin/git "$@"`);
    succeeded("propose", await step("propose", { PATCH: patch }));
    const { stdout } = await git("show", "--stat", "--format=%s", "HEAD");
    assert.match(stdout, /^chore\(known\): renew/);
    assert.match(stdout, /lines\.json[^]*osv\.json/);
    assert.doesNotMatch(stdout, /advisories\.json/);
    const calls = readFileSync(join(folder, "calls"), "utf8");
    assert.match(
      calls,
      /^git push --quiet --force https:\/\/x-access-token:token@github\.com\/team\/stack\.git HEAD:refs\/heads\/known-facts$/m,
    );
    assert.match(calls, /^gh pr create --head known-facts --base main /m);
  });
});
