import assert from "node:assert/strict";

import { allowedPaths, proxyConfig, SocketRead } from "../../../components/hardened/haproxy";
import { expectHardened } from "../../support/hardened";
import { containerOf, fileOf, modelOf, realServices, service } from "../../support/small-stack";

describe("the socket proxies of a stack", () => {
  const reads: Readonly<Record<string, readonly SocketRead[]>> = {
    one: ["version"],
    two: ["info", "containers"],
  };
  const model = modelOf([
    ...realServices("socket-proxy"),
    ...Object.entries(reads).map(([name, dockerApi]) => service(name, {}, { dockerApi })),
    service("three"),
  ]);

  it("are one for each service that reads Docker's API", () => {
    assert.deepEqual(
      model.containers.filter((one) => one.service === "socket-proxy").map(({ name }) => name),
      ["socket-proxy-one", "socket-proxy-two"],
    );
  });

  for (const [client, list] of Object.entries(reads))
    it(`let service ${client} read what it declares, on a network of the two`, () => {
      const proxy = containerOf(model, `socket-proxy-${client}`);
      expectHardened(proxy, {
        controls: { user: "99:99", memoryMiB: 64, cpus: 0.25, dockerSocket: true },
        tmpfs: { "/run": 1, "/tmp": 1 },
        mounts: [
          `files socket-proxy-${client}-config /etc/socket-proxy: haproxy.cfg`,
          "socket /var/run/docker.sock /var/run/docker.sock",
        ],
        networks: [`${client}-socket-proxy`],
      });
      assert.equal(fileOf(proxy, "/etc/socket-proxy/haproxy.cfg"), proxyConfig(list));
      assert.deepEqual(proxy.dockerReads, allowedPaths(list));
    });
});
