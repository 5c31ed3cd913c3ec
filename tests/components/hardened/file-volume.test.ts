import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import * as pulumi from "@pulumi/pulumi";

import { Files, FileVolume, FileVolumeArgs } from "../../../components/hardened/file-volume";
import { CONTAINER, VOLUME } from "../../../tools/model/synth";
import { only, record, Recording, valueOf } from "../../support/pulumi-mocks";
import { IMAGES } from "../../support/raw-config";
import { remoteImage, STACK } from "../../support/service-args";

const OWNER = "101:102";

const run = (
  files: Files,
  said: Partial<FileVolumeArgs> = {},
  name = "test-web-files",
): Promise<Recording<FileVolume>> =>
  record(() => {
    const image = remoteImage("homepage");
    return new FileVolume(
      name,
      { stack: STACK, service: "web", path: "/etc/web", files, image, after: [image], ...said },
      {},
    );
  });

const triggerOf = async (files: Files, said?: Partial<FileVolumeArgs>, name?: string) => {
  const { resources } = await run(files, said, name);
  return only(resources, VOLUME).options.replacementTrigger;
};

const LABELS = [
  { label: "pinned-stack.stack", value: "test" },
  { label: "pinned-stack.service", value: "web" },
];

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

describe("plain files", () => {
  it("are brought by a loader that never starts, for everybody to read", async () => {
    const { resources, value } = await run({ "web.conf": "listen 80\n", "sub/a.txt": "a" });
    const loader = only(resources, CONTAINER);
    assert.equal(loader.name, "test-web-files-loader");
    assert.deepEqual(loader.inputs, {
      image: IMAGES.homepage,
      labels: [...LABELS, { label: "pinned-stack.role", value: "loader" }],
      networkMode: "none",
      capabilities: { drops: ["ALL"], adds: [] },
      securityOpts: ["no-new-privileges:true"],
      mustRun: false,
      start: false,
      volumes: [{ volumeName: "test-web-files", containerPath: "/etc/web" }],
      uploads: [
        { file: "/etc/web/web.conf", content: "listen 80\n", permissions: "0444" },
        { file: "/etc/web/sub/a.txt", content: "a", permissions: "0444" },
      ],
    });
    assert.deepEqual(loader.options, {
      parent: "test-web-files",
      deleteBeforeReplace: false,
      hideDiffs: ["uploads"],
      ignoreChanges: ["image"],
      replaceOnChanges: ["#initerror"],
      dependsOn: ["test-homepage"],
    });
    assert.equal(value.path, "/etc/web");
    assert.equal(await valueOf(value.volumeName), "test-web-files");
  });

  it("are in a volume whose name Pulumi makes, so that a new one lives beside the old", async () => {
    const { resources } = await run({ a: "b" });
    const volume = only(resources, VOLUME);
    assert.deepEqual(volume.inputs, {
      labels: [...LABELS, { label: "pinned-stack.role", value: "files" }],
    });
    assert.deepEqual(volume.options, {
      parent: "test-web-files",
      deleteBeforeReplace: false,
      dependsOn: ["test-homepage"],
      replacementTrigger: sha256('[["a","b"]]'),
    });
  });

  it("take bytes in base64", async () => {
    const { resources } = await run({ "logo.png": { base64: "iVBORw0KGgo=" } });
    assert.deepEqual(only(resources, CONTAINER).inputs.uploads, [
      { file: "/etc/web/logo.png", contentBase64: "iVBORw0KGgo=", permissions: "0444" },
    ]);
  });

  it("take a content that is known only later", async () => {
    const { resources } = await run({ a: pulumi.output("later") });
    assert.deepEqual(only(resources, CONTAINER).inputs.uploads, [
      { file: "/etc/web/a", content: "later", permissions: "0444" },
    ]);
    assert.equal(only(resources, VOLUME).options.replacementTrigger, sha256('[["a","later"]]'));
  });

  it("make a new volume when a content, a name or the kind of a file changes, and only then", async () => {
    const before = await triggerOf({ a: "1", b: "2" });
    assert.equal(before, await triggerOf({ b: "2", a: "1" }), "order means nothing");
    assert.equal(before, await triggerOf({ a: "1", b: "2" }, {}, "test-other"), "nor the name");
    const others: readonly Files[] = [
      { a: "1", b: "3" },
      { a: "1", c: "2" },
      { a: "1" },
      { a: "1", b: "2", c: "" },
      { a: "2", b: "1" },
      { a: "1", b: { base64: "2" } },
      { a: '1"],["b","2' },
    ];
    const triggers = await all(others, (files) => triggerOf(files));
    assert.equal(new Set([before, ...triggers]).size, others.length + 1);
  });
});

describe("secret files", () => {
  const SECRET = "canary-password";
  const secretFiles = { password: pulumi.secret(SECRET) };

  it("belong to one user, given away by one chown that is the only thing to start as root", async () => {
    const { resources } = await run(secretFiles, { owner: OWNER });
    const loader = only(resources, CONTAINER);
    assert.deepEqual(loader.inputs, {
      image: IMAGES.homepage,
      labels: [...LABELS, { label: "pinned-stack.role", value: "loader" }],
      networkMode: "none",
      capabilities: { drops: ["ALL"], adds: ["CAP_CHOWN"] },
      securityOpts: ["no-new-privileges:true"],
      mustRun: false,
      start: true,
      attach: true,
      user: "0:0",
      entrypoints: ["/bin/chown"],
      command: ["-R", "101:102", "/etc/web"],
      cpus: "0.5",
      memory: 64,
      memorySwap: 64,
      volumes: [{ volumeName: "test-web-files", containerPath: "/etc/web" }],
      // The SDK marks the whole list.
      uploads: {
        secret: [{ file: "/etc/web/password", content: SECRET, permissions: "0400" }],
      },
    });
  });

  it("are marked as secrets even where the caller did not", async () => {
    const { resources } = await run({ password: SECRET }, { owner: OWNER });
    assert.deepEqual(only(resources, CONTAINER).inputs.uploads, {
      secret: [{ file: "/etc/web/password", content: SECRET, permissions: "0400" }],
    });
  });

  it("are marked as secrets in base64 too", async () => {
    const { resources } = await run({ key: { base64: "Y2FuYXJ5" } }, { owner: OWNER });
    assert.deepEqual(only(resources, CONTAINER).inputs.uploads, {
      secret: [{ file: "/etc/web/key", contentBase64: "Y2FuYXJ5", permissions: "0400" }],
    });
  });

  it("show in nothing but the upload", async () => {
    const { resources } = await run(secretFiles, { owner: OWNER });
    for (const { inputs, options, name } of resources) {
      const rest = Object.entries(inputs).filter(([key]) => key !== "uploads");
      assert.doesNotMatch(JSON.stringify([name, rest, options]), /canary/);
    }
  });

  it("have a trigger that is no secret, so that it is acted upon, and no plain hash of one", async () => {
    const trigger = await triggerOf(secretFiles, { owner: OWNER });
    assert.ok(typeof trigger === "string", "a secret trigger would never replace anything");
    assert.match(trigger, /^[0-9a-f]{64}$/);
    assert.ok(!trigger.includes(Buffer.from(SECRET).toString("hex").slice(0, 16)));
    for (const guess of [SECRET, `[["password","${SECRET}"]]`, `{"password":"${SECRET}"}`])
      assert.notEqual(trigger, sha256(guess));
    assert.notEqual(trigger, await triggerOf({ password: SECRET }));
  });

  it("have the same trigger in every run, another for another secret, and one of its own by volume", async () => {
    const trigger = await triggerOf(secretFiles, { owner: OWNER });
    assert.equal(trigger, await triggerOf(secretFiles, { owner: OWNER }));
    assert.notEqual(trigger, await triggerOf({ password: "canary-passwort" }, { owner: OWNER }));
    // The same password in two places must not show as the same.
    assert.notEqual(trigger, await triggerOf(secretFiles, { owner: OWNER }, "test-db-files"));
  });
});

/** One after the other: the mocks are one for the process. */
async function all<A, B>(items: readonly A[], work: (item: A) => Promise<B>): Promise<B[]> {
  const results: B[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}
