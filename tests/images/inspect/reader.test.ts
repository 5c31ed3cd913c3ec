import assert from "node:assert/strict";
import { imageReader } from "../../../images/inspect/reader";
import type { Digest } from "../../../images/reference";
import { status } from "../../support/faulty-registry";
import { blobOf, indexedImage, LINUX_ARM64, platformImage } from "../../support/oci-images";
import { factsFrom } from "../../support/readings";
import type { Fault } from "../../support/registry-faults";
import { imageIn, registryFixture, withoutPorts } from "../../support/registry-fixture";

const { start, client } = registryFixture();
const amd64 = platformImage({ created: "2026-11-01T00:00:00Z", layers: ["a", "b"] });
const image = indexedImage([platformImage({ platform: LINUX_ARM64 }), amd64]);
const other = indexedImage([amd64], { attestations: "build 2" });

describe("the reader of images", () => {
  async function reader(fault?: (kind: string) => Fault | undefined, platform = "linux/amd64") {
    const registry = await start({ auth: "none" });
    for (const stored of [image, other]) registry.putImage("team/app", stored);
    registry.fault = ({ kind }) => fault?.(kind);
    const read = imageReader(client([registry]), platform);
    const app = imageIn(registry, "team/app:1");
    return { registry, read: (digest: Digest = image.index.digest) => read(app, digest) };
  }

  it("reads by digest, in three requests", async () => {
    const { registry, read } = await reader();
    assert.deepEqual(await read(), { facts: factsFrom(image) });
    assert.deepEqual(
      registry.log.map(({ method, path }) => `${method} ${path}`),
      [
        `GET /v2/team/app/manifests/${image.index.digest}`,
        `GET /v2/team/app/manifests/${amd64.manifest.digest}`,
        `GET /v2/team/app/blobs/${amd64.config.digest}`,
      ],
    );
  });

  it("reads once what two indexes share, even at the same time", async () => {
    const { registry, read } = await reader();
    await Promise.all([read(), read(other.index.digest)]);
    assert.deepEqual([registry.count("get"), registry.count("blob")], [3, 1]);
  });

  it("reads a single manifest in two requests", async () => {
    const { registry, read } = await reader();
    await read(amd64.manifest.digest);
    assert.equal(registry.count(), 2);
  });

  const onBlob = (fault: Fault) => (kind: string) => (kind === "blob" ? fault : undefined);
  const table: readonly [missing: string, reason: RegExp, ...Parameters<typeof reader>][] = [
    ["unread", /^REGISTRY answered 500, 4 times$/, onBlob(status(500))],
    ["unread", /sent content with the digest/, onBlob({ do: "amend", body: "{}" })],
    [
      "unfit",
      /^has no manifest for linux\/s390x, only for linux\/amd64, linux\/arm64$/,
      ...([undefined, "linux/s390x"] as const),
    ],
  ];
  for (const [missing, reason, ...given] of table)
    it(`reports an image as ${missing}: ${String(reason)}`, async () => {
      const { registry, read } = await reader(...given);
      const reading = await read();
      assert.ok("missing" in reading);
      assert.equal(reading.missing, missing);
      assert.match(withoutPorts(reading.reason, registry), reason);
    });

  it("reports an image as gone if the registry has no such digest", async () => {
    const { registry, read } = await reader();
    const reading = await read(blobOf("gone").digest);
    assert.ok("missing" in reading);
    assert.deepEqual(
      [reading.missing, withoutPorts(reading.reason, registry)],
      ["gone", "REGISTRY answered 404 (MANIFEST_UNKNOWN: manifest unknown)"],
    );
  });
});
