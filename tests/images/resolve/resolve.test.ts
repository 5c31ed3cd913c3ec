import assert from "node:assert/strict";
import {
  ResolveError,
  resolveImages,
  uncheckedWarnings,
  type Images,
} from "../../../images/resolve/resolve";
import { image, status } from "../../support/faulty-registry";
import { assertLines } from "../../support/lines";
import { indexedImage, platformImage } from "../../support/oci-images";
import type { Fault } from "../../support/registry-faults";
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

const PRIVATE =
  "REGISTRY answered 401 to the token it granted: the image does not exist or is private";

describe("the resolution of images", () => {
  it("pins bare tags, keeps pins, and reports moved tags, all at once", async () => {
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

  it("keeps the order of the services, and an image that several of them run", async () => {
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

  for (const [title, tag, checkTags] of [
    ["tags are not checked", ":1", false],
    ["pins have no tag", "", true],
  ] as const)
    it(`makes no connection if all images are pinned and ${title}`, async () => {
      const registry = await start();
      const images = { app: imageIn(registry, `team/app${tag}@${image.index.digest}`) };
      const resolution = await resolve(registry, images, checkTags);
      assert.deepEqual(resolution, { images, moved: [], unchecked: [] });
      assert.equal(registry.connections, 0);
    });

  it("asks only for the bare tags if tags are not checked", async () => {
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

  it("keeps a pin whose tag cannot be checked", async () => {
    const registry = await start();
    const pinned = imageIn(registry, `team/app:1@${image.index.digest}`);
    const { images, moved, unchecked } = await resolve(registry, { app: pinned });
    assert.deepEqual([images, moved], [{ app: pinned }, []]);
    assert.deepEqual(
      uncheckedWarnings(unchecked).map(({ message }) => withoutPorts(message, registry)),
      [`images.app: REGISTRY/team/app:1 not checked: ${PRIVATE}; the pin stays`],
    );
  });

  it("says once that the network is dead, however many images that concerns", async () => {
    const [dead, alive] = [await start(), await start()];
    const at = (registry: FakeRegistry, path: string) =>
      imageIn(registry, `${path}:1@${image.index.digest}`);
    const images = {
      one: at(dead, "team/one"),
      private: at(alive, "team/secret"),
      two: at(dead, "team/two"),
    };
    dead.fault = () => ({ do: "hang" });
    const { unchecked } = await resolveImages(images, {
      registries: insecure([dead, alive]),
      checkTags: true,
      tagsWithinMs: 300,
    });
    const warnings = uncheckedWarnings(unchecked);
    assert.deepEqual(
      warnings.map(({ service }) => service),
      [undefined, "private"],
    );
    assert.match(
      warnings[0]?.message ?? "",
      /^images of one, two not checked: \S+ [^;]*; the pins stay; check the network$/,
    );
    // A single one names its tag.
    const [only] = uncheckedWarnings(unchecked.slice(0, 1));
    assert.match(only?.message ?? "", /^images\.one: \S+:1 not checked: .*; the pin stays$/);
  });

  it("leaves no connection open", async () => {
    const registry = await start();
    registry.putImage("team/app", image, "1");
    await resolve(registry, { app: imageIn(registry, "team/app:1") });
    await assert.rejects(resolve(registry, { app: imageIn(registry, "team/app:2") }), ResolveError);
    await registry.whenUnconnected();
  });

  it("fails with all bare tags that have no answer, but not with pinned ones", async () => {
    const registry = await start();
    registry.putImage("team/good", image, "1");
    const images = {
      proxy: imageIn(registry, "team/good:0.2.7"),
      good: imageIn(registry, "team/good:1"),
      pinned: imageIn(registry, `team/secret:1@${image.index.digest}`),
      data: imageIn(registry, "team/secret:1"),
    };
    assert.deepEqual(await problemsOf(resolve(registry, images), registry), [
      "images.proxy: REGISTRY/team/good:0.2.7: REGISTRY answered 404 (MANIFEST_UNKNOWN: manifest unknown); check the repository and the tag",
      `images.data: REGISTRY/team/secret:1: ${PRIVATE}; check the repository; for a private image, set username and password in pinned-stack:registries["REGISTRY"]`,
    ]);
  });
});

describe("the remedy for a failed resolution", () => {
  const SETTINGS = 'pinned-stack:registries["REGISTRY"]';
  const OR_PIN = ", or pin the image by digest";
  const WAIT = "and asks to wait 600 s, longer than the limit of 20 s";
  const NETWORK = `check the network and the registry, then try again${OR_PIN}`;
  const MEANT = `check that REGISTRY is the intended registry${OR_PIN}`;
  const wait = { "retry-after": "600" };
  const table: readonly [fault: Fault, answer: string, remedy: string][] = [
    [
      { do: "amend" },
      "answered 404 (NAME_UNKNOWN: repository name not known to registry)",
      "check the repository and the tag",
    ],
    [
      status(401, { "www-authenticate": "Basic" }),
      "requires a user name and a password",
      `correct the username and password in ${SETTINGS}`,
    ],
    [status(429, wait), `answered 429 ${WAIT}`, `try again later${OR_PIN}`],
    [status(503, wait), `answered 503 ${WAIT}`, NETWORK],
    [
      status(200, { "content-type": "text/html" }),
      'answered with content type "text/html", expected an image manifest',
      MEANT,
    ],
    [
      status(302, { location: "https://10.0.0.1/" }),
      'redirected to "https://10.0.0.1", which is not followed: it is an internal address that is not listed under registries',
      MEANT,
    ],
  ];
  for (const [fault, answer, remedy] of table)
    it(`is to ${remedy} if the registry ${answer}`, async () => {
      const registry = await start({ auth: "none", fault: () => fault });
      const work = resolve(registry, { app: imageIn(registry, "team/app:1") });
      assert.deepEqual(await problemsOf(work, registry), [
        `images.app: REGISTRY/team/app:1: REGISTRY ${answer}; ${remedy}`,
      ]);
    });

  it("is the setting for http if the registry does not speak TLS", async () => {
    const registry = await start();
    const images = { app: imageIn(registry, "team/app:1") };
    const work = resolveImages(images, { registries: {}, checkTags: false });
    assert.deepEqual(await problemsOf(work, registry), [
      `images.app: REGISTRY/team/app:1: REGISTRY does not speak TLS; add its CA certificate to NODE_EXTRA_CA_CERTS; for a plain http registry, set insecure in ${SETTINGS}`,
    ]);
  });

  it("comes within the deadline for all images together", async () => {
    const registry = await start({ fault: () => ({ do: "hang" }) });
    const names = ["a", "b", "c"];
    const images = Object.fromEntries(
      names.map((name) => [name, imageIn(registry, `team/${name}:1`)]),
    );
    const started = performance.now();
    const options = { registries: insecure([registry]), checkTags: true, deadlineMs: 200 };
    assertLines(
      await problemsOf(resolveImages(images, options), registry),
      names.map(
        (name) =>
          `images.${name}: REGISTRY/team/${name}:1: REGISTRY did not answer … 0.2 s for all registries; ${NETWORK}`,
      ),
    );
    assert.ok(performance.now() - started < 2000);
  });

  for (const [title, ofAnother, seconds, limit] of [
    ["another registry", true, 0.3, { tagsWithinMs: 300 }],
    ["the same registry", false, 0.3, { tagsWithinMs: 300 }],
    ["another registry by default", true, 4, {}],
  ] as const)
    it(`waits ${seconds} s for the tag of a pin that hangs on ${title}`, async () => {
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
        { registries: insecure([registry, hanging]), checkTags: true, ...limit },
      );
      assert.ok(performance.now() - started < seconds * 1000 + 1700);
      assert.deepEqual(
        Object.entries(images).map(([service, { digest }]) => [service, digest]),
        [
          ["hangs", older.index.digest],
          ["app", image.index.digest],
        ],
      );
      assert.deepEqual(
        unchecked.map(({ service, reason }) => [service, withoutPorts(reason, hanging)]),
        [["hangs", `REGISTRY did not answer within ${seconds} s`]],
      );
    });

  it("is to start again after an interruption", async () => {
    const registry = await start();
    const work = resolveImages(
      { app: imageIn(registry, "team/app:1") },
      { registries: insecure([registry]), checkTags: true, signal: AbortSignal.abort() },
    );
    assertLines(await problemsOf(work, registry), [
      "images.app: REGISTRY/team/app:1: interrupted before REGISTRY answered; … again",
    ]);
    assert.equal(registry.count(), 0);
  });
});

describe("the health checks of images", () => {
  const withCheck = indexedImage([platformImage({ healthTest: ["CMD", "check"] })]);
  const without = indexedImage([platformImage({ healthTest: ["NONE"] })]);
  const none = indexedImage([platformImage({})]);
  const check = (registry: FakeRegistry, images: Images, ownHealthChecks = Object.keys(images)) =>
    resolveImages(images, {
      ...{ registries: insecure([registry]), checkTags: true, platform: "linux/amd64" },
      ownHealthChecks,
    });

  it("are read where a service relies on them, and refused where there is none", async () => {
    const registry = await start();
    registry.putImage("team/good", withCheck, "1");
    registry.putImage("team/off", without, "1");
    registry.putImage("team/none", none, "1");
    const images = {
      good: imageIn(registry, `team/good:1@${withCheck.index.digest}`),
      off: imageIn(registry, `team/off@${without.index.digest}`),
      none: imageIn(registry, "team/none:1"),
    };
    const remedy =
      "has no health check of its own (HEALTHCHECK); write healthcheck: { test: [CMD, program, argument] }, or leave it out with an exemption healthCheck and its reason";
    assert.deepEqual(await problemsOf(check(registry, images), registry), [
      `services.off.healthcheck: REGISTRY/team/off@${without.index.digest} ${remedy}`,
      `services.none.healthcheck: REGISTRY/team/none:1@${none.index.digest} ${remedy}`,
    ]);
    const { unchecked } = await check(registry, images, ["good"]);
    assert.deepEqual(unchecked, []);
  });

  it("are not checked where the registry does not have the image any more", async () => {
    const registry = await start();
    registry.putImage("team/app", withCheck, "1");
    const app = imageIn(registry, `team/app@${older.index.digest}`);
    const { images, unchecked } = await check(registry, { app });
    assert.deepEqual(images, { app });
    assert.deepEqual(
      uncheckedWarnings(unchecked).map(({ message }) => withoutPorts(message, registry)),
      [
        "images.app: REGISTRY/team/app not checked: its health check is unknown: REGISTRY answered 404 (MANIFEST_UNKNOWN: manifest unknown); the pin stays",
      ],
    );
  });
});
