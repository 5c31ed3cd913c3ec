/** docs/from-compose.md: its example is imported as it says, and what it tells to write is accepted. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parse, stringify } from "yaml";

import { readStackFile } from "../../config/file/read";
import { PROJECT_FOLDER } from "../../tools/cli/command";
import { runImport } from "../../tools/import/run";
import { loadStack } from "../../tools/model/load";
import { commandWords } from "../support/project-command";
import { run } from "../support/run";

const page = readFileSync(join(PROJECT_FOLDER, "docs/from-compose.md"), "utf8");
const blocks = [...page.matchAll(/^( *)```yaml\n([^]*?)^ *```$/gm)].map(([, , text = ""]) => text);
const [example = "", ...parts] = blocks;

const FILES = {
  "prometheus.yml":
    "scrape_configs: [{ static_configs: [{ targets: ['cadvisor:8080', 'alertmanager:9093'] }] }]\n",
  "alertmanager.yml": "route: { receiver: mail }\nreceivers: [{ name: mail }]\n",
  ".env":
    "APP_DB_PASSWORD=canary-1\nOIDC_CLIENT_SECRET=canary-2\nOIDC_COOKIE_SECRET=canary-3\nGRAFANA_PASSWORD=canary-4\n",
};

describe("docs/from-compose.md", function () {
  this.timeout(60_000);
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "from-compose-"));
    for (const [name, content] of Object.entries(FILES)) writeFileSync(join(folder, name), content);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const prod = (): { config: Record<string, unknown> } =>
    parse(readFileSync(join(PROJECT_FOLDER, "Pulumi.prod.yaml"), "utf8")) as {
      config: Record<string, unknown>;
    };
  const accepted = (config: Readonly<Record<string, unknown>>): void => {
    writeFileSync(join(folder, "Pulumi.prod.yaml"), stringify({ config }));
    loadStack(readStackFile("prod", folder), { placeholders: true });
  };

  it("has an example that becomes what its table says", async () => {
    const compose = join(folder, "compose.yaml");
    writeFileSync(compose, example);
    writeFileSync(join(folder, "Pulumi.prod.yaml"), stringify(prod()));
    let out = "";
    const code = await runImport({
      ...{ args: [compose], stack: "prod", write: true, offline: true, folder },
      signal: new AbortController().signal,
      out: { write: (text: string | Uint8Array) => ((out += String(text)), true), isTTY: false },
      err: { write: () => true },
      paint: (_, text) => text,
    });
    assert.equal(code, 2);
    assert.doesNotMatch(out, /canary/);
    const rows = [...page.matchAll(/^\| `([\w-]+)` +\| (yes|no) /gm)].map(
      ([, name = "", entry]) => [name, entry],
    );
    const services = Object.keys((parse(example) as { services: object }).services);
    const path = join(folder, "Pulumi.prod.yaml");
    const text = readFileSync(path, "utf8");
    type Services = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    const made =
      (parse(text) as { config: Record<string, Services> }).config["pinned-stack:services"] ?? {};
    assert.deepEqual(
      rows,
      services.map((name) => [name, name in made && name !== "cadvisor" ? "yes" : "no"]),
    );
    assert.deepEqual(
      [
        made.app?.login,
        made.app?.host,
        made.db?.user,
        made.prometheus?.links,
        made.grafana?.admin,
        made.alertmanager?.admin,
      ],
      ["oauth2-proxy", "app.example.com", "70:70", ["cadvisor", "alertmanager"], true, true],
    );
    const filled = text
      .replaceAll('reason: ""', "reason: decided by whoever reads this page")
      // There are no registries here to give digests.
      .replace("requirePins: true", "requirePins: false");
    writeFileSync(path, filled);
    loadStack(readStackFile("prod", folder), { placeholders: true });
  });

  for (const [index, part] of parts.entries())
    it(`has lines that a stack accepts: ${index + 1}`, () => {
      const { config } = parse(part) as { config: Record<string, object> };
      const stack = prod().config;
      const images = { ...(stack["pinned-stack:images"] as object), app: "acme/app:1" };
      accepted({
        ...stack,
        ...("pinned-stack:services" in config && { "pinned-stack:images": images }),
        ...config,
        "pinned-stack:requirePins": false,
      });
    });

  it("uses options that the commands have", async () => {
    const { stdout } = await run(process.execPath, [...commandWords("import"), "--help"]);
    const used = [...page.matchAll(/npm run import -- .*/g)].flatMap(
      ([line]) => line.match(/ --[a-z][a-z-]+/g) ?? [],
    );
    assert.ok(used.length > 2);
    for (const option of new Set(used)) assert.ok(stdout.includes(option), option);
  });

  it("is linked from where somebody looks for it", () => {
    assert.ok(
      readFileSync(join(PROJECT_FOLDER, "docs/operations.md"), "utf8").includes(
        "(from-compose.md)",
      ),
    );
  });
});
