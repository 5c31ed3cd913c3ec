import assert from "node:assert/strict";
import { DOCKER_LIST } from "../../../images/registry/manifests";
import { parseDigest } from "../../../images/reference";
import {
  blobOf,
  indexedImage,
  LINUX_AMD64,
  LINUX_ARM64,
  platformImage,
  type IndexedImage,
  type Platform,
  type PlatformImageOptions,
} from "../../support/oci-images";
import { factsFrom } from "../../support/readings";

const OCI = "org.opencontainers.image";
const BASE = parseDigest(`sha256:${"b".repeat(64)}`);

/** One platform under an index, with these annotations on the index itself. */
const only = (options: PlatformImageOptions, annotations?: Record<string, string>): IndexedImage =>
  indexedImage([platformImage(options)], { ...(annotations !== undefined && { annotations }) });

/** Another text in the place of the index. */
const withIndex = (image: IndexedImage, content: unknown): IndexedImage => ({
  ...image,
  index: {
    ...image.index,
    ...blobOf(typeof content === "string" ? content : JSON.stringify(content)),
  },
});

describe("what an image says of itself", () => {
  it("is read from its index, its manifest and its configuration", () => {
    const amd64 = platformImage({
      created: "2026-11-01T10:00:00Z",
      labels: { [`${OCI}.version`]: "1.27.3", [`${OCI}.revision`]: "abc123" },
      annotations: { [`${OCI}.base.name`]: "alpine:3.20", [`${OCI}.base.digest`]: BASE },
      layers: ["one", "second"],
    });
    const arm64 = platformImage({ platform: LINUX_ARM64 });
    const image = indexedImage([arm64, amd64], { attestations: "build 1" });
    assert.deepEqual(factsFrom(image), {
      digest: image.index.digest,
      manifest: amd64.manifest.digest,
      platforms: ["linux/amd64", "linux/arm64"],
      created: new Date("2026-11-01T10:00:00Z"),
      version: "1.27.3",
      revision: "abc123",
      ownRevision: undefined,
      base: { name: "alpine:3.20", digest: BASE },
      bytes: "one".length + "second".length + amd64.config.bytes.length,
      attested: true,
      defaults: { user: "", ports: [], volumes: [], healthCheck: false },
    });
    assert.equal(factsFrom(image, "linux/arm64").manifest, arm64.manifest.digest);
  });

  it("has what a container of it does by default, without what is malformed", () => {
    const defaults = (options: PlatformImageOptions) => factsFrom(only(options)).defaults;
    assert.deepEqual(
      defaults({
        user: "app:1000",
        exposedPorts: ["8080/tcp", "53/udp", "80", "0/tcp", "70000/tcp", "x"],
        volumes: ["/var/lib/app", "relative", "/with space", "/data"],
        healthTest: ["CMD-SHELL", "check"],
      }),
      {
        user: "app:1000",
        ports: [80, 8080],
        volumes: ["/data", "/var/lib/app"],
        healthCheck: true,
      },
    );
    const none = { user: "", ports: [], volumes: [], healthCheck: false };
    assert.deepEqual(defaults({ user: "\u001b[1m", healthTest: ["NONE"] }), none);
    assert.deepEqual(defaults({ healthTest: [] }), none);
  });

  it("is read from a Docker list and from a single manifest too", () => {
    const amd64 = platformImage();
    const list = indexedImage([amd64], { mediaType: DOCKER_LIST });
    assert.equal(factsFrom(list).manifest, amd64.manifest.digest);
    const single = factsFrom(list, "linux/amd64", amd64.manifest);
    assert.deepEqual(
      [single.digest, single.manifest, single.platforms, single.attested],
      [amd64.manifest.digest, amd64.manifest.digest, ["linux/amd64"], false],
    );
  });

  it("is no attestation where that is another platform's", () => {
    const attested = indexedImage([platformImage({ platform: LINUX_ARM64 })], {
      attestations: "build 1",
    });
    const plain = platformImage();
    const parsed = JSON.parse(attested.index.bytes.toString()) as { manifests: unknown[] };
    parsed.manifests.push({
      mediaType: plain.manifest.mediaType,
      digest: plain.manifest.digest,
      size: 1,
      platform: LINUX_AMD64,
    });
    const image = withIndex(indexedImage([plain]), parsed);
    assert.equal(factsFrom(image).attested, false);
  });

  it("is believed on annotations before labels, which may be the base image's", () => {
    const labels = { [`${OCI}.version`]: "24.04", [`${OCI}.revision`]: "of the base" };
    const annotations = { [`${OCI}.version`]: "1.0" };
    const { version, revision, ownRevision } = factsFrom(only({ labels, annotations }));
    assert.deepEqual([version, revision, ownRevision], ["1.0", "of the base", undefined]);
    for (const nothing of ["", "unknown", "N/A", "none"])
      assert.equal(factsFrom(only({}, { [`${OCI}.revision`]: nothing })).ownRevision, undefined);
    const own = factsFrom(only({ labels }, { [`${OCI}.revision`]: "own" }));
    assert.deepEqual([own.revision, own.ownRevision], ["own", "own"]);
    assert.equal(factsFrom(only({ labels }, { [`${OCI}.version`]: "2.0" })).version, "2.0");
  });

  it("is made printable and short", () => {
    const labels = { [`${OCI}.version`]: `1\u001b[31m\n${"x".repeat(200)}` };
    assert.equal(factsFrom(only({ labels })).version, `1 [31m ${"x".repeat(110)}...`);
  });

  const REAL = "2026-11-01T10:00:00Z";
  const dates: readonly [title: string, created?: string, read?: string, annotation?: string][] = [
    ["missing"],
    ["the beginning of Unix", "1970-01-01T00:00:00Z"],
    ["a second after it, as Nix has it", "1970-01-01T00:00:01Z"],
    ["the beginning of zip", "1980-01-01T00:00:00Z"],
    ["Go's zero", "0001-01-01T00:00:00Z"],
    ["before Docker", "2013-03-19T23:59:59Z"],
    ["no date", "yesterday"],
    ["without time", "2026-11-01"],
    ["in nanoseconds", "2026-11-01T10:00:00.123456789Z", "2026-11-01T10:00:00.123Z"],
    ["in another time zone", "2026-11-01T10:00:00+02:00", "2026-11-01T08:00:00.000Z"],
    ["in an annotation", "1970-01-01T00:00:00Z", "2026-11-01T10:00:00.000Z", REAL],
  ];
  for (const [title, created, read, annotation] of dates)
    it(`is built ${read ?? "at an unknown time"} if its date is ${title}`, () => {
      const image = only({
        ...(created !== undefined && { created }),
        ...(annotation !== undefined && { annotations: { [`${OCI}.created`]: annotation } }),
      });
      assert.equal(factsFrom(image).created?.toISOString(), read);
    });

  it("goes without what is of the wrong type", () => {
    const image = only({ labels: { [`${OCI}.base.digest`]: "sha256:xyz" } });
    assert.equal(factsFrom(image).base, undefined);
    const parsed = JSON.parse(image.index.bytes.toString()) as object;
    assert.equal(
      factsFrom(withIndex(image, { ...parsed, annotations: { [`${OCI}.version`]: 7 } })).version,
      undefined,
    );
    assert.equal(factsFrom(withIndex(image, { ...parsed, annotations: null })).version, undefined);
  });
});

describe("an image that is none for the host", () => {
  const image = indexedImage([platformImage()]);
  const parsed = JSON.parse(image.index.bytes.toString()) as {
    manifests: Record<string, unknown>[];
  };
  const top = platformImage().manifest;
  const chart = blobOf(
    top.bytes.toString().replace("vnd.oci.image.config.v1+json", "vnd.cncf.helm.config.v1+json"),
  );
  const bad = { manifests: [{ ...parsed.manifests[0], digest: "md5:1" }] };
  const INDEX = "is not an image index, contrary to its media type";
  const table: readonly [title: string, message: string, ...Parameters<typeof factsFrom>][] = [
    [
      "has an index without the platform",
      "has no manifest for linux/arm64, only for linux/amd64",
      ...([image, "linux/arm64"] as const),
    ],
    [
      "has no index, and is for another platform",
      "has no manifest for linux/arm64, only for linux/amd64",
      ...([image, "linux/arm64", image.manifests[0]] as const),
    ],
    [
      "has an empty index",
      "has no manifest for linux/amd64, only for unnamed platforms",
      withIndex(image, { manifests: [] }),
    ],
    ["has an index that is not JSON", INDEX, withIndex(image, "{")],
    ["has an index with a bad digest", INDEX, withIndex(image, bad)],
    [
      "is a chart",
      'is "application/vnd.cncf.helm.config.v1+json", not an image',
      ...([image, "linux/amd64", { ...top, ...chart }] as const),
    ],
  ];
  for (const [title, message, ...given] of table)
    it(`is refused if it ${title}`, () => {
      assert.throws(() => factsFrom(...given), { name: "UnfitImageError", message });
    });

  it("is taken from an index with an entry that nobody here can read", () => {
    const [good] = parsed.manifests;
    const strange = [
      { ...good, digest: `sha512:${"a".repeat(128)}` },
      { ...good, size: -1 },
      { ...good, size: 1.7e308 },
      "text",
    ];
    const facts = factsFrom(withIndex(image, { manifests: [...strange, good] }));
    assert.deepEqual(facts.platforms, ["linux/amd64"]);
  });

  it("is taken where its only manifest does not name its platform, and its configuration does", () => {
    const unnamed = { ...parsed.manifests[0] };
    delete unnamed.platform;
    const facts = factsFrom(withIndex(image, { manifests: [unnamed] }));
    assert.deepEqual(facts.platforms, ["linux/amd64"]);
    assert.throws(
      () => factsFrom(withIndex(image, { manifests: [unnamed] }), "linux/arm64"),
      /has no manifest for linux\/arm64, only for linux\/amd64/,
    );
  });

  const odd: readonly [title: string, platform: Platform][] = [
    ["an operating system", { os: "\u001b[2J", architecture: "amd64" }],
    ["an architecture", { os: "linux", architecture: "AMD64" }],
    ["a variant", { os: "linux", architecture: "amd64", variant: "v1\n" }],
  ];
  for (const [title, platform] of odd) {
    it(`is not found under ${title} that is no name`, () => {
      assert.throws(() => factsFrom(indexedImage([platformImage({ platform })])), {
        message: "is not an image configuration, contrary to its media type",
      });
      const both = indexedImage([platformImage(), platformImage({ platform })]);
      assert.deepEqual(factsFrom(both).platforms, ["linux/amd64"]);
    });
  }

  it("is found under an empty variant", () => {
    const platform = { ...LINUX_AMD64, variant: "" };
    assert.deepEqual(factsFrom(indexedImage([platformImage({ platform })])).platforms, [
      "linux/amd64",
    ]);
  });

  it("is chosen by the best variant there is", () => {
    const v6 = platformImage({ platform: { os: "linux", architecture: "arm", variant: "v6" } });
    const v5 = platformImage({ platform: { os: "linux", architecture: "arm", variant: "v5" } });
    assert.equal(factsFrom(indexedImage([v5, v6]), "linux/arm/v7").manifest, v6.manifest.digest);
  });
});
