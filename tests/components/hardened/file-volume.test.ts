import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import { FileVolume, FileVolumeArgs, LiveFiles } from "../../../components/hardened/file-volume";
import { fillScript } from "../../../components/hardened/fill-volume";
import { replaceFilesScript } from "../../../components/hardened/replace-files";
import { HOST } from "../../support/hardened";
import {
  COMMAND,
  inClear,
  only,
  record,
  Recording,
  shortName,
  VOLUME,
} from "../../support/pulumi-mocks";

type Files = FileVolumeArgs["files"];

const OWNER = { owner: "101:102" };
const secret = (value: pulumi.Input<string>): Files => ({
  password: { secret: "dbPassword", value },
});

const run = (
  files: Files,
  said: Partial<FileVolumeArgs> = {},
  name = "test-files",
): Promise<Recording<FileVolume>> =>
  record(() => {
    const image = new docker.RemoteImage("web", { name: "web:1" });
    const args = {
      ...{ path: "/etc/web", files, image: "web:1", host: HOST, labels: { owner: "me" } },
      ...said,
    };
    return new FileVolume(name, args, { dependsOn: [image] });
  });

const triggerOf = async (files: Files, said?: Partial<FileVolumeArgs>, name?: string) =>
  only((await run(files, said, name)).resources, VOLUME).options.replacementTrigger;

const labels = (role: string) => [
  { label: "owner", value: "me" },
  { label: "hardened.role", value: role },
];
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

describe("a volume of plain files", () => {
  it("is filled by a command, readable by everybody inside", async () => {
    const { resources } = await run({
      "web.conf": "listen 80\n",
      "img/logo.png": { base64: "iVBORw0KGgo=" },
    });
    const { inputs, options, dependsOn } = only(resources, COMMAND, "test-files-fill");
    assert.deepEqual(inputs, {
      stdin: fillScript({
        ...{ volume: "test-files", image: "web:1", labels: { owner: "me" } },
        files: [
          { path: "web.conf", mode: 0o444, content: Buffer.from("listen 80\n") },
          { path: "img/logo.png", mode: 0o444, content: Buffer.from("iVBORw0KGgo=", "base64") },
        ],
      }),
      triggers: ["test-files"],
      update: ":",
    });
    assert.deepEqual(options.hideDiffs, ["stdin"]);
    assert.ok(dependsOn.map(shortName).includes("RemoteImage web"));
  });

  it("has a name that Pulumi makes, so that a new one can exist beside the old one", async () => {
    const { resources } = await run({ a: "b" });
    const { inputs, options, dependsOn } = only(resources, VOLUME);
    assert.deepEqual(inputs, { labels: labels("files") });
    assert.deepEqual(options, {
      deleteBeforeReplace: false,
      replacementTrigger: sha256('[["a","b"]]'),
    });
    assert.deepEqual(dependsOn.map(shortName), ["RemoteImage web"]);
  });

  it("is replaced when the content, the name or the kind of a file changes, and only then", async () => {
    const before = await triggerOf({ a: "1", b: "2" });
    assert.equal(before, await triggerOf({ b: "2", a: "1" }), "the order means nothing");
    assert.equal(before, await triggerOf({ a: "1", b: "2" }, {}, "other"), "nor does the name");
    const others: readonly Files[] = [
      { a: "1", b: "3" },
      { a: "1", c: "2" },
      { a: "1" },
      { a: "1", b: "2", c: "" },
      { a: "2", b: "1" },
      { a: "1", b: { base64: "2" } },
      { a: '1"],["b","2' },
    ];
    const triggers = new Set([before]);
    for (const files of others) triggers.add(await triggerOf(files));
    assert.equal(triggers.size, others.length + 1);
  });
});

describe("a volume of live files", () => {
  const live = (files: Files, said: Partial<LiveFiles> = {}): Promise<Recording<FileVolume>> =>
    run(files, { live: { image: "tools:1", ...said } });
  const triggerOfLive = async (files: Files, said?: Partial<LiveFiles>): Promise<unknown> =>
    only((await live(files, said)).resources, VOLUME).options.replacementTrigger;

  it("is filled by a command of its own, which runs again when they change", async () => {
    const { resources, value } = await live({ "a/b": "canary" });
    const { inputs, options } = only(resources, COMMAND, "test-files-write");
    assert.deepEqual(inputs.triggers, ["test-files"]);
    assert.deepEqual(options.hideDiffs, ["stdin"]);
    const script = replaceFilesScript('"$volume"', "tools:1", { "a/b": "canary" });
    assert.ok(String(inputs.stdin).endsWith(`volume=test-files\n${script}`), String(inputs.stdin));
    assert.ok(value.live);
    assert.equal((await run({ a: "" })).value.written, undefined);
  });

  it("stays with other files, and is another one with another configuration", async () => {
    const before = await triggerOfLive({ a: "1" }, { belongsTo: "x" });
    assert.equal(before, await triggerOfLive({ a: "2" }, { belongsTo: "x" }));
    assert.notEqual(before, await triggerOfLive({ a: "1" }, { belongsTo: "y" }));
  });

  it("waits with its files for what it is told to, the volume does not", async () => {
    const { resources } = await record(() => {
      const image = new docker.RemoteImage("web", { name: "web:1" });
      const after = Promise.resolve([image]);
      const args = { path: "/etc/web", files: { a: "" }, image: "web:1", host: HOST };
      return new FileVolume("test-files", { ...args, live: { image: "t:1", after } }, {});
    });
    const waits = (type: string, name: string): string[] =>
      only(resources, type, name).dependsOn.map(shortName);
    assert.ok(waits(COMMAND, "test-files-write").includes("RemoteImage web"));
    assert.deepEqual(waits(VOLUME, "test-files"), []);
  });
});

describe("a volume of secrets", () => {
  it("belongs to the one user who reads it, and is a secret for Pulumi", async () => {
    // Not marked as a secret by the caller.
    const recording = await run(secret("canary-password"), OWNER);
    const content = Buffer.from("canary-password");
    assert.deepEqual(only(recording.resources, COMMAND, "test-files-fill").inputs.stdin, {
      secretValue: fillScript({
        ...{ volume: "test-files", image: "web:1", labels: { owner: "me" } },
        files: [{ path: "password", mode: 0o400, owner: "101:102", content }],
      }),
    });
    assert.doesNotMatch(inClear(recording), /canary|Y2FuYXJ5/);
    assert.deepEqual(recording.value.files, { password: { secret: "dbPassword" } });
  });

  it("has a trigger that is no secret, so that Pulumi acts on it, and from which none can be found", async () => {
    const trigger = await triggerOf(secret(pulumi.secret("canary-password")), OWNER);
    assert.ok(typeof trigger === "string", "Pulumi ignores a secret trigger");
    assert.match(trigger, /^[0-9a-f]{64}$/);
    for (const guess of ["canary-password", '[["password","canary-password"]]'])
      assert.notEqual(trigger, sha256(guess));
  });

  it("is replaced when the secret changes, and shows no equal ones", async () => {
    const trigger = await triggerOf(secret("canary-password"), OWNER);
    assert.equal(trigger, await triggerOf(secret("canary-password"), OWNER));
    assert.notEqual(trigger, await triggerOf(secret("canary-passwort"), OWNER));
    assert.notEqual(trigger, await triggerOf(secret("canary-password"), OWNER, "other"));
  });

  // Such as another variant of PostgreSQL's image, whose user has another number.
  it("is replaced when its owner changes, who could not read it otherwise", async () => {
    const before = await triggerOf(secret("canary-password"), OWNER);
    assert.notEqual(before, await triggerOf(secret("canary-password"), { owner: "70:70" }));
  });

  it("is never live", async () => {
    const live = { image: "tools:1" };
    await assert.rejects(run(secret("canary"), { ...OWNER, live }), {
      message: "test-files: secrets cannot be live",
    });
  });

  it("does not mix with plain files", async () => {
    const mixed: readonly (readonly [Files, object])[] = [
      [secret("canary"), {}],
      [{ a: "plain" }, OWNER],
      [{ ...secret("canary"), a: "plain" }, OWNER],
    ];
    for (const [files, said] of mixed)
      await assert.rejects(run(files, said), {
        message:
          "test-files: expected secrets with an owner, or plain files without one; use a separate volume for each",
      });
  });
});
