/** The proxy for other Pulumi programs; that of the stack is a service definition with the same parts. */
import assert from "node:assert/strict";

import { fillScript } from "../../../components/hardened/fill-volume";
import { proxyConfig } from "../../../components/hardened/haproxy";
import { Networks } from "../../../components/hardened/networks";
import { SocketProxy } from "../../../components/hardened/socket-proxy";
import { DockerHost } from "../../../host/docker-host";
import { expectHardened } from "../../support/hardened";
import { COMMAND, CONTAINER, only, record } from "../../support/pulumi-mocks";

describe("a socket proxy", () => {
  const run = () =>
    record(
      () => {
        const host = new DockerHost("test", {
          host: { address: "unix:///run/user/1000/docker.sock" },
          registries: {},
        });
        return new SocketProxy(
          "test-proxy",
          {
            image: "proxy:1",
            reads: ["version"],
            network: new Networks("test", {}, {}).between("client", "proxy"),
            socket: host.socket(),
            host,
          },
          {},
        );
      },
      { engine: { [COMMAND]: { stdout: "998\n" } } },
    );

  it("has the socket and a list of allowed paths, and is hardened otherwise", async () => {
    const { value } = await run();
    assert.equal(value.endpoint, "tcp://test-proxy:2375");
    expectHardened(value.proxy.model, {
      controls: { user: "99:99", memoryMiB: 64, cpus: 0.25, dockerSocket: true },
      tmpfs: { "/run": 1, "/tmp": 1 },
      mounts: [
        "files test-proxy-config /etc/socket-proxy: haproxy.cfg",
        "socket /run/user/1000/docker.sock /var/run/docker.sock",
      ],
      networks: ["client-proxy"],
    });
  });

  it("runs HAProxy with the generated file, in the group of the host's socket", async () => {
    const { resources } = await run();
    const { entrypoints, groupAdds } = only(resources, CONTAINER, "test-proxy").inputs;
    assert.deepEqual(entrypoints, ["haproxy", "-db", "-f", "/etc/socket-proxy/haproxy.cfg"]);
    assert.deepEqual(groupAdds, ["998"]);
    const { stdin } = only(resources, COMMAND, "test-proxy-config-fill").inputs;
    const files = [
      { path: "haproxy.cfg", mode: 0o444, content: Buffer.from(proxyConfig(["version"])) },
    ];
    assert.ok(
      String(stdin).endsWith(
        fillScript({ volume: "test-proxy-config", image: "proxy:1", labels: {}, files }),
      ),
    );
  });
});
