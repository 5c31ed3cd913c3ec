import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { commandWords } from "../../support/project-command";
import { plainEnvironment, run, type Result } from "../../support/run";

const imported = (...args: readonly string[]): Promise<Result> =>
  run(process.execPath, [...commandWords("import"), ...args], {
    env: { ...plainEnvironment, HOME: "/nonexistent" },
  });

describe("the command import", function () {
  this.timeout(120_000);
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "import-"));
  });
  after(() => rm(folder, { recursive: true }));

  it("prints to stdout what it makes of a file, without control characters of that file", async () => {
    const file = join(folder, "compose.yaml");
    await writeFile(
      file,
      'services: { app: { image: "acme/app:1", group_add: ["\\e[31mred"] } }\n',
    );
    const { code, stdout, stderr } = await imported(file, "--offline");
    assert.equal(code, 1);
    assert.match(stdout, /^.*compose\.yaml → Pulumi\.dev\.yaml: 1 service, 1 entry, 0 refused;/);
    assert.match(stdout, /group_add: red → /);
    assert.ok(!stdout.includes("\u001b"));
    assert.match(stderr, /^nothing was written/);
  });

  it("refuses ten thousand services and bombs in bounded time, with one message", async () => {
    const many = Array.from({ length: 10_000 }, (_, index) => `  s${index}: { image: a }\n`);
    const bomb = Array.from(
      { length: 30 },
      (_, n) => `x${n + 1}: &x${n + 1} [${Array(9).fill(`*x${n}`).join()}]\n`,
    );
    for (const [text, message] of [
      [`services:\n${many.join("")}`, /: services: has 10000 services, expected at most 200/],
      [`x0: &x0 [a]\n${bomb.join("")}services: { a: { x: *x30 } }\n`, /expands too far/],
    ] as const) {
      const file = join(folder, "large.yaml");
      await writeFile(file, text);
      const { code, stdout, stderr, ms } = await imported(file, "--offline", "--write");
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, message);
      assert.equal(stderr.trim().split("\n").length, 1);
      assert.ok(ms < 60_000, String(ms));
    }
  });

  it("says how it is used, with its exit codes", async () => {
    const { code, stdout } = await imported("--help");
    assert.equal(code, 0);
    assert.match(stdout, /^npm run import -- compose\.yaml /);
    assert.match(stdout, /Exit code: 0 .* 1 .* 2 /);
  });
});
