import assert from "node:assert/strict";
import { imageReader } from "../../../images/inspect/reader";
import { blobOf, indexedImage, LINUX_ARM64, platformImage } from "../../support/oci-images";
import { status } from "../../support/faulty-registry";
import { factsFrom } from "../../support/readings";
import { imageIn, registryFixture, withoutPorts } from "../../support/registry-fixture";

const { start, client } = registryFixture();
const amd64 = platformImage({ created: "2026-11-01T00:00:00Z", layers: ["a", "b"] });
const image = indexedImage([platformImage({ platform: LINUX_ARM64 }), amd64]);

describe("the history of an image", () => {
  it("is read by digest, in three requests", async () => {
    const registry = await start({ auth: "none" });
    registry.putImage("team/app", image);
    const read = imageReader(client([registry]), "linux/amd64");
    assert.deepEqual(await read(imageIn(registry, "team/app:1"), image.index.digest), {
      facts: factsFrom(image),
    });
    assert.deepEqual(
      registry.log.map(({ method, path }) => `${method} ${path}`),
      [
        `GET /v2/team/app/manifests/${image.index.digest}`,
        `GET /v2/team/app/manifests/${amd64.manifest.digest}`,
        `GET /v2/team/app/blobs/${amd64.config.digest}`,
      ],
    );
  });

  it("is read once, also where two indexes share a manifest, at the same time", async () => {
    const registry = await start({ auth: "none" });
    const other = indexedImage([amd64], { attestations: "build 2" });
    registry.putImage("team/app", image);
    registry.putImage("team/app", other);
    const read = imageReader(client([registry]), "linux/amd64");
    const app = imageIn(registry, "team/app:1");
    await Promise.all([read(app, image.index.digest), read(app, other.index.digest)]);
    assert.deepEqual([registry.count("get"), registry.count("blob")], [3, 1]);
  });

  it("of a single manifest takes two requests", async () => {
    const registry = await start({ auth: "none" });
    registry.putImage("team/app", image);
    const read = imageReader(client([registry]), "linux/amd64");
    await read(imageIn(registry, "team/app:1"), amd64.manifest.digest);
    assert.equal(registry.count(), 2);
  });

  it("is gone where the registry has no such digest", async () => {
    const registry = await start();
    registry.putImage("team/app", image);
    const read = imageReader(client([registry]), "linux/amd64");
    const reading = await read(imageIn(registry, "team/app:1"), blobOf("gone").digest);
    assert.ok("missing" in reading);
    assert.deepEqual(
      [reading.missing, withoutPorts(reading.reason, registry)],
      ["gone", "REGISTRY answered 404 (MANIFEST_UNKNOWN: manifest unknown)"],
    );
  });

  it("is not read where the registry gives no answer", async () => {
    const registry = await start({ auth: "none" });
    registry.putImage("team/app", image);
    registry.fault = ({ kind }) => (kind === "blob" ? status(500) : undefined);
    const read = imageReader(client([registry]), "linux/amd64");
    const reading = await read(imageIn(registry, "team/app:1"), image.index.digest);
    assert.ok("missing" in reading);
    assert.deepEqual(
      [reading.missing, withoutPorts(reading.reason, registry)],
      ["unread", "REGISTRY answered 500, 4 times"],
    );
  });

  it("is not believed where the bytes have another digest", async () => {
    const registry = await start({ auth: "none" });
    registry.putImage("team/app", image);
    registry.fault = ({ kind }) => (kind === "blob" ? { do: "amend", body: "{}" } : undefined);
    const read = imageReader(client([registry]), "linux/amd64");
    const reading = await read(imageIn(registry, "team/app:1"), image.index.digest);
    assert.ok("missing" in reading);
    assert.equal(reading.missing, "unread");
    assert.match(reading.reason, /answered with other bytes than promised/);
  });

  it("is unfit where there is nothing for the host", async () => {
    const registry = await start({ auth: "none" });
    registry.putImage("team/app", image);
    const read = imageReader(client([registry]), "linux/s390x");
    assert.deepEqual(await read(imageIn(registry, "team/app:1"), image.index.digest), {
      missing: "unfit",
      reason: "is not there for linux/s390x, only for linux/amd64, linux/arm64",
    });
    assert.equal(registry.count(), 1);
  });
});
