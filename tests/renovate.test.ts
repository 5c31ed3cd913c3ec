/** Renovate finds the pins by the pattern in renovate.json, run here as Renovate runs it: with the flag g alone. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SERVICE_NAMES } from "../components/services";
import { readPins } from "../config/file/pins";
import { parseReference } from "../images/reference";

const FOLDER = join(__dirname, "..");
const read = (name: string): string => readFileSync(join(FOLDER, name), "utf8");

interface Manager {
  readonly customType: string;
  readonly managerFilePatterns: readonly string[];
  readonly matchStrings: readonly string[];
  readonly datasourceTemplate: string;
}
const { customManagers } = JSON.parse(read("renovate.json")) as { customManagers: Manager[] };
const [manager] = customManagers;
assert.ok(manager !== undefined);

const found = (text: string) =>
  manager.matchStrings.flatMap((pattern) =>
    [...text.matchAll(new RegExp(pattern, "g"))].map(({ groups }) => ({ ...groups })),
  );

describe("Renovate", () => {
  for (const stack of ["prod", "dev"])
    it(`finds the pin of every service of the stack ${stack}, and nothing else`, () => {
      const text = read(`Pulumi.${stack}.yaml`);
      const { pins } = readPins(text);
      assert.deepEqual(
        pins.map(({ service }) => service),
        // It needs a repository, which these stacks do not have.
        SERVICE_NAMES.filter((name) => name !== "backup"),
      );
      assert.deepEqual(
        found(text),
        pins.map((pin) => {
          const image = parseReference("image" in pin ? pin.image : "");
          return { depName: image.name, currentValue: image.tag, currentDigest: image.digest };
        }),
      );
    });

  const digest = `sha256:${"a".repeat(64)}`;
  const lines: readonly [line: string, found: string | undefined][] = [
    [`    a: nginx:1@${digest}`, `nginx 1 ${digest}`],
    [`    a: 'nginx:1@${digest}'`, `nginx 1 ${digest}`],
    [`    a: "ghcr.io/a/b:1.2-x@${digest}" # why`, `ghcr.io/a/b 1.2-x ${digest}`],
    [`    a: 127.0.0.1:5000/x:1@${digest}`, `127.0.0.1:5000/x 1 ${digest}`],
    [`    # a: nginx:1@${digest}`, undefined],
    ["    a: nginx:1", undefined],
    [`    a: nginx@${digest}`, undefined],
  ];
  for (const [line, expected] of lines)
    it(`${expected === undefined ? "passes over" : "finds"} ${line.trim().replace(digest, "…")}`, () => {
      for (const newline of ["\n", "\r\n"]) {
        const [first] = found(`config:${newline}${line}${newline}`);
        assert.equal(first && Object.values(first).join(" "), expected);
      }
    });

  it("looks into the stacks' files and no others", () => {
    assert.deepEqual([manager.customType, manager.datasourceTemplate], ["regex", "docker"]);
    const [pattern = ""] = manager.managerFilePatterns;
    const files = new RegExp(pattern.replace(/^\/(.*)\/$/, "$1"));
    assert.ok(files.test("Pulumi.prod.yaml") && files.test("Pulumi.dev.yaml"));
    assert.ok(!files.test("Pulumi.yaml") && !files.test("docs/Pulumi.prod.yaml"));
  });
});
