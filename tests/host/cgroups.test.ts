import assert from "node:assert/strict";

import {
  cgroupParent,
  cgroupPrefixes,
  hostCgroupPaths,
  isNamedCgroup,
  parseEngineCgroups,
} from "../../host/cgroups";

describe("the control group of a container", () => {
  const ROOT = "pinned-stack";
  const rows = [
    ["cgroupfs", "dev", "traefik", "/pinned-stack/dev/traefik"],
    ["cgroupfs", "my-dev", "socket-proxy-portainer", "/pinned-stack/my-dev/socket-proxy-portainer"],
    ["systemd", "dev", "traefik", "pinnedstack-dev-traefik.slice"],
    // systemd keeps slices at the path that their names say.
    [
      "systemd",
      "my-dev",
      "socket-proxy-portainer",
      "pinnedstack-my_dev-socket_proxy_portainer.slice",
    ],
  ] as const;
  for (const [driver, stack, name, parent] of rows)
    it(`is below ${parent} with the driver ${driver}`, () => {
      assert.equal(cgroupParent({ root: ROOT, stack, name }, { driver }), parent);
      assert.ok(isNamedCgroup(ROOT, parent));
    });
  for (const parent of [
    "",
    "/docker",
    "/pinned-stack",
    "/pinned-stack/../x",
    "/other/dev/web",
    "system.slice",
  ])
    it(`is not mistaken for "${parent}"`, () => {
      assert.ok(!isNamedCgroup(ROOT, parent));
    });

  it("has a path that starts the same for all containers of a stack", () => {
    assert.deepEqual(cgroupPrefixes({ root: ROOT, stack: "my-dev" }), [
      "/pinned-stack/my-dev/",
      "/pinnedstack.slice/pinnedstack-my_dev.slice/",
    ]);
  });

  it("is read from one folder for each controller on cgroup v1, from none on v2", () => {
    const folders = ["blkio", "cpu", "cpuacct", "memory", "pids"];
    assert.deepEqual(
      hostCgroupPaths({ version: "1" }),
      folders.map((folder) => `/sys/fs/cgroup/${folder}`),
    );
    assert.deepEqual(hostCgroupPaths({ version: "2" }), []);
  });

  it("is managed as docker info says", () => {
    assert.deepEqual(parseEngineCgroups("systemd 2\n"), { driver: "systemd", version: "2" });
  });
});
