import assert from "node:assert/strict";

import { HardenedContainer } from "../../../components/hardened/container";
import { limitProcesses } from "../../../components/hardened/process-limits";
import { Networks } from "../../../components/hardened/networks";
import { DockerHost } from "../../../host/docker-host";
import { COMMAND } from "../../../tools/model/synth";
import { only, record } from "../../support/pulumi-mocks";
import { remoteImage, STACK } from "../../support/service-args";

describe("the limits of processes", () => {
  it("are set by one command for all containers, again when one of them is new", async () => {
    const { resources } = await record(() => {
      const host = new DockerHost(STACK, {
        host: { address: "unix:///var/run/docker.sock" },
        registries: {},
      });
      const networks = new Networks(STACK, {});
      const image = remoteImage("homepage");
      const container = (name: string, pidsLimit: number): HardenedContainer =>
        new HardenedContainer(
          STACK,
          {
            name,
            image,
            measures: { pidsLimit },
            health: { command: ["check"] },
            networks: [networks.link("traefik", name)],
            after: [],
          },
          {},
        );
      limitProcesses("test-limits", host, [container("web", 50), container("db", 300)]);
    });
    const { inputs } = only(resources, COMMAND, "test-limits");
    assert.deepEqual(inputs.triggers, ["test-web-id", "test-db-id"]);
    assert.ok(
      (inputs.stdin as string).endsWith(`
docker update --pids-limit 50 test-web-id >/dev/null
docker update --pids-limit 300 test-db-id >/dev/null
`),
      inputs.stdin as string,
    );
  });
});
