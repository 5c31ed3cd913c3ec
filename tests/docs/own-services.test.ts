/** docs/own-services.md: its examples are taken by the program, and it names every key of a service of one's own. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parse, stringify } from "yaml";

import { ownShape } from "../../components/services/own/schema";
import { readStackFile } from "../../config/file/read";
import { PROJECT_FOLDER } from "../../tools/cli/command";
import { loadStack } from "../../tools/model/load";
import { stackView } from "../../tools/report/view/stack";

type Config = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
const file = (name: string): string => readFileSync(join(PROJECT_FOLDER, name), "utf8");
const configOf = (text: string): Config => (parse(text) as { readonly config: Config }).config;

const page = file("docs/own-services.md");
const parts = page.split(/^#+ /m).flatMap((section) => {
  const [heading = ""] = section.split("\n", 1);
  return [...section.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = ""]) => ({
    heading,
    config: configOf(text),
  }));
});

describe("docs/own-services.md", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "own-services-"));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  for (const { heading, config } of parts)
    it(`has an example that works in Pulumi.prod.yaml, without a finding: ${heading}`, () => {
      const prod = configOf(file("Pulumi.prod.yaml"));
      const merged = Object.fromEntries(
        Object.entries(config).map(([key, value]) => [key, { ...prod[key], ...value }]),
      );
      const path = join(folder, "Pulumi.prod.yaml");
      writeFileSync(path, stringify({ config: { ...prod, ...merged } }));
      const { model } = loadStack(readStackFile("prod", folder, path), { placeholders: true });
      const own = Object.keys(config["pinned-stack:services"] ?? {});
      for (const name of own)
        assert.ok(
          model.containers.some((one) => one.name === name),
          name,
        );
      assert.equal(stackView(model).cis.findings, 0);
    });

  it("names every key", () => {
    for (const key of Object.keys(ownShape)) assert.ok(page.includes(`\`${key}\``), key);
  });
});
