import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { commandWords } from "../../support/project-command";
import { plainEnvironment, Result, run } from "../../support/run";

const GOLDEN = resolve("tests/golden/Pulumi.golden.yaml");

const report = (...args: readonly string[]): Promise<Result> =>
  run(process.execPath, [...commandWords("report"), ...args], {
    // Whoever asks for the report has neither a passphrase nor an engine.
    env: { ...plainEnvironment, HOME: "/nonexistent" },
  });
const golden = (...args: readonly string[]): Promise<Result> =>
  report("--stack", "golden", "--config-file", GOLDEN, ...args);

describe("npm run report", function () {
  this.timeout(60_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "report-"));
  });
  after(() => rm(folder, { recursive: true }));

  it("prints tables to stdout and nothing to stderr", async () => {
    const { code, stdout, stderr } = await golden();
    assert.deepEqual([code, stderr], [0, ""]);
    assert.equal(stdout, await readFile("tests/golden/report/table.txt", "utf8"));
  });

  it("takes the dev stack unless told otherwise, and the prod stack without its secrets", async () => {
    const dev = await report();
    assert.match(
      dev.stdout,
      /^stack dev: 8 containers of 7 images, 9 networks, CIS section 5: 0 findings, /,
    );
    const prod = await report("--stack", "prod", "--format", "cis");
    assert.deepEqual([prod.code, prod.stderr], [0, ""]);
    assert.match(
      prod.stdout,
      /^stack prod, CIS Docker Benchmark v1\.6\.0, section 5: 0 findings, \d+ justified\n/,
    );
  });

  it("compares with a saved report: 0 when nothing is weaker, 1 when something is", async () => {
    const saved = join(folder, "saved.json");
    const { stdout } = await golden("--format", "json");
    await writeFile(saved, stdout);
    const same = await golden("--against", saved);
    assert.deepEqual(
      [same.code, same.stdout.split("\n")[0]],
      [0, "stack golden: as in the saved report"],
    );

    const weaker = join(folder, "Pulumi.golden.yaml");
    const yaml = await readFile(GOLDEN, "utf8");
    await writeFile(
      weaker,
      yaml
        .replace("traefik:v3.6.4@sha256:1", "traefik:v3.6.5@sha256:2")
        .replace(
          "n8n: { memoryMiB: 2048 }",
          "n8n: { exemptions: [{ control: noNewPrivileges, value: false, reason: for the sake of a test }] }",
        ),
    );
    const args = ["--stack", "golden", "--config-file", weaker, "--against", saved];
    const table = await report(...args);
    assert.equal(table.code, 1);
    assert.match(table.stdout, /^stack golden: 1 weaker, 0 stricter, 1 newer, 1 changed\n/);
    const json = await report(...args, "--format", "json");
    assert.equal(json.code, 1);
    assert.deepEqual(JSON.parse(json.stdout), {
      version: 1,
      stack: "golden",
      changes: [
        { kind: "weaker", subject: "n8n", what: "may gain new privileges" },
        { kind: "newer", subject: "traefik", what: "v3.6.4 → v3.6.5" },
        { kind: "changed", subject: "n8n", what: "memoryMiB 2048 → 1024" },
      ],
    });
    const markdown = await report(...args, "--format", "markdown");
    assert.match(markdown.stdout, /^# Changes of stack golden\n/);
  });

  it("notices that TLS is gone, and says when the saved report is too old to tell", async () => {
    const plain = join(folder, "Pulumi.plain.yaml");
    const yaml = await readFile(GOLDEN, "utf8");
    await writeFile(
      plain,
      yaml.replace(/pinned-stack:tls: .*/, "pinned-stack:tls: { mode: none }"),
    );
    const saved = join(folder, "with-entrance.json");
    const json = await readFile("tests/golden/report/report.json", "utf8");
    await writeFile(saved, json);
    const args = ["--stack", "golden", "--config-file", plain, "--against"];
    const now = await report(...args, saved);
    assert.deepEqual([now.code, now.stderr], [1, ""]);
    assert.match(now.stdout, /^entrance +TLS none instead of acme$/m);

    const { entrance, socketReads, insecureRegistries, requirePins, ...older } = JSON.parse(
      json,
    ) as Record<string, unknown>;
    for (const field of [entrance, socketReads, insecureRegistries, requirePins])
      assert.notEqual(field, undefined);
    const old = join(folder, "without-entrance.json");
    await writeFile(old, JSON.stringify(older));
    const before = await report(...args, old);
    assert.deepEqual(
      [before.code, before.stderr],
      [
        0,
        `${old}: is older and does not tell of entrance, socketReads, insecureRegistries, requirePins; save it again to compare them\n`,
      ],
    );
  });

  it("says when the saved report is of another stack", async () => {
    const json = await readFile("tests/golden/report/report.json", "utf8");
    const other = join(folder, "other.json");
    await writeFile(
      other,
      JSON.stringify({ ...(JSON.parse(json) as object), stack: "a\u001b[1mb" }),
    );
    const { stdout, stderr } = await golden("--against", other);
    assert.match(stdout, /^stack golden: /);
    assert.equal(stderr, `${other}: is of stack "ab", and compared with stack "golden"\n`);
  });

  const mistakes: readonly (readonly [string, readonly string[], RegExp])[] = [
    [
      "a format that there is not",
      ["--format", "yaml"],
      /^--format: expected one of table, markdown, json, .*, got "yaml"\n$/,
    ],
    [
      "a stack that there is not",
      ["--stack", "nowhere"],
      /^.*\/Pulumi\.nowhere\.yaml: is not there; /,
    ],
    [
      "a file that there is not",
      ["--against", "/nowhere.json"],
      /^--against: cannot read "\/nowhere\.json"; save one with "npm run -s report -- --stack dev --format json > \/nowhere\.json"\n$/,
    ],
    [
      "a file that is no report",
      ["--stack", "prod", "--against", GOLDEN],
      /Pulumi\.golden\.yaml: is no JSON; save one with "npm run -s report -- --stack prod --format json > .*Pulumi\.golden\.yaml"\n$/,
    ],
    [
      "a format that changes do not have",
      ["--against", "/nowhere.json", "--format", "svg"],
      /^--format: with --against expected table, markdown or json, got "svg"\n$/,
    ],
    ["a word too many", ["prod"], /Unexpected argument 'prod'/],
  ];
  for (const [name, args, message] of mistakes)
    it(`ends with 2 and one message for ${name}`, async () => {
      const { code, stdout, stderr } = await report(...args);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /^ {4}at /m);
    });

  it("says how it is used", async () => {
    const { code, stdout } = await report("--help");
    assert.equal(code, 0);
    assert.match(stdout, /^npm run -s report -- \[--stack S\] \[--format F\]\n/);
    for (const format of [
      "table",
      "markdown",
      "json",
      "cis",
      "cis-json",
      "mermaid",
      "svg",
      "compose",
    ])
      assert.match(stdout, new RegExp(`^ {20}${format} `, "m"));
  });
});
