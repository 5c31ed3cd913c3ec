import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { parse } from "yaml";

import { RawConfig } from "../config/config";
import { ENCRYPTED } from "../text/messages";
import { KEYS, SECRET_NAMES, SECRETS } from "../config/schema";
import { readStackFile } from "../config/file/read";
import { PROJECT_FOLDER } from "../tools/cli/command";
import { CANARIES, problemsOf, setSecret } from "./support/raw-config";

describe("the files of the project", () => {
  const file = (name: string): unknown =>
    parse(readFileSync(join(PROJECT_FOLDER, name), "utf8")) as unknown;

  /** A stack file as the program sees it, where whoever deploys has set the given secrets. */
  const rawOf = (stack: string, set: Record<string, string> = {}): RawConfig => {
    const { config, secretKeys } = readStackFile(stack, PROJECT_FOLDER);
    const values = Object.fromEntries(
      Object.entries(config).map(([key, text]) => [
        key.replace("pinned-stack:", ""),
        /^[[{]|^(?:true|false)$/.test(text) ? (JSON.parse(text) as unknown) : text,
      ]),
    );
    const secure = secretKeys.map((key) => key.replace("pinned-stack:", ""));
    return {
      stack,
      values: { ...values, ...set },
      secure: new Set([...secure, ...Object.keys(set)]),
    };
  };

  it("describe each key of the configuration in Pulumi.yaml, and no other", () => {
    const { config } = file("Pulumi.yaml") as { config: Record<string, { description?: string }> };
    assert.deepEqual(
      Object.keys(config).sort(),
      [...Object.keys(KEYS), ...SECRET_NAMES].map((key) => `pinned-stack:${key}`).sort(),
    );
    for (const [key, { description = "" }] of Object.entries(config))
      assert.match(
        description,
        /^(?:Map|Map, .+|Map by .+|List|List of .+|Text|Boolean|Secret text, \d+ characters or more)[.:] /,
        key,
      );
  });

  it("give each key the default in Pulumi.yaml that the program has", () => {
    const { config } = file("Pulumi.yaml") as { config: Record<string, { default?: unknown }> };
    for (const [key, entry] of Object.entries(KEYS))
      assert.deepEqual(
        config[`pinned-stack:${key}`]?.default,
        "fallback" in entry ? entry.fallback : key === "images" ? {} : "",
        key,
      );
    for (const name of SECRET_NAMES) {
      const { description, default: fallback } = config[`pinned-stack:${name}`] as {
        description: string;
        default: unknown;
      };
      assert.equal(fallback, "");
      assert.ok(
        description.startsWith(`Secret text, ${SECRETS[name]} characters or more. `),
        description,
      );
    }
  });

  it("hold a dev stack without a problem", () => {
    assert.deepEqual(problemsOf(rawOf("dev")), []);
  });

  it("hold a prod stack in which exactly the secrets are missing", () => {
    assert.deepEqual(problemsOf(rawOf("prod")), [
      `postgresPassword: missing, postgres needs it; ${setSecret("postgresPassword", "prod")}`,
      `n8nDatabasePassword: missing, n8n needs it; ${setSecret("n8nDatabasePassword", "prod")}`,
      `n8nEncryptionKey: missing, n8n needs it; ${setSecret("n8nEncryptionKey", "prod")}`,
      `portainerPassword: missing, portainer needs it; ${setSecret("portainerPassword", "prod")}`,
      `acmeDnsToken: missing, tls mode acme needs it; ${setSecret("acmeDnsToken", "prod")}`,
    ]);
    assert.deepEqual(problemsOf(rawOf("prod", CANARIES)), []);
  });

  it("hold a placeholder for encrypted values that passes for a secret", () => {
    const all = Object.fromEntries(SECRET_NAMES.map((name) => [name, ENCRYPTED]));
    assert.deepEqual(problemsOf(rawOf("prod", all)), []);
  });
});
