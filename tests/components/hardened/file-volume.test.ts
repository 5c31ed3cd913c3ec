import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import { CommandRunner } from "../../../components/hardened/command-runner";
import { FileVolume, FileVolumeArgs, LiveFiles } from "../../../components/hardened/file-volume";
import { replaceFilesScript } from "../../../components/hardened/replace-files";
import {
  COMMAND,
  CONTAINER,
  inClear,
  namesOf,
  only,
  record,
  Recording,
  shortName,
  VOLUME,
} from "../../support/pulumi-mocks";

type Files = FileVolumeArgs["files"];

/** As {@link DockerHost}: a command with a script. */
const HOST: CommandRunner = {
  command: (name, { script, triggers }, opts) =>
    new command.local.Command(name, { stdin: script, triggers }, opts),
  cgroups: () => assert.fail("nobody asks"),
};
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
    const args = { path: "/etc/web", files, image: "web:1", labels: { owner: "me" }, ...said };
    return new FileVolume(name, args, { dependsOn: [image] });
  });

const triggerOf = async (files: Files, said?: Partial<FileVolumeArgs>, name?: string) =>
  only((await run(files, said, name)).resources, VOLUME).options.replacementTrigger;

const labels = (role: string) => [
  { label: "owner", value: "me" },
  { label: "hardened.role", value: role },
];
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Inputs of the init container that depend neither on the files nor on who reads them. */
const INIT = {
  image: "web:1",
  labels: labels("init"),
  networkMode: "none",
  securityOpts: ["no-new-privileges:true"],
  mustRun: false,
  cpus: "0.5",
  memory: 64,
  memorySwap: 64,
  volumes: [{ volumeName: "test-files", containerPath: "/etc/web" }],
};

describe("a volume of plain files", () => {
  it("is filled by a container that never starts, readable by everybody inside", async () => {
    const { resources } = await run({
      "web.conf": "listen 80\n",
      "img/logo.png": { base64: "iVBORw0KGgo=" },
    });
    const init = only(resources, CONTAINER, "test-files-init");
    assert.deepEqual(init.inputs, {
      ...INIT,
      capabilities: { drops: ["ALL"], adds: [] },
      user: "65532:65532",
      start: false,
      uploads: [
        { file: "/etc/web/web.conf", content: "listen 80\n", permissions: "0444" },
        { file: "/etc/web/img/logo.png", contentBase64: "iVBORw0KGgo=", permissions: "0444" },
      ],
    });
    assert.deepEqual(init.options, {
      deleteBeforeReplace: false,
      hideDiffs: ["uploads"],
      ignoreChanges: ["image"],
      replaceOnChanges: ["#initerror"],
    });
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
    run(files, { live: { image: "tools:1", host: HOST, ...said } });
  const triggerOfLive = async (files: Files, said?: Partial<LiveFiles>): Promise<unknown> =>
    only((await live(files, said)).resources, VOLUME).options.replacementTrigger;

  it("is filled by a command of its own, which runs again when they change", async () => {
    const { resources, value } = await live({ "a/b": "canary" });
    assert.deepEqual(namesOf(resources, CONTAINER), []);
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
      const args = { path: "/etc/web", files: { a: "" }, image: "web:1" };
      return new FileVolume(
        "test-files",
        { ...args, live: { image: "t:1", host: HOST, after } },
        {},
      );
    });
    const waits = (type: string, name: string): string[] =>
      only(resources, type, name).dependsOn.map(shortName);
    assert.ok(waits(COMMAND, "test-files-write").includes("RemoteImage web"));
    assert.deepEqual(waits(VOLUME, "test-files"), []);
  });
});

describe("a volume of secrets", () => {
  it("belongs to the one user who reads it, by one chown as root", async () => {
    // Not marked as a secret by the caller.
    const recording = await run(secret("canary-password"), OWNER);
    assert.deepEqual(only(recording.resources, CONTAINER, "test-files-init").inputs, {
      ...INIT,
      capabilities: { drops: ["ALL"], adds: ["CAP_CHOWN"] },
      start: true,
      attach: true,
      user: "0:0",
      entrypoints: ["/bin/chown"],
      command: ["-R", "101:102", "/etc/web"],
      uploads: [
        {
          file: "/etc/web/password",
          content: { secretValue: "canary-password" },
          permissions: "0400",
        },
      ],
    });
    assert.doesNotMatch(inClear(recording), /canary/);
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

  it("is never live", async () => {
    const live = { image: "tools:1", host: HOST };
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
