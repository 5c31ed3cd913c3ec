import assert from "node:assert/strict";

import * as docker from "@pulumi/docker";

import { DataVolume, DataVolumeArgs } from "../../../components/hardened/data-volume";
import { fillScript } from "../../../components/hardened/fill-volume";
import { HOST } from "../../support/hardened";
import {
  COMMAND,
  namesOf,
  only,
  record,
  shortName,
  valueOf,
  VOLUME,
} from "../../support/pulumi-mocks";

const run = (said: Partial<DataVolumeArgs> = {}) =>
  record(() => {
    const image = new docker.RemoteImage("web", { name: "web:1" });
    const args = { path: "/data", labels: { owner: "me" }, ...said };
    return new DataVolume("test-data", args, { dependsOn: [image] });
  });

const labels = (role: string) => [
  { label: "owner", value: "me" },
  { label: "hardened.role", value: role },
];

describe("a data volume", () => {
  it("has a name of its own, is protected and stays on the host", async () => {
    const { resources } = await run();
    const { inputs, options } = only(resources, VOLUME);
    assert.deepEqual(inputs, { name: "test-data", labels: labels("data") });
    assert.deepEqual(options, { protect: true, retainOnDelete: true, ignoreChanges: ["labels"] });
  });

  it("may leave a plan where its data goes to another volume, and stays on the host all the same", async () => {
    const { resources } = await run({ protect: false });
    assert.deepEqual(only(resources, VOLUME).options, {
      retainOnDelete: true,
      ignoreChanges: ["labels"],
    });
  });

  it("is copied while its container runs, unless its service says something else", async () => {
    assert.equal((await run()).value.copy, "live");
    assert.equal((await run({ copy: "paused" })).value.copy, "paused");
  });

  it("needs no command where the image leaves it to the container's user", async () => {
    const { resources, value } = await run();
    assert.deepEqual(namesOf(resources, COMMAND), []);
    assert.equal(shortName(await valueOf(value.ready.urn)), "Volume test-data");
    assert.equal(value.chown, false);
  });

  it("is given to a user by a command, with a file that keeps Docker from resetting the owner", async () => {
    const { resources, value } = await run({
      chown: { user: "101:102", image: "web:1", host: HOST },
    });
    const { inputs, dependsOn } = only(resources, COMMAND, "test-data-owner");
    assert.deepEqual(inputs, {
      stdin: fillScript({
        ...{ volume: "test-data", image: "web:1", labels: { owner: "me" }, chown: "101:102" },
        files: [
          {
            path: ".hardened",
            mode: 0o444,
            content: Buffer.from("The owner of this folder was set when the volume was made.\n"),
          },
        ],
      }),
      // Another user runs it again, another image does not.
      triggers: ["test-data", "101:102"],
      update: ":",
    });
    assert.ok(dependsOn.map(shortName).includes("RemoteImage web"));
    assert.equal(shortName(await valueOf(value.ready.urn)), "Command test-data-owner");
    assert.equal(value.chown, true);
  });
});
