/** docs/configuration.md: its examples are taken by the program, and nothing that a stack may say is left out. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parse, stringify } from "yaml";

import { DNS_PROVIDERS } from "../../components/ingress";
import { DEFINITIONS } from "../../components/services";
import { readStackFile } from "../../config/file/read";
import { SECRETS } from "../../config/schema";
import { PROJECT_FOLDER } from "../../tools/cli/command";
import { LoadedStack, loadStack } from "../../tools/model/load";
import { problemsOf, rawConfig } from "../support/raw-config";

type Config = Readonly<Record<string, unknown>>;
const file = (name: string): string => readFileSync(join(PROJECT_FOLDER, name), "utf8");
const configOf = (text: string): Config => (parse(text) as { readonly config: Config }).config;

const page = file("docs/configuration.md");
/** Each example with the heading that it stands under. */
const [{ config: whole } = { config: {} }, ...parts] = page.split(/^#+ /m).flatMap((section) => {
  const [heading = ""] = section.split("\n", 1);
  return [...section.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = ""]) => ({
    heading,
    config: configOf(text),
  }));
});

/** Keys of which a part says some entries only; of the others it says all. */
const BY_SERVICE = ["pinned-stack:images", "pinned-stack:services"];

/** Put in the place of those that are in Pulumi.prod.yaml, as the page says. */
function inProd(part: Config): Config {
  const prod = configOf(file("Pulumi.prod.yaml"));
  const entries = Object.entries(part).map(([key, value]) => [
    key,
    BY_SERVICE.includes(key) ? { ...(prod[key] as object), ...(value as object) } : value,
  ]);
  return { ...prod, ...(Object.fromEntries(entries) as Config) };
}

/** Rows of the table with this cell in its head: the cells, without code quotes. */
function rowsUnder(head: string): string[][] {
  const lines = page.split("\n");
  const from = lines.findIndex((line) => line.startsWith(`| ${head} `));
  assert.notEqual(from, -1, `no table begins with ${head}`);
  const rows = lines.slice(from + 2);
  return rows
    .slice(
      0,
      rows.findIndex((line) => !line.startsWith("|")),
    )
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.replaceAll("`", "").trim()),
    );
}

describe("docs/configuration.md", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "configuration-"));
    writeFileSync(join(folder, "index.html"), "<title>My site</title>\n");
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  /** What the program makes of an example. The site of the one that has one is in no repository. */
  function load(config: Config): LoadedStack {
    const path = join(folder, "Pulumi.prod.yaml");
    writeFileSync(path, stringify({ config }).replace("folder: my-site", `folder: ${folder}`));
    return loadStack(readStackFile("prod", folder, path), { placeholders: true });
  }

  it("begins with a whole file, which makes two services", () => {
    assert.deepEqual(
      load(whole).model.images.map(({ service }) => service),
      ["traefik", "homepage"],
    );
  });

  it("has a part for each key that a stack may say, secrets apart", () => {
    const said = new Set(parts.flatMap((part) => Object.keys(part.config)));
    const secrets = Object.keys(SECRETS).map((name) => `pinned-stack:${name}`);
    assert.deepEqual(
      [...said, ...secrets].sort(),
      Object.keys(configOf(file("Pulumi.yaml"))).sort(),
    );
  });

  for (const { heading, config } of parts)
    it(`has an example that works in Pulumi.prod.yaml: ${heading}`, () => {
      const { stack, images } = load(inProd(config)).config;
      assert.equal(stack, "prod");
      assert.ok(images.traefik !== undefined, "the rest of the file is there");
    });

  it("has a row, in their order, for each service of which a stack may say more than limits", () => {
    const rows = rowsUnder("Service").map(([service]) => service);
    const shown = DEFINITIONS.filter(
      ({ name, enabled = true, route, options }) =>
        rows.includes(name) || enabled !== true || route !== undefined || options !== undefined,
    );
    assert.deepEqual(
      rows,
      shown.map(({ name }) => name),
    );
  });

  it("has the bounds of the limits", () => {
    const rows = rowsUnder("Key").map(([key = "", , from, to]) => [key, Number(from), Number(to)]);
    assert.deepEqual(
      rows.map(([key]) => key),
      ["memoryMiB", "cpus", "pidsLimit"],
    );
    for (const [key = "", from = NaN, to = NaN] of rows) {
      const problems = (value: unknown): number =>
        problemsOf(rawConfig({ services: { n8n: { [key]: value } } })).length;
      assert.deepEqual(
        [Number(from), Number(to), Number(from) - 0.001, Number(to) + 1].map(problems),
        [0, 0, 1, 1],
        String(key),
      );
    }
  });

  it("has the secrets, each with its least length", () => {
    assert.deepEqual(
      rowsUnder("Secret").map(([name, length]) => [name, length]),
      Object.entries(SECRETS).map(([name, { minLength }]) => [name, `${minLength} or more`]),
    );
  });

  it("names every DNS provider", () => {
    const named = /^ +# (.+)\n +dnsProvider: /m.exec(page)?.[1]?.split(/, | or /);
    assert.deepEqual(named, Object.keys(DNS_PROVIDERS));
  });

  it("sets the password of a registry as the message about one in clear text says", () => {
    const registries = { "ghcr.io": { username: "robot", password: "in clear text" } };
    const raw = rawConfig({ registries }, { stack: "prod", secure: new Set() });
    const said = problemsOf(raw).find((line) => line.startsWith("registries."));
    const command = /set it with "(.+)"$/.exec(said ?? "")?.[1] ?? assert.fail(said);
    assert.ok(page.includes(`\n${command}\n`), command);
  });

  it("is linked from where somebody looks for it", () => {
    for (const [from, link] of [
      ["README.md", "(docs/configuration.md)"],
      ["docs/operations.md", "(configuration.md)"],
      ["docs/hardening.md", "(configuration.md#exemptions)"],
    ] as const)
      assert.ok(file(from).includes(link), `${from} has no link to the page`);
  });
});
