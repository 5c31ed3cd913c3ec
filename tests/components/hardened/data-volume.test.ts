import assert from "node:assert/strict";

import { DataVolume } from "../../../components/hardened/data-volume";
import { CONTAINER, VOLUME } from "../../../tools/model/synth";
import { only, record, valueOf } from "../../support/pulumi-mocks";
import { IMAGES } from "../../support/raw-config";
import { remoteImage, STACK } from "../../support/service-args";

describe("a data volume", () => {
  const plain = () =>
    record(() => new DataVolume({ stack: STACK, service: "postgres", name: "16-data" }, {}));
  const owned = () =>
    record(() => {
      const image = remoteImage("traefik");
      return new DataVolume(
        {
          stack: STACK,
          service: "traefik",
          name: "acme",
          ownedBy: { user: "65532:65532", path: "/acme", image, after: [image] },
        },
        {},
      );
    });

  it("has a name of its own, is protected and stays on the host", async () => {
    const { resources, value } = await plain();
    const volume = only(resources, VOLUME);
    assert.deepEqual(volume.inputs, {
      name: "test-postgres-16-data",
      labels: [
        { label: "pinned-stack.stack", value: "test" },
        { label: "pinned-stack.service", value: "postgres" },
        { label: "pinned-stack.role", value: "data" },
      ],
    });
    assert.deepEqual(volume.options, {
      parent: "test-postgres-16-data",
      protect: true,
      retainOnDelete: true,
      ignoreChanges: ["labels"],
    });
    assert.equal(await valueOf(value.volumeName), "test-postgres-16-data");
  });

  it("needs nothing more where the image leaves it to the service's user", async () => {
    const { resources, value } = await plain();
    assert.equal(resources.filter(({ type }) => type === CONTAINER).length, 0);
    assert.match(
      await valueOf(value.ready.urn),
      /docker:index\/volume:Volume::test-postgres-16-data$/,
    );
  });

  it("is given away by one chown, after a file that keeps Docker from resetting the owner", async () => {
    const { resources, value } = await owned();
    const chown = only(resources, CONTAINER);
    assert.deepEqual(chown.inputs, {
      image: IMAGES.traefik,
      labels: [
        { label: "pinned-stack.stack", value: "test" },
        { label: "pinned-stack.role", value: "loader" },
      ],
      user: "0:0",
      entrypoints: ["/bin/chown"],
      command: ["-R", "65532:65532", "/acme"],
      networkMode: "none",
      capabilities: { drops: ["ALL"], adds: ["CAP_CHOWN", "CAP_DAC_READ_SEARCH"] },
      securityOpts: ["no-new-privileges:true"],
      cpus: "0.5",
      memory: 64,
      memorySwap: 64,
      start: true,
      attach: true,
      mustRun: false,
      volumes: [{ volumeName: "test-traefik-acme", containerPath: "/acme" }],
      uploads: [
        {
          file: "/acme/.pinned-stack",
          content: "The owner of this folder was set when the volume was made.\n",
          permissions: "0444",
        },
      ],
    });
    assert.deepEqual(chown.options, {
      parent: "test-traefik-acme",
      ignoreChanges: ["image"],
      replaceOnChanges: ["#initerror"],
      dependsOn: ["test-traefik"],
    });
    assert.match(
      await valueOf(value.ready.urn),
      /docker:index\/container:Container::test-traefik-acme-owner$/,
    );
  });
});
