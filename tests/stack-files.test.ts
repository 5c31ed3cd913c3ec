/** Pulumi.yaml and the stack files of this project. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { parse } from "yaml";

import { RawConfig, rawConfig } from "../config/config";
import { readStackFile } from "../config/file/read";
import { KEYS, SECRET_NAMES, SECRETS } from "../config/schema";
import { ENCRYPTED } from "../text/messages";
import { PROJECT_FOLDER } from "../tools/cli/command";
import { CANARIES, problemsOf, setSecret } from "./support/raw-config";

describe("Pulumi.yaml", () => {
  const { config } = parse(readFileSync(join(PROJECT_FOLDER, "Pulumi.yaml"), "utf8")) as {
    readonly config: Readonly<Record<string, { description?: string; default?: unknown }>>;
  };

  it("describes each key of the configuration by its kind, and no other key", () => {
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

  it("has the defaults of the program, and the lengths of secrets", () => {
    for (const [key, entry] of Object.entries(KEYS))
      assert.deepEqual(
        config[`pinned-stack:${key}`]?.default,
        "fallback" in entry ? entry.fallback : key === "images" ? {} : "",
        key,
      );
    for (const name of SECRET_NAMES) {
      const { description = "", default: fallback } = config[`pinned-stack:${name}`] ?? {};
      assert.equal(fallback, "");
      const length = `Secret text, ${SECRETS[name].minLength} characters or more. `;
      assert.ok(description.startsWith(length), description);
    }
  });
});

describe("the stack files of this project", () => {
  /** A file as the program sees it, where whoever deploys has set the given secrets. */
  const rawOf = (stack: string, set: Readonly<Record<string, string>> = {}): RawConfig => {
    const { config, secretKeys } = readStackFile(stack, PROJECT_FOLDER);
    const secrets = Object.fromEntries(
      Object.entries(set).map(([name, text]) => [`pinned-stack:${name}`, text]),
    );
    const isSecure = (key: string): boolean => key in secrets || secretKeys.includes(key);
    return rawConfig(stack, { ...config, ...secrets }, isSecure);
  };

  it("make a dev stack without a problem", () => {
    assert.deepEqual(problemsOf(rawOf("dev")), []);
  });

  it("make a prod stack in which only the secrets are missing", () => {
    assert.deepEqual(
      problemsOf(rawOf("prod")).map((line) => line.replace(/ missing, .* needs it; /, " ")),
      // Those of backups are for stacks with a repository.
      SECRET_NAMES.filter((name) => !name.startsWith("backup")).map(
        (name) => `${name}: ${setSecret(name, "prod")}`,
      ),
    );
    assert.deepEqual(problemsOf(rawOf("prod", CANARIES)), []);
  });

  it("may have placeholders for encrypted values, which pass for secrets", () => {
    const all = Object.fromEntries(SECRET_NAMES.map((name) => [name, ENCRYPTED]));
    assert.deepEqual(problemsOf(rawOf("prod", all)), []);
  });
});
