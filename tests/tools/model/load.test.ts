import assert from "node:assert/strict";
import { resolve } from "node:path";

import { DEFINITIONS } from "../../../components/services";
import { ConfigError } from "../../../config/config";
import { StackFile } from "../../../config/file/read";
import { SECRET_NAMES } from "../../../config/schema";
import { UserError } from "../../../text/user-error";
import { loadStack, unresolved } from "../../../tools/model/load";
import { IMAGES, pulumiConfig } from "../../support/raw-config";

const stackFile = (
  values: Readonly<Record<string, unknown>> = {},
  path = "Pulumi.test.yaml",
): StackFile => ({ stack: "test", path, ...pulumiConfig(values) });

const problemsOf = (file: StackFile): readonly string[] => {
  try {
    loadStack(file);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
  return [];
};

describe("a stack from its file", () => {
  it("is its configuration, and a model of the services that are on", () => {
    const images = { ...IMAGES, n8n: "n8nio/n8n:2.42.4", "n8n-runners": "n8nio/runners:2.42.4" };
    const services = { cadvisor: { enabled: true } };
    const { config, model } = loadStack(stackFile({ images, services }));
    assert.equal(config.domain, "example.test");
    assert.equal(model.stack, "test");
    assert.deepEqual(
      model.images.map(({ service }) => service),
      // Backups are off unless enabled.
      DEFINITIONS.map(({ name }) => name).filter((name) => name !== "backup"),
    );
  });

  it("keeps bare tags, and says which they are", () => {
    const images = { ...IMAGES, traefik: "traefik:v3.6.4" };
    assert.deepEqual(unresolved(loadStack(stackFile({ images })).model), ["traefik"]);
    assert.deepEqual(unresolved(loadStack(stackFile()).model), []);
  });

  it("needs its secrets, or placeholders for all of them", () => {
    const file = stackFile({ portainerPassword: "", postgresPassword: "" });
    assert.deepEqual(
      problemsOf(file).map((line) => line.replace(/:.*/, "")),
      ["portainerPassword", "postgresPassword"],
    );
    const { secrets } = loadStack(file, { placeholders: true }).config;
    for (const name of SECRET_NAMES)
      assert.equal(secrets[name]?.reveal(), "[secret of this stack, not read]");
  });

  const paths: readonly (readonly [string, string])[] = [
    [resolve("elsewhere/some.yaml"), "elsewhere/some.yaml"],
    ["/elsewhere/some.yaml", "/elsewhere/some.yaml"],
  ];
  for (const [path, shown] of paths)
    it(`has problems in ${shown} where it is ${path === shown ? "outside" : "inside"} the project`, () => {
      assert.throws(
        () => loadStack(stackFile({ domain: "Example" }, path)),
        (error) => {
          assert.ok(error instanceof ConfigError);
          assert.ok(error.message.includes(`stack "test" (${shown}) has one problem:`));
          assert.equal(error.problems.length, 1);
          return true;
        },
      );
    });

  it("fails where the user's own files do", () => {
    const services = { homepage: { folder: "/nowhere" } };
    assert.throws(
      () => loadStack(stackFile({ services })),
      (error) => {
        assert.ok(error instanceof UserError);
        assert.match(error.message, /^services\.homepage\.folder: cannot read "\/nowhere"/);
        return true;
      },
    );
  });
});
