import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  changedKeys,
  editConfig,
  PlainConfig,
  plainConfig,
  secretTexts,
  withConfigFile,
  withImages,
} from "../../../config/file/edit";

const FILE = `encryptionsalt: v1:salt
config:
  # why this one
  pinned-stack:domain: old.test
  pinned-stack:images: { app: "app:1" }
  pinned-stack:password:
    secure: v1:cipher
  pinned-stack:gone: x
`;
const current: PlainConfig = {
  values: {
    "pinned-stack:domain": "old.test",
    "pinned-stack:images": '{"app":"app:1"}',
    "pinned-stack:password": "one",
    "pinned-stack:gone": "x",
  },
  secretKeys: ["pinned-stack:password"],
};

describe("the values that are masked in output", () => {
  it("are each secret of one's own services, beside the others and the passwords of registries", () => {
    const values = {
      "pinned-stack:domain": "a.test",
      "pinned-stack:postgresPassword": "one",
      "pinned-stack:secrets": '{"apiKey":"two","other":"three"}',
      "pinned-stack:registries": '{"ghcr.io":{"username":"u","password":"four"}}',
    };
    const texts = secretTexts({ values, secretKeys: ["pinned-stack:secrets"] });
    for (const secret of ["one", "two", "three", "four"]) assert.ok(texts.includes(secret), secret);
    assert.ok(!texts.includes("a.test") && !texts.includes("u"));
  });
});

describe("another configuration than the stack's file", () => {
  it("keeps what is the same, comments and encrypted values too", () => {
    const wanted = { ...current, values: { ...current.values, "pinned-stack:domain": "new.test" } };
    const edit = editConfig(FILE, current, wanted);
    assert.equal(edit.text, FILE.replace("old.test", "new.test"));
    assert.deepEqual(edit.secrets, {});
  });

  it("leaves another secret to the CLI, and drops what is not there any more", () => {
    const { "pinned-stack:gone": gone, ...values } = current.values;
    assert.equal(gone, "x");
    const wanted = { ...current, values: { ...values, "pinned-stack:password": "two" } };
    const edit = editConfig(FILE, current, wanted);
    assert.deepEqual(edit.secrets, { "pinned-stack:password": "two" });
    assert.doesNotMatch(edit.text, /cipher|two|gone/);
    assert.match(edit.text, /encryptionsalt: v1:salt/);
    assert.deepEqual(changedKeys(current, wanted), ["pinned-stack:gone", "pinned-stack:password"]);
  });

  it("leaves no older value under the key's short spelling", () => {
    const short = FILE.replace("pinned-stack:domain", "domain");
    assert.notEqual(short, FILE);
    const wanted = { ...current, values: { ...current.values, "pinned-stack:domain": "new.test" } };
    const { text } = editConfig(short, current, wanted);
    assert.doesNotMatch(text, /^ {2}domain:/m);
    assert.match(text, /^ {2}pinned-stack:domain: new\.test$/m);
  });

  it("writes structures as structures", () => {
    const edit = editConfig(
      FILE,
      current,
      withImages(current, { app: "app:1@sha256:0", other: "x" }),
    );
    assert.match(edit.text, /pinned-stack:images:\n {4}app: app:1@sha256:0\n/);
  });

  it("lies in a file for its user alone, which is gone afterwards", async () => {
    const folder = mkdtempSync(join(tmpdir(), "test-"));
    const stackFile = join(folder, "Pulumi.s.yaml");
    writeFileSync(stackFile, FILE);
    const set: string[] = [];
    const wanted = { ...current, values: { ...current.values, "pinned-stack:password": "two" } };
    let seen = "";
    await assert.rejects(
      withConfigFile(
        {
          stackFile,
          current,
          wanted,
          setSecret: (file, key, value) => Promise.resolve(void set.push(`${key}=${value}`, file)),
        },
        (file) => {
          seen = file;
          assert.equal(statSync(file).mode & 0o777, 0o600);
          return Promise.reject(new Error("no"));
        },
      ),
      /no/,
    );
    assert.deepEqual(set, ["pinned-stack:password=two", seen]);
    assert.equal(existsSync(seen), false);
    assert.equal(readFileSync(stackFile, "utf8"), FILE);
    rmSync(folder, { recursive: true });
  });

  it("is read from what the CLI prints", () => {
    assert.deepEqual(
      plainConfig({
        a: { value: "1", secret: false },
        b: { value: "2", secret: true },
        c: { secret: true },
      }),
      {
        values: { a: "1", b: "2" },
        secretKeys: ["b", "c"],
      },
    );
  });
});
