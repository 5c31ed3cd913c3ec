import assert from "node:assert/strict";

import { readStackFile } from "../../../../config/file/read";
import { Model, synth } from "../../../../tools/model/synth";
import { PROJECT_FOLDER } from "../../../../tools/cli/command";
import { offlinePlan } from "../../../../tools/deploy/plan/offline";
import "../../../support/no-docker-context";

describe("the offline plan of the dev stack", () => {
  let model: Model;
  before(async () => {
    model = await synth(readStackFile("dev", PROJECT_FOLDER));
  });

  it("says of each container in which order it is replaced, and why", () => {
    const free = "no published port, no writable volume";
    assert.deepEqual(offlinePlan(model).order, [
      ["CONTAINER", "WHEN REPLACED", "WHY"],
      ["traefik", "stop first", "publishes 127.0.0.1:8080"],
      ["socket-proxy-cadvisor", "start first", free],
      ["socket-proxy-portainer", "start first", free],
      ["homepage", "start first", free],
      ["portainer", "stop first", "writes to volume dev-portainer-data"],
      ["n8n", "stop first", "writes to volume dev-n8n-data"],
      ["postgres", "stop first", "writes to volume dev-postgres-16-data"],
      ["cadvisor", "start first", free],
    ]);
  });

  it("has one row for each service, and the networks that lead out", () => {
    const { headline, services, notes } = offlinePlan(model);
    assert.match(headline, /^stack dev: \d+ resources, among them \d+ containers/);
    assert.equal(services.length, 8);
    assert.match(notes[0] ?? "", /dev-edge \(leads out\)/);
  });
});
