/** docs/stack.schema.json is what the schemas of the configuration say now, and the shipped stack files name it. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { format } from "prettier";
import { parse } from "yaml";

import { ownShape } from "../../components/services/own/schema";
import { stackSchema } from "../../config/json-schema";
import { PROJECT_FOLDER } from "../../tools/cli/command";

const PATH = join(PROJECT_FOLDER, "docs/stack.schema.json");
const { config } = parse(readFileSync(join(PROJECT_FOLDER, "Pulumi.yaml"), "utf8")) as {
  readonly config: Readonly<Record<string, { readonly description: string }>>;
};
const schema = stackSchema(
  Object.fromEntries(Object.entries(config).map(([key, { description }]) => [key, description])),
);

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node;
  readonly anyOf?: readonly Node[];
}

describe("docs/stack.schema.json", () => {
  it("is that of the configuration as it is now", async () => {
    const text = await format(JSON.stringify(schema), { parser: "json", printWidth: 100 });
    if (process.env.UPDATE_GOLDEN === "1") writeFileSync(PATH, text);
    assert.equal(
      readFileSync(PATH, "utf8"),
      text,
      "make it anew: UPDATE_GOLDEN=1 npx mocha tests/config/json-schema.test.ts",
    );
  });

  it("has every key of the program's services and of one's own, and takes encrypted values", () => {
    const keys = (schema as Node).properties?.config?.properties ?? {};
    assert.deepEqual(Object.keys(keys).sort(), Object.keys(config).sort());
    const { properties = {}, additionalProperties: own } = keys["pinned-stack:services"] ?? {};
    assert.ok("editor" in (properties.n8n?.properties ?? {}));
    assert.ok(!("editor" in (properties.homepage?.properties ?? {})));
    assert.deepEqual(Object.keys(own?.properties ?? {}).sort(), Object.keys(ownShape).sort());
    const secret = keys["pinned-stack:secrets"]?.additionalProperties?.anyOf ?? [];
    assert.ok(secret.some(({ properties: inner }) => inner !== undefined && "secure" in inner));
  });

  it("is named by the shipped stack files, for editors", () => {
    for (const stack of ["dev", "prod"]) {
      const [first] = readFileSync(join(PROJECT_FOLDER, `Pulumi.${stack}.yaml`), "utf8").split(
        "\n",
      );
      assert.equal(first, "# yaml-language-server: $schema=docs/stack.schema.json");
    }
  });
});
