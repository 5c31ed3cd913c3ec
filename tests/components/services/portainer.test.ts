import assert from "node:assert/strict";

import { expectHardened } from "../../support/hardened";
import { IMAGES } from "../../support/raw-config";
import { containerOf, modelOf, realServices } from "../../support/small-stack";

const REMEDY = "use portainer-ce 2.33.5, 2.36 or newer, or Docker Engine 29.3 or newer";

describe("Portainer", () => {
  const model = modelOf(realServices("socket-proxy", "portainer"));
  const container = containerOf(model, "portainer");

  it("reaches Docker through its proxy only, and reads its first password from a file", () => {
    expectHardened(container, {
      controls: { user: "1000:1000", healthCheck: false },
      mounts: [
        "secrets portainer-password /run/secrets/portainer-admin: admin-password=portainerPassword",
        "data portainer-data /data (chown)",
      ],
      tmpfs: { "/tmp": 16 },
      networks: ["portainer-socket-proxy"],
      dependsOn: ["socket-proxy-portainer"],
      order: "stop-first",
    });
    assert.deepEqual(container.command, [
      "--host",
      "tcp://socket-proxy-portainer:2375",
      "--admin-password-file",
      "/run/secrets/portainer-admin/admin-password",
    ]);
  });

  it("has its volumes prepared, and its page asked for, by another image, since its own has no programs", () => {
    assert.equal(container.toolImage, IMAGES["socket-proxy"]);
    assert.deepEqual(container.question, { port: 9000, path: "/api/system/status" });
  });

  it("stands still while its database, one file, is copied", () => {
    const data = container.mounts.find(({ kind }) => kind === "data");
    assert.deepEqual(data, {
      kind: "data",
      volume: "portainer-data",
      path: "/data",
      chown: true,
      copy: "paused",
    });
  });

  it("is for administrators, and Traefik checks its status page", () => {
    const [route] = model.ingress.routes;
    assert.deepEqual(
      [route?.target, route?.admin, route?.healthPath],
      ["http://portainer:9000", true, "/api/system/status"],
    );
  });

  const versions: readonly (readonly [old: boolean, tags: string])[] = [
    [true, "2.19.5 2.19.5-alpine 2.33.4"],
    // The long-term release with the fix, and its later ones.
    [false, "2.33.5 2.33.5-alpine 2.33.10"],
    // Short-term releases, newer by number and older by content (portainer/portainer#12934).
    [true, "2.34.0 2.35.0"],
    [false, "2.36.0 3.0.0 latest lts"],
  ];
  for (const [old, tags] of versions)
    for (const tag of tags.split(" "))
      it(`needs ${old ? "an engine that accepts API 1.42" : "only its disk"} as ${tag}`, () => {
        const image = `portainer/portainer-ce:${tag}`;
        const { images } = modelOf(realServices("portainer", "socket-proxy"), {
          images: { portainer: image },
        });
        assert.deepEqual(images.find(({ service }) => service === "portainer")?.needs, {
          service: "portainer",
          image,
          diskMiB: 300,
          ...(old && { newestApi: 42, remedy: REMEDY }),
        });
      });
});
