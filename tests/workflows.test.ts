/** What the workflows may do, and whose code they run. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

import { IMAGES, N8N_2, POSTGRES_17, RESTIC } from "./support/requirements";

const FOLDER = join(__dirname, "..", ".github", "workflows");

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}
interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly "timeout-minutes"?: number;
  readonly steps: readonly Step[];
}
interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

for (const file of readdirSync(FOLDER))
  describe(`the workflow ${file}`, () => {
    const text = readFileSync(join(FOLDER, file), "utf8");
    const { permissions, jobs } = parse(text) as Workflow;
    const steps = Object.values(jobs).flatMap((job) => job.steps);

    it("runs actions by commit, with their version beside it", () => {
      const uses = text.split("\n").filter((line) => line.includes("uses:"));
      assert.equal(uses.length, steps.filter((step) => step.uses !== undefined).length);
      for (const line of uses)
        assert.match(line, /^ +- uses: actions\/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    });

    it("may read at most, unless a job says otherwise", () => {
      assert.ok(permissions !== undefined);
      assert.ok(Object.values(permissions).every((right) => right === "read"));
    });

    it("installs and runs packages only where nothing can be written", () => {
      for (const { permissions: own = {}, steps: of } of Object.values(jobs)) {
        const writes = Object.values(own).includes("write");
        assert.ok(!writes || of.every(({ run = "" }) => !/\b(?:npm|npx|node)\b/.test(run)));
      }
    });

    it("has scripts that the shell can read", () => {
      for (const { run } of steps)
        if (run !== undefined) execFileSync("bash", ["--norc", "-n", "-c", run]);
    });

    it("leaves no credentials behind, ends in time, and puts no expression into a script", () => {
      for (const job of Object.values(jobs)) assert.ok((job["timeout-minutes"] ?? 999) <= 60);
      for (const step of steps) {
        if (step.uses?.startsWith("actions/checkout") === true)
          assert.equal(step.with?.["persist-credentials"], false);
        assert.doesNotMatch(step.run ?? "", /\$\{\{/);
      }
    });
  });

describe("the tests of a whole host", () => {
  it("get every image that they need, from where it is published, under its own name", () => {
    const text = readFileSync(join(FOLDER, "ci.yml"), "utf8");
    const copies = [...text.matchAll(/^ +(\S+\.io)\/(\S+) (\S+)$/gm)];
    assert.deepEqual(
      copies.map(([, , , to]) => to).sort(),
      [...Object.values(IMAGES), N8N_2, POSTGRES_17, RESTIC].sort(),
    );
    for (const [, , from, to] of copies) assert.equal(from, to);
  });
});
