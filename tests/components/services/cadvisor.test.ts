import assert from "node:assert/strict";

import { expectHardened } from "../../support/hardened";
import { containerOf, modelOf, realServices } from "../../support/small-stack";

describe("cAdvisor", () => {
  const model = modelOf(realServices("socket-proxy", "cadvisor"));
  const container = containerOf(model, "cadvisor");

  it("is root without a capability, and sees four folders of the host", () => {
    expectHardened(container, {
      controls: {
        user: "0:0",
        hostPaths: ["/proc", "/sys", "/sys/fs/cgroup", "/var/lib/docker/image"],
      },
      mounts: [
        "host /proc /rootfs/proc",
        "host /sys /sys",
        "host /sys/fs/cgroup /sys/fs/cgroup",
        "host /var/lib/docker/image /rootfs/var/lib/docker/image",
      ],
      networks: ["cadvisor-socket-proxy"],
      dependsOn: ["socket-proxy-cadvisor"],
    });
  });

  it("asks Docker through its proxy, and shows no labels of containers", () => {
    for (const flag of [
      "--docker=tcp://socket-proxy-cadvisor:2375",
      "--docker_only=true",
      "--store_container_labels=false",
    ])
      assert.ok(container.command?.includes(flag), flag);
  });

  it("is for administrators", () => {
    const [route] = model.ingress.routes;
    assert.deepEqual([route?.target, route?.admin], ["http://cadvisor:8080", true]);
  });

  const REMEDY =
    "use ghcr.io/google/cadvisor v0.57.0 or newer, or services.cadvisor.enabled: false";
  const OLD_API = { newestApi: 41, classicStore: true, remedy: REMEDY };
  const OLD_STORE = { classicStore: true, remedy: REMEDY };
  const NEW_API = { oldestApi: 44, remedy: REMEDY };
  const versions: readonly (readonly [needs: object, tags: string])[] = [
    [OLD_API, "v0.49.1 v0.49.2 0.49.1"],
    [OLD_STORE, "v0.50.0 v0.53.0"],
    [{}, "v0.54.0 v0.55.1"],
    [NEW_API, "v0.56.0 v0.56.2"],
    [{}, "v0.57.0 v1.0.0 latest"],
  ];
  for (const [needs, tags] of versions)
    for (const tag of tags.split(" "))
      it(`needs ${Object.keys(needs).join(", ") || "nothing more than any version"} as ${tag}`, () => {
        const image = `ghcr.io/google/cadvisor:${tag}`;
        const { images } = modelOf(realServices("cadvisor", "socket-proxy"), {
          images: { cadvisor: image },
        });
        assert.deepEqual(images.find(({ service }) => service === "cadvisor")?.needs, {
          ...{ service: "cadvisor", image, diskMiB: 100, dockerFolder: "/var/lib/docker" },
          ...needs,
        });
      });
});
