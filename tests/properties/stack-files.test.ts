import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";

import { readStackFile } from "../../config/file/read";
import { UserError } from "../../text/user-error";
import { assertQuick, holds, outcome } from "./check";

const CANARY = "canary-clear-text-password";

/** A stack file of somebody who has not encrypted anything yet. */
const FILE = `config:
  pinned-stack:host: { address: unix:///var/run/docker.sock }
  pinned-stack:postgresPassword: ${CANARY}
  pinned-stack:registries:
    ghcr.io: { username: deploy, password: ${CANARY} }
    "127.0.0.1:5000":
      insecure: true
  pinned-stack:services: &services
    n8n: { memoryMiB: 512 }
  pinned-stack:adminAllow: ["192.0.2.0/24"]
encryptionsalt: v1:x:y
`;

describe("every stack file", () => {
  let path: string;
  before(() => {
    path = join(mkdtempSync(join(tmpdir(), "pinned-stack-file-")), "Pulumi.test.yaml");
  });
  after(() => {
    rmSync(join(path, ".."), { recursive: true });
  });

  const read = (text: string) => {
    writeFileSync(path, text);
    return outcome(() => readStackFile("test", "", path), UserError);
  };
  const assertFits = (text: string): void => {
    const result = read(text);
    if ("error" in result) {
      assert.ok(!result.error.message.includes("canary"), result.error.message);
      assert.ok(result.error.message.length < 600, result.error.message);
      return;
    }
    for (const value of Object.values(result.value.config)) assert.equal(typeof value, "string");
  };

  it("with damage in it is read, or refused without repeating what stands there", () => {
    const damage = fc.constantFrom(
      ..."\" ' { } [ ] : , * & ! | > # % @ ` - ? << \\ \t".split(" "),
      "\n",
      "\n  ",
      "\u0000",
      "*services",
      "*other",
      "!!binary ",
      "!!set ",
      "!!omap ",
      "!tag ",
      "&a *a",
      "--- \n",
      "...\n",
      "%YAML 9.9\n",
      "{secure: ",
      "__proto__: ",
      "? [a]\n: b\n",
    );
    holds(
      fc.property(
        fc.array(fc.tuple(fc.nat(FILE.length), fc.nat(6), damage), { minLength: 1, maxLength: 3 }),
        (damages) => {
          assertFits(
            damages.reduce(
              (text, [at, cut, piece]) => text.slice(0, at) + piece + text.slice(at + cut),
              FILE,
            ),
          );
        },
      ),
      400,
    );
  });

  it("made of anything is read or refused", () => {
    holds(
      fc.property(fc.string({ unit: "binary-ascii", maxLength: 60 }), (text) => {
        assertFits(`config:\n  pinned-stack:x: ${text}`);
        assertFits(text);
      }),
      200,
    );
  });

  it("with a reference to what a text starts like is refused with the line", () => {
    const result = read(`config:\n  pinned-stack:registries:\n    a: { password: *${CANARY} }\n`);
    assert.ok("error" in result);
    assert.ok(result.error.message.startsWith(`${path}: an alias (*name) `), result.error.message);
    assert.ok(!result.error.message.includes("canary"));
  });

  it("that repeats itself without end is refused at once", () => {
    const levels = Array.from(
      { length: 12 },
      (_, n) => `  a${n + 1}: &a${n + 1} [${`*a${n},`.repeat(10)}]`,
    );
    assertQuick("a file of aliases", () => {
      assert.ok("error" in read(`config:\n  a0: &a0 [x]\n${levels.join("\n")}\n`));
    });
    assert.ok("error" in read("config: &a\n  pinned-stack:x: *a\n"));
  });
});
