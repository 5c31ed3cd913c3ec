/** The scripts of backups as text. What they do is tested with a real engine in tests/integration/. */
import assert from "node:assert/strict";

import * as pulumi from "@pulumi/pulumi";

import {
  backupRestoreScript,
  backupScript,
  proveScript,
  savedContainers,
  savedNames,
} from "../../../components/upgrade/backup";
import { Stack } from "../../../components/stack";
import { DockerHost } from "../../../host/docker-host";
import { COMMAND, record } from "../../support/pulumi-mocks";
import { backupStack } from "../../support/backup-stack";
import { run } from "../../support/run";

const MODEL = backupStack();
const ARGS = { stack: MODEL.stack, containers: MODEL.containers, backups: { keep: 7 } };
const PARTS = savedNames(MODEL.containers).map((name) => ({
  name,
  id: "1".repeat(64),
  path: "/dumps/x",
}));

describe("the data of a stack", () => {
  it("is saved as its definition says", () => {
    assert.deepEqual(
      savedContainers(MODEL.containers).map(({ container, saving, volumes }) => [
        container.name,
        saving,
        ...volumes,
      ]),
      [
        ["traefik", "live", "traefik-acme"],
        ["portainer", "paused", "portainer-data"],
        ["n8n", "live", "n8n-data"],
        ["closed", "stopped", "closed-data"],
        ["export", "command", "export-data"],
      ],
    );
    assert.deepEqual(savedNames(MODEL.containers), [
      "postgres",
      "traefik",
      "portainer",
      "n8n",
      "closed",
      "export",
    ]);
  });
});

describe("the resources of a stack with backups", () => {
  it("have names of their own, and no secret outside of secret inputs", async () => {
    const { resources } = await record(
      () => {
        const host = new DockerHost("test", { host: { address: "unix:///var/run/docker.sock" } });
        return new Stack("test", {
          model: MODEL,
          host,
          secret: (name) => pulumi.secret(`canary-${name}`),
          networkPool: "10.201.0.0/24",
          trial: { atMost: 15, backups: { keep: 7 }, tried: true, olderData: false },
        });
      },
      { engine: { [COMMAND]: { stdout: "998\n" } } },
    );
    const names = resources.map(({ type, name }) => `${type} ${name}`);
    assert.deepEqual(
      names.filter((name, index) => names.indexOf(name) !== index),
      [],
    );
    assert.ok(names.some((name) => name.endsWith(" test-backup")));
    for (const { type, name, inputs } of resources.filter(({ type: one }) => one === COMMAND))
      assert.doesNotMatch(JSON.stringify(inputs), /canary/, `${type} ${name}`);
  });
});

describe("the scripts of backups", () => {
  it("are shell", async () => {
    for (const script of [
      backupScript(ARGS, "20261127T033000Z"),
      proveScript(ARGS, PARTS, 15),
      proveScript(ARGS, PARTS.slice(0, 1), 15),
      backupRestoreScript(ARGS, PARTS),
      backupRestoreScript(ARGS, PARTS.slice(1)),
    ])
      assert.equal((await run("sh", ["-n"], { input: script })).stderr, "");
  });

  it("let only those stand still that have to", () => {
    const still = backupScript(ARGS, "20261127T033000Z")
      .split("\n")
      .filter((line) => line.startsWith("save_still "));
    assert.deepEqual(still, [
      "save_still 'test-portainer' paused 20 save '20261127T033000Z' 'portainer' '/data/portainer-data'",
      "save_still 'test-closed' stopped 10 save '20261127T033000Z' 'closed' '/data/closed-data'",
    ]);
  });

  it("fetch everything before anything is touched", () => {
    const script = backupRestoreScript(ARGS, PARTS);
    const touched = script.indexOf("restore_databases &");
    assert.ok(touched > script.lastIndexOf("\nfetch_volume "));
    assert.ok(script.lastIndexOf("\nfetch_volume ") > 0);
  });

  it("prove only containers of which there is a backup", () => {
    const script = proveScript(
      ARGS,
      PARTS.filter(({ name }) => name === "postgres"),
      15,
    );
    assert.match(script, /^id_0=\$\(running_of 'test-postgres'\)$/m);
    assert.doesNotMatch(script, /^id_1=/m);
    assert.match(script, /--cap-drop ALL/);
  });
});
