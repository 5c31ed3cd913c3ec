import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ENCRYPTED } from "../../../text/messages";
import { SECRETS } from "../../../config/schema";
import { readStackFile } from "../../../config/file/read";
import { UserError } from "../../../text/user-error";

describe("a stack file", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "pinned-stack-file-"));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  const read = (text: string | Buffer, stack = "test") => {
    writeFileSync(join(folder, `Pulumi.${stack}.yaml`), text);
    return readStackFile(stack, folder);
  };
  const refused = (work: () => unknown, message: RegExp): void => {
    assert.throws(work, (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      return true;
    });
  };

  it("gives texts as they are and structures as JSON, like Pulumi does", () => {
    const { stack, path, config, secretKeys } = read(`# a comment
config:
  pinned-stack:domain: example.test
  pinned-stack:requirePins: true
  pinned-stack:minimumAge: 3
  pinned-stack:adminAllow: [192.0.2.0/24]
  pinned-stack:publish:
    address: 127.0.0.1
    http: 8080
  pinned-stack:nothing:
`);
    assert.equal(stack, "test");
    assert.equal(path, join(folder, "Pulumi.test.yaml"));
    assert.deepEqual(config, {
      "pinned-stack:domain": "example.test",
      "pinned-stack:requirePins": "true",
      "pinned-stack:minimumAge": "3",
      "pinned-stack:adminAllow": '["192.0.2.0/24"]',
      "pinned-stack:publish": '{"address":"127.0.0.1","http":8080}',
      "pinned-stack:nothing": "null",
    });
    assert.deepEqual(secretKeys, []);
  });

  it("hides encrypted values behind a placeholder, wherever they stand", () => {
    const { config, secretKeys } = read(`encryptionsalt: v1:abc
config:
  pinned-stack:portainerPassword:
    secure: v1:AAAA
  pinned-stack:registries:
    ghcr.io: { username: reader, password: { secure: v1:BBBB } }
  pinned-stack:list: [a, { secure: v1:CCCC }]
  pinned-stack:notSecret: { secure: v1:DDDD, other: 1 }
  pinned-stack:notEither: { secure: 1 }
`);
    assert.deepEqual(config, {
      "pinned-stack:portainerPassword": "[encrypted in the configuration file]",
      "pinned-stack:registries":
        '{"ghcr.io":{"username":"reader","password":"[encrypted in the configuration file]"}}',
      "pinned-stack:list": '["a","[encrypted in the configuration file]"]',
      "pinned-stack:notSecret": '{"secure":"v1:DDDD","other":1}',
      "pinned-stack:notEither": '{"secure":1}',
    });
    assert.deepEqual(secretKeys, [
      "pinned-stack:portainerPassword",
      "pinned-stack:registries",
      "pinned-stack:list",
    ]);
  });

  it("takes a key without a namespace for the project's, and the later of two, as Pulumi does", () => {
    const text = "config:\n  minimumAge: 1d\n  pinned-stack:minimumAge: 2d\n  requirePins: true\n";
    assert.deepEqual(read(text).config, {
      "pinned-stack:minimumAge": "2d",
      "pinned-stack:requirePins": "true",
    });
  });

  it("names a key once, however many encrypted values it holds", () => {
    const { secretKeys } = read("config:\n  x:a: [{ secure: v1:A }, { secure: v1:B }]\n");
    assert.deepEqual([...new Set(secretKeys)], ["x:a"]);
  });

  it("has a placeholder that no rule about secrets refuses", () => {
    assert.ok(
      ENCRYPTED.length >= Math.max(...Object.values(SECRETS).map(({ minLength }) => minLength)),
    );
  });

  for (const [title, text] of [
    ["that is empty", ""],
    ["without a configuration", "encryptionsalt: v1:abc\n"],
    ["whose configuration is a list", "config: [a]\n"],
    ["that is a list", "- a\n"],
  ] as const)
    it(`holds nothing ${title}`, () => {
      assert.deepEqual(read(text).config, {});
    });

  it("that does not exist is reported, with what to do", () => {
    refused(
      () => readStackFile("missing", folder),
      /\/Pulumi\.missing\.yaml: does not exist; copy Pulumi\.prod\.yaml, or name another stack with --stack$/,
    );
  });

  for (const stack of ["", "../../etc/passwd", "a/b", "a b", "ä", "x".repeat(101)])
    it(`is not looked for under the name ${JSON.stringify(stack.slice(0, 20))}`, () => {
      refused(() => readStackFile(stack, folder), /^stack ".*": expected [^;]*letters, digits/);
    });

  const broken: readonly [title: string, text: string | Buffer, message: RegExp][] = [
    [
      "that is not YAML",
      "config:\n  a: [1\n  b: 2\n",
      /^\/.*\/Pulumi\.test\.yaml: line 3, column \d+: not valid YAML \(\w+\): /,
    ],
    ["that is not text", Buffer.from([0x63, 0xff, 0xfe]), /: is not UTF-8 text$/],
    ["that contains itself", "config: { a: &a [*a] }\n", /: an alias \(\*name\) is undefined/],
    ["with an undefined alias", "config: { a: *b }\n", /: an alias \(\*name\) is undefined/],
    [
      "that expands without end",
      `config:\n  a0: &a0 [${"x, ".repeat(9)}x]\n${Array.from({ length: 11 }, (_, n) => `  a${n + 1}: &a${n + 1} [${`*a${n}, `.repeat(9)}*a${n}]\n`).join("")}`,
      /: an alias \(\*name\) is undefined or expands too far/,
    ],
  ];
  for (const [title, text, message] of broken)
    it(`is refused ${title}`, () => {
      refused(() => read(text), message);
    });

  it("merges maps, like Pulumi does", () => {
    const { config } = read(
      "limits: &limits { memoryMiB: 128 }\nconfig:\n  services: { n8n: { <<: *limits, cpus: 2 } }\n",
    );
    assert.deepEqual(JSON.parse(config["pinned-stack:services"] ?? ""), {
      n8n: { memoryMiB: 128, cpus: 2 },
    });
  });
});
