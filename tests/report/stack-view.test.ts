import assert from "node:assert/strict";

import { synth } from "../../model/synth";
import { StackView, stackView } from "../../report/stack-view";
import { goldenStack } from "../support/golden-stack";

/** The golden stack with some keys said otherwise. */
async function viewOf(said: Readonly<Record<string, unknown>>): Promise<StackView> {
  const file = goldenStack();
  const keys = Object.entries(said).map(([key, value]) => [
    `pinned-stack:${key}`,
    JSON.stringify(value),
  ]);
  const config = { ...file.config, ...(Object.fromEntries(keys) as Record<string, string>) };
  return stackView(await synth({ ...file, config }, { placeholders: true }));
}

const verdict = ({ cis }: StackView, item: string, who: string): string | undefined => {
  const found = cis.results.find(({ id, container }) => id === item && container === who);
  return found && `${found.verdict}: ${found.detail}`;
};

describe("the report of a stack", () => {
  it("knows the Docker socket whatever it is called on the host", async () => {
    for (const socket of ["/run/podman/podman.sock", "/srv/engine.socket"]) {
      const view = await viewOf({ host: { address: `unix://${socket}` } });
      const proxies = view.containers.filter(({ service }) => service === "socket-proxy");
      assert.deepEqual(
        proxies.map(({ name, dockerSocket, hostPaths }) => [name, dockerSocket, hostPaths]),
        [
          ["socket-proxy-portainer", true, []],
          ["socket-proxy-cadvisor", true, []],
        ],
      );
      assert.equal(
        verdict(view, "5.32", "socket-proxy-cadvisor"),
        `exempt: mounts ${socket} read-only`,
      );
    }
  });

  it("knows all interfaces however they are written", async () => {
    for (const address of ["::0", "0:0:0:0:0:0:0:0"])
      assert.equal(
        verdict(await viewOf({ publish: { address } }), "5.14", "traefik"),
        `exempt: 80 on all interfaces (${address}), 443 on all interfaces (${address})`,
      );
  });
});
