import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { stringify } from "yaml";

import { readStackFile } from "../../../config/file/read";
import { loadStack } from "../../../tools/model/load";
import { exportOf, render } from "../../../tools/report/formats";
import { stackView } from "../../../tools/report/view/stack";
import { supplyView } from "../../../tools/trust/supply";
import { commandWords } from "../../support/project-command";
import { IMAGES } from "../../support/raw-config";
import { plainEnvironment, Result, run } from "../../support/run";

const report = (...args: readonly string[]): Promise<Result> =>
  run(process.execPath, [...commandWords("report"), ...args], {
    // Whoever asks for the report has neither a passphrase nor an engine.
    env: { ...plainEnvironment, HOME: "/nonexistent" },
  });

describe("npm run report", function () {
  this.timeout(60_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "report-"));
  });
  after(() => rm(folder, { recursive: true }));

  /** Writes the file of stack `test`, with some keys said otherwise, and gives the command's options for it. */
  async function stackFile(name: string, said: object = {}): Promise<readonly string[]> {
    const values = {
      host: { address: "unix:///var/run/docker.sock" },
      domain: "example.test",
      publish: { address: "0.0.0.0" },
      images: IMAGES,
      tls: { mode: "acme", email: "admin@example.test", dnsProvider: "cloudflare" },
      // One is encrypted, one is not, the others are missing: a report needs none.
      postgresPassword: { secure: "v1:canary-encrypted" },
      n8nDatabasePassword: "canary-in-clear-text",
      ...said,
    };
    const keys = Object.entries(values).map(([key, value]) => [`pinned-stack:${key}`, value]);
    const path = join(folder, name);
    await writeFile(path, stringify({ config: Object.fromEntries(keys) as object }));
    return ["--stack", "test", "--config-file", path];
  }
  const save = async (name: string, content: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, content);
    return path;
  };

  it("prints what the stack's file says, without a secret, and nothing to stderr", async () => {
    const [, , , path = "", ...more] = await stackFile("plain.yaml");
    assert.deepEqual(more, []);
    const loaded = loadStack(readStackFile("test", folder, path), { placeholders: true });
    const { code, stdout, stderr } = await report(...(await stackFile("plain.yaml")));
    assert.deepEqual([code, stderr], [0, ""]);
    const supply = await supplyView(loaded, folder, new Date());
    assert.equal(stdout, render("table", { ...stackView(loaded.model), supply }));
    assert.doesNotMatch(stdout, /canary|\[secret/);
  });

  it("writes a Compose file and what it needs into a folder, for every user to read", async () => {
    const options = await stackFile("plain.yaml");
    const [, , , path = ""] = options;
    const output = join(folder, "made", "export");
    const { code, stdout, stderr } = await report(
      ...options,
      ...["--format", "compose", "--output", output],
    );
    const files = exportOf(loadStack(readStackFile("test", folder, path), { placeholders: true }));
    assert.deepEqual([code, stdout], [0, ""]);
    assert.ok(stderr.startsWith(`wrote ${Object.keys(files).length} files to ${output}; `), stderr);
    for (const [name, content] of Object.entries(files)) {
      const written = join(output, name);
      assert.equal(await readFile(written, "utf8"), content, name);
      assert.equal((await stat(written)).mode & 0o777, 0o644, name);
      assert.doesNotMatch(String(content), /canary|\[secret/);
    }
  });

  it("says what to add where the folder and the format do not go together", async () => {
    const without = await report("--format", "compose");
    assert.equal(without.code, 2);
    assert.match(
      without.stderr,
      /^--format compose: .*; add the folder .*: --output compose-dev\n$/,
    );
    const other = await report("--output", folder);
    assert.equal(other.code, 2);
    assert.match(other.stderr, /^--output: only for --format compose; /);
    const file = await save("file", "");
    const refused = await report("--format", "compose", "--output", file);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /^--output: cannot write to .* \(E\w+\); choose a folder/);
  });

  it("takes the dev stack unless told otherwise, and the prod stack without its secrets", async () => {
    const dev = await report();
    assert.match(dev.stdout, /^stack dev: \d+ containers of \d+ images, .* 0 findings, /);
    const prod = await report("--stack", "prod", "--format", "cis");
    assert.deepEqual([prod.code, prod.stderr], [0, ""]);
    assert.match(
      prod.stdout,
      /^stack prod, CIS Docker Benchmark v1\.6\.0, section 5: 0 findings, \d+ justified\n/,
    );
  });

  it("compares with a saved report: 0 when nothing is weaker, 1 when something is", async () => {
    const plain = await stackFile("before.yaml");
    const { stdout } = await report(...plain, "--format", "json");
    const saved = await save("saved.json", stdout);
    const same = await report(...plain, "--against", saved);
    assert.deepEqual(
      [same.code, same.stdout.split("\n")[0]],
      [0, "stack test: as in the saved report"],
    );

    const reason = "for the sake of a test";
    const weaker = await stackFile("after.yaml", {
      services: {
        homepage: {
          memoryMiB: 128,
          exemptions: [{ control: "noNewPrivileges", value: false, reason }],
        },
      },
      tls: { mode: "selfSigned" },
    });
    const args = [...weaker, "--against", saved];
    const table = await report(...args);
    assert.equal(table.code, 1);
    assert.match(table.stdout, /^stack test: 2 weaker, \d stricter, 0 newer, \d changed\n/);
    assert.match(table.stdout, new RegExp(`^homepage +allows new privileges +${reason}$`, "m"));
    const json = await report(...args, "--format", "json");
    assert.equal(json.code, 1);
    const { changes, ...rest } = JSON.parse(json.stdout) as { readonly changes: object[] };
    assert.deepEqual(rest, { version: 1, stack: "test" });
    assert.deepEqual(changes[0], {
      kind: "weaker",
      subject: "homepage",
      what: "allows new privileges",
      reason,
    });
    const markdown = await report(...args, "--format", "markdown");
    assert.match(markdown.stdout, /^# Changes of stack test\n/);
  });

  it("says when the saved report is too old to tell, or of another stack", async () => {
    const plain = await stackFile("plain.yaml");
    const { stdout } = await report(...plain, "--format", "json");
    const view = JSON.parse(stdout) as Record<string, unknown>;
    const { ingress, socketReads, insecureRegistries, requirePins, ...older } = view;
    for (const field of [ingress, socketReads, insecureRegistries, requirePins])
      assert.notEqual(field, undefined);
    const old = await save("old.json", JSON.stringify({ ...older, stack: "a\u001b[1mb" }));
    const { code, stderr } = await report(...plain, "--against", old);
    assert.equal(code, 0);
    const [other = "", missing = "", ...rest] = stderr.split("\n");
    assert.deepEqual(rest, [""]);
    for (const line of [other, missing]) assert.ok(line.startsWith(`${old}: `), line);
    assert.match(other, /stack "ab".* stack "test"$/);
    assert.match(
      missing,
      /older.* ingress, socketReads, insecureRegistries, requirePins; save it again/,
    );
  });

  const mistakes: readonly (readonly [string, readonly string[], RegExp])[] = [
    [
      "a format that there is not",
      ["--format", "yaml"],
      /^--format: expected table, markdown, json, .*, got "yaml"\n$/,
    ],
    [
      "a stack that there is not",
      ["--stack", "nowhere"],
      /^.*\/Pulumi\.nowhere\.yaml: .*--stack\n$/,
    ],
    [
      "a file that there is not",
      ["--against", "/nowhere.json"],
      /^--against: cannot read "\/nowhere\.json"; save one with "npm run -s report -- --stack dev --format json > \/nowhere\.json"\n$/,
    ],
    [
      "a file that is no report",
      ["--stack", "prod", "--against", "README.md"],
      /^README\.md: is not JSON; save one with "npm run -s report -- --stack prod --format json > README\.md"\n$/,
    ],
    [
      "a format that a comparison does not have",
      ["--against", "/nowhere.json", "--format", "mermaid"],
      /^--format: expected table, markdown, json with --against, got "mermaid"\n$/,
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

  it("puts a homepage of any files into the folder, byte by byte", async () => {
    const site = await mkdtemp(join(folder, "site-"));
    const bytes = Buffer.from([0x89, 0x50]);
    await writeFile(join(site, "index.html"), "<p>");
    await writeFile(join(site, "a.png"), bytes);
    const options = await stackFile("site.yaml", { services: { homepage: { folder: site } } });
    const output = join(folder, "with-site");
    const { code } = await report(...options, "--format", "compose", "--output", output);
    assert.equal(code, 0);
    const written = join(output, "configs", "homepage-files-srv-homepage-site-a.png");
    assert.deepEqual(await readFile(written), bytes);
  });

  it("says how it is used, with every format", async () => {
    const { code, stdout } = await report("--help");
    assert.equal(code, 0);
    assert.match(stdout, /^npm run -s report -- \[--stack S\] \[--format F\]\n/);
    const documented = await readFile("docs/reports.md", "utf8");
    const formats = [...stdout.matchAll(/^ {20}([a-z-]+) /gm)].map(([, format = ""]) => format);
    for (const format of formats) assert.ok(documented.includes(`\`${format}\``), format);
    assert.ok(formats.length > 5, formats.join());
  });
});
