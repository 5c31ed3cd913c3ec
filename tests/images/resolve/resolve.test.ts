import assert from "node:assert/strict";
import {
  describeUnchecked,
  ResolveError,
  resolveImages,
  type Images,
} from "../../../images/resolve/resolve";
import { image, status } from "../../support/faulty-registry";
import { indexedImage, platformImage } from "../../support/oci-images";
import { imageIn, insecure, registryFixture, withoutPorts } from "../../support/registry-fixture";
import type { FakeRegistry } from "../../support/registry-server";

const { start } = registryFixture();
const older = indexedImage([platformImage({ created: "2026-01-01T00:00:00Z" })]);

const resolve = (registry: FakeRegistry, images: Images, checkTags = true) =>
  resolveImages(images, { registries: insecure([registry]), checkTags });

/** The lines of the error, ports taken out. */
async function problemsOf(work: Promise<unknown>, registry: FakeRegistry): Promise<string[]> {
  const outcome = await work.catch((error: unknown) => error);
  assert.ok(outcome instanceof ResolveError, "expected it to fail");
  assert.equal(outcome.message, outcome.problems.join("\n"));
  return outcome.problems.map((problem) => withoutPorts(problem, registry));
}

describe("the resolution of images", () => {
  it("pins bare tags, keeps pins, and tells which tags moved, in one pass", async () => {
    const registry = await start();
    for (const name of ["proxy", "home", "data", "same"])
      registry.putImage(`team/${name}`, image, "1");
    const pinned = (name: string, digest: string) => imageIn(registry, `team/${name}@${digest}`);
    const images = {
      proxy: imageIn(registry, "team/proxy:1"),
      home: pinned("home:1", older.index.digest),
      data: pinned("data", older.index.digest),
      same: pinned("same:1", image.index.digest),
    };
    assert.deepEqual(await resolve(registry, images), {
      images: { ...images, proxy: { ...images.proxy, digest: image.index.digest } },
      moved: [{ service: "home", image: images.home, current: image.index.digest }],
      unchecked: [],
    });
    assert.deepEqual(
      [registry.count("head"), registry.count("token"), registry.count("get")],
      [4, 1, 0],
    );
  });

  it("keeps the order of the services and an image that several of them run", async () => {
    const registry = await start();
    registry.putImage("team/app", image, "1");
    const app = imageIn(registry, "team/app:1");
    const { images } = await resolve(registry, { z: app, a: app, m: app });
    assert.deepEqual(
      Object.entries(images).map(([service, { digest }]) => [service, digest]),
      ["z", "a", "m"].map((service) => [service, image.index.digest]),
    );
    assert.equal(registry.count(), 3);
  });

  it("asks nobody where all images are pinned and tags are not checked", async () => {
    const registry = await start();
    const images = { app: imageIn(registry, `team/app:1@${image.index.digest}`) };
    assert.deepEqual(await resolve(registry, images, false), { images, moved: [], unchecked: [] });
    assert.deepEqual([registry.count(), registry.connections], [0, 0]);
  });

  it("asks nobody for pins without tag", async () => {
    const registry = await start();
    const images = { app: imageIn(registry, `team/app@${image.index.digest}`) };
    assert.deepEqual(await resolve(registry, images), { images, moved: [], unchecked: [] });
    assert.equal(registry.connections, 0);
  });

  it("asks for the bare tags alone where tags are not checked", async () => {
    const registry = await start({ auth: "none" });
    registry.putImage("team/app", image, "1");
    const images = {
      pinned: imageIn(registry, `team/app:2@${older.index.digest}`),
      bare: imageIn(registry, "team/app:1"),
    };
    await resolve(registry, images, false);
    assert.deepEqual(
      registry.log.map(({ path }) => path),
      ["/v2/team/app/manifests/1"],
    );
  });

  it("goes on with the pin where its tag cannot be checked", async () => {
    const registry = await start();
    const pinned = imageIn(registry, `team/app:1@${image.index.digest}`);
    const { images, moved, unchecked } = await resolve(registry, { app: pinned });
    assert.deepEqual([images, moved], [{ app: pinned }, []]);
    assert.deepEqual(
      unchecked.map((tag) => withoutPorts(describeUnchecked(tag), registry)),
      [
        "images.app: REGISTRY/team/app:1 not checked: REGISTRY answered 401 although it got a token: it does not exist or is private; the pin stays",
      ],
    );
  });

  it("leaves no connection open", async () => {
    const registry = await start();
    registry.putImage("team/app", image, "1");
    await resolve(registry, { app: imageIn(registry, "team/app:1") });
    await assert.rejects(resolve(registry, { app: imageIn(registry, "team/app:2") }), ResolveError);
    await registry.whenUnconnected();
  });

  it("fails with all bare tags that have no answer, and not with pinned ones", async () => {
    const registry = await start();
    registry.putImage("team/app", image, "v0.2.7", "0.2.6", "0.3.0", "latest", "0.1.9");
    registry.putImage("team/good", image, "1");
    const images = {
      proxy: imageIn(registry, "team/app:0.2.7"),
      good: imageIn(registry, "team/good:1"),
      pinned: imageIn(registry, `team/secret:1@${image.index.digest}`),
      data: imageIn(registry, "team/secret:1"),
    };
    assert.deepEqual(await problemsOf(resolve(registry, images), registry), [
      "images.proxy: REGISTRY/team/app:0.2.7: REGISTRY answered 404 (MANIFEST_UNKNOWN: manifest unknown); the nearest tags are v0.2.7, 0.2.6, 0.3.0, 0.1.9",
      'images.data: REGISTRY/team/secret:1: REGISTRY answered 401 although it got a token: it does not exist or is private; check the name; for a private image set username and password in pinned-stack:registries["REGISTRY"]',
    ]);
  });
});

describe("the way out of a resolution that failed", () => {
  type Prepare = (registry: FakeRegistry) => void;
  const refuseTags: Prepare = (registry) => {
    registry.putImage("team/app", image, "2");
    registry.fault = ({ kind }) => (kind === "tags" ? status(403) : undefined);
  };
  const SETTINGS = 'pinned-stack:registries["REGISTRY"]';
  const OR_PIN = "or pin the image by digest, then nothing is asked";
  const table: readonly [title: string, prepare: Prepare, problem: string][] = [
    [
      "names no tag where none comes near",
      (registry) => registry.putImage("team/app", image, ..."abcdef".split("")),
      "REGISTRY answered 404 (MANIFEST_UNKNOWN: manifest unknown); check the tag, none of the 6 there are comes near",
    ],
    [
      "names all tags where they are few",
      (registry) => registry.putImage("team/app", image, "edge", "nightly"),
      "REGISTRY answered 404 (MANIFEST_UNKNOWN: manifest unknown); the repository has only edge, nightly",
    ],
    [
      "says that the repository is empty",
      (registry) => registry.put("team/app", image.index),
      "REGISTRY answered 404 (MANIFEST_UNKNOWN: manifest unknown); check the name, the repository has no tags",
    ],
    [
      "says that there is no such repository",
      () => undefined,
      "REGISTRY answered 404 (NAME_UNKNOWN: repository name not known to registry); check the name, the registry lists no such repository",
    ],
    [
      "goes without tags where the registry does not list them",
      refuseTags,
      "REGISTRY answered 404 (MANIFEST_UNKNOWN: manifest unknown); check the tag, the registry did not list those there are",
    ],
    [
      "asks for a password where one is wanted",
      (registry) => (registry.fault = () => status(401, { "www-authenticate": "Basic" })),
      `REGISTRY wants a user name and a password; set the right username and password in ${SETTINGS}`,
    ],
    [
      "is time where the registry has enough of us",
      (registry) => (registry.fault = () => status(429, { "retry-after": "600" })),
      `REGISTRY answered 429 and asks to wait 600 s, which is beyond the limit of 20 s; try again later, ${OR_PIN}`,
    ],
    [
      "is the network where nobody answers",
      (registry) => (registry.fault = () => status(503, { "retry-after": "600" })),
      `REGISTRY answered 503 and asks to wait 600 s, which is beyond the limit of 20 s; check the network and the registry and try again, ${OR_PIN}`,
    ],
    [
      "is another address where the answer is no registry's",
      (registry) =>
        (registry.fault = () => ({
          do: "answer",
          status: 200,
          headers: { "content-type": "text/html" },
        })),
      `REGISTRY answered with content type "text/html", expected an image manifest; check that REGISTRY is the registry you mean, ${OR_PIN}`,
    ],
    [
      "is another address where a redirect leads away",
      (registry) => (registry.fault = () => status(302, { location: "https://10.0.0.1/" })),
      `REGISTRY redirected to "https://10.0.0.1", which is not followed: it is an internal address that no line of registries names; check that REGISTRY is the registry you mean, ${OR_PIN}`,
    ],
  ];
  for (const [title, prepare, problem] of table)
    it(title, async () => {
      const registry = await start({ auth: "none" });
      prepare(registry);
      const images = { app: imageIn(registry, "team/app:1") };
      assert.deepEqual(await problemsOf(resolve(registry, images), registry), [
        `images.app: REGISTRY/team/app:1: ${problem}`,
      ]);
    });

  it("is the setting for http where https is not spoken", async () => {
    const registry = await start();
    const work = resolveImages(
      { app: imageIn(registry, "team/app:1") },
      { registries: {}, checkTags: false },
    );
    assert.deepEqual(await problemsOf(work, registry), [
      `images.app: REGISTRY/team/app:1: REGISTRY did not answer in TLS; let its certificate be trusted with NODE_EXTRA_CA_CERTS; for a registry that is meant to speak plain http set insecure in ${SETTINGS}`,
    ]);
  });

  it("does not take longer than the deadline for all images together", async () => {
    const registry = await start();
    registry.fault = () => ({ do: "hang" });
    const images = Object.fromEntries(
      ["a", "b", "c"].map((name) => [name, imageIn(registry, `team/${name}:1`)]),
    );
    const started = performance.now();
    const work = resolveImages(images, {
      registries: insecure([registry]),
      checkTags: true,
      deadlineMs: 200,
    });
    const late = `REGISTRY had not answered when the 0.2 s for all registries were over; check the network and the registry and try again, ${OR_PIN}`;
    assert.deepEqual(
      await problemsOf(work, registry),
      ["a", "b", "c"].map((name) => `images.${name}: REGISTRY/team/${name}:1: ${late}`),
    );
    assert.ok(performance.now() - started < 2000);
  });

  for (const [title, ofAnother] of [
    ["another registry", true],
    ["the same registry", false],
  ] as const)
    it(`does not wait for the tag of a pin on ${title} that hangs, whatever else is to be resolved`, async () => {
      const registry = await start();
      const hanging = ofAnother ? await start() : registry;
      registry.putImage("team/app", image, "1");
      const fault: FakeRegistry["fault"] = ({ path, authorization }) =>
        path.includes("team/hangs") && authorization === "bearer" ? { do: "hang" } : undefined;
      for (const either of [registry, hanging]) either.fault = fault;
      const started = performance.now();
      const { images, unchecked } = await resolveImages(
        {
          hangs: imageIn(hanging, `team/hangs:1@${older.index.digest}`),
          app: imageIn(registry, "team/app:1"),
        },
        { registries: insecure([registry, hanging]), checkTags: true, tagsWithinMs: 300 },
      );
      assert.ok(performance.now() - started < 2000);
      assert.deepEqual(
        Object.entries(images).map(([service, { digest }]) => [service, digest]),
        [
          ["hangs", older.index.digest],
          ["app", image.index.digest],
        ],
      );
      assert.deepEqual(
        unchecked.map(({ service, reason }) => [service, withoutPorts(reason, hanging)]),
        [["hangs", "REGISTRY had not answered within 0.3 s"]],
      );
    });

  it("is to start again where it was interrupted", async () => {
    const registry = await start();
    const work = resolveImages(
      { app: imageIn(registry, "team/app:1") },
      { registries: insecure([registry]), checkTags: true, signal: AbortSignal.abort() },
    );
    assert.deepEqual(await problemsOf(work, registry), [
      "images.app: REGISTRY/team/app:1: interrupted before REGISTRY answered; start again",
    ]);
    assert.equal(registry.count(), 0);
  });
});
