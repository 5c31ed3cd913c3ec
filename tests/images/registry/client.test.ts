import assert from "node:assert/strict";
import { parseDigest, parseReference } from "../../../images/reference";
import { RegistryError, type RequestEvent } from "../../../images/registry/client";
import { DOCKER_LIST, DOCKER_MANIFEST } from "../../../images/registry/manifests";
import { indexedImage, LINUX_ARM64, platformImage } from "../../support/oci-images";
import {
  failureOf,
  imageIn,
  insecure,
  outcomeText,
  registryFixture,
  withoutPorts,
} from "../../support/registry-fixture";

const amd64 = platformImage();
const arm64 = platformImage({ platform: LINUX_ARM64 });
const image = indexedImage([amd64, arm64]);
const { start, client } = registryFixture();

describe("the digest of an image", () => {
  it("is the index's, asked for with all four manifest types", async () => {
    const registry = await start();
    registry.putImage("team/app", image, "1");
    const digests = await client([registry]).digests([imageIn(registry, "team/app:1")]);
    assert.deepEqual(digests, [image.index.digest]);
    assert.deepEqual(
      registry.log.map(({ kind, authorization, connection }) => [kind, authorization, connection]),
      [
        ["head", "none", 1],
        ["token", "none", 1],
        ["head", "bearer", 1],
      ],
    );
    assert.equal(
      registry.log[2]?.accept,
      "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json",
    );
  });

  it("is found for a Docker list, a single OCI manifest and a single Docker manifest", async () => {
    const registry = await start();
    const list = indexedImage([amd64], { mediaType: DOCKER_LIST });
    registry.putImage("a/list", list, "1");
    registry.put("a/oci", amd64.manifest, "1");
    registry.put("a/docker", { ...arm64.manifest, mediaType: DOCKER_MANIFEST }, "1");
    const images = ["a/list:1", "a/oci:1", "a/docker:1"].map((name) => imageIn(registry, name));
    assert.deepEqual(await client([registry]).digests(images), [
      list.index.digest,
      amd64.manifest.digest,
      arm64.manifest.digest,
    ]);
  });

  it("is requested once where two services run the same image", async () => {
    const registry = await start({ auth: "none" });
    registry.putImage("team/app", image, "1", "2");
    const images = ["1", "2", "1"].map((tag) => imageIn(registry, `team/app:${tag}`));
    await client([registry]).digests(images);
    assert.deepEqual(
      registry.log.map(({ method, path }) => `${method} ${path}`),
      ["HEAD /v2/team/app/manifests/1", "HEAD /v2/team/app/manifests/2"],
    );
  });

  it("is not requested for a reference without tag, nor for no image", async () => {
    const registry = await start();
    const reference = imageIn(registry, `team/app@${image.index.digest}`);
    assert.deepEqual(await client([registry]).digests([reference]), [image.index.digest]);
    assert.deepEqual(await client([]).digests([]), []);
    assert.equal(registry.count(), 0);
  });

  it("fails for one image without hiding the others'", async () => {
    const registry = await start();
    registry.putImage("team/app", image, "1");
    registry.putImage("team/other", image, "1");
    const images = ["team/app:2", "team/app:1", "team/secret:1", "team/other:1"];
    const answers = await client([registry]).digests(images.map((name) => imageIn(registry, name)));
    assert.deepEqual(
      answers.map((answer) => outcomeText(answer, registry)),
      [
        "not-found: REGISTRY answered 404 (MANIFEST_UNKNOWN: manifest unknown)",
        image.index.digest,
        "denied: REGISTRY answered 401 to the token it granted: the image does not exist or is private",
        image.index.digest,
      ],
    );
  });

  it("is found on one registry while another is down", async () => {
    const [up, down] = [await start(), await start()];
    up.putImage("team/app", image, "1");
    const asking = client([up, down]);
    await down.close();
    const images = [up, down].map((registry) => imageIn(registry, "team/app:1"));
    const [found, failed] = await asking.digests(images);
    assert.equal(found, image.index.digest);
    assert.ok(failed instanceof RegistryError);
    assert.deepEqual(
      [failed.code, failed.registry, failed.message],
      [
        ...["unavailable", down.host],
        `${down.host}/team/app:1: ${down.host} refused the connection`,
      ],
    );
  });
});

describe("credentials", () => {
  const credentials = { username: "deploy", password: "correct horse" };

  const ways: readonly [title: string, options: object, log: [string, string][]][] = [
    [
      "the token service only, which has a port of its own here",
      { separateTokenService: true },
      [
        ["head", "none"],
        ["token", "basic"],
        ["head", "bearer"],
      ],
    ],
    [
      "the registry itself if it asks for them, after it asked",
      { auth: "basic" },
      [
        ["head", "none"],
        ["head", "basic"],
      ],
    ],
  ];
  for (const [title, options, log] of ways)
    it(`go to ${title}`, async () => {
      const registry = await start({ credentials, ...options });
      registry.putImage("team/app", image, "1");
      registry.makePrivate("team/app");
      const asking = client([registry], { registries: insecure([registry], credentials) });
      const digests = await asking.digests([imageIn(registry, "team/app:1")]);
      assert.deepEqual(digests, [image.index.digest]);
      assert.deepEqual(
        registry.log.map(({ kind, authorization }) => [kind, authorization]),
        log,
      );
    });

  for (const auth of ["basic", "bearer"] as const)
    it(`that are wrong are sent once for all images, with ${auth}`, async () => {
      const registry = await start({ credentials, auth });
      const names = ["team/a", "team/b", "team/c"];
      for (const name of names) registry.putImage(name, image, "1");
      const wrong = { username: "deploy", password: "wrong horse" };
      const asking = client([registry], { registries: insecure([registry], wrong) });
      const answers = await asking.digests(names.map((name) => imageIn(registry, `${name}:1`)));
      assert.deepEqual(
        answers.map((answer) => outcomeText(answer, registry)),
        names.map(() => "credentials: REGISTRY refused the user name and password"),
      );
      assert.equal(registry.log.filter(({ authorization }) => authorization === "basic").length, 1);
    });

  it("are asked for where a registry requires them and none are configured", async () => {
    const registry = await start({ auth: "basic" });
    const reference = imageIn(registry, "team/app:1");
    assert.equal(
      await failureOf(client([registry]).manifest(reference, "1"), reference, registry),
      "credentials: REGISTRY requires a user name and a password",
    );
  });
});

describe("a manifest and a blob of an image", () => {
  it("come with the token that the digest was found with", async () => {
    const registry = await start();
    registry.putImage("team/app", image, "1");
    const reference = imageIn(registry, "team/app:1");
    const asking = client([registry]);
    const [digest] = await asking.digests([reference]);
    assert.ok(typeof digest === "string");
    assert.deepEqual(await asking.manifest(reference, digest), {
      mediaType: "application/vnd.oci.image.index.v1+json",
      digest: image.index.digest,
      bytes: image.index.bytes,
    });
    assert.deepEqual((await asking.manifest(reference, "1")).digest, image.index.digest);
    assert.deepEqual(await asking.blob(reference, amd64.config.digest), amd64.config.bytes);
    assert.deepEqual([registry.count(), registry.count("token")], [6, 1]);
  });

  it("come without a digest lookup before, too", async () => {
    const registry = await start();
    registry.putImage("team/app", image, "1");
    const reference = imageIn(registry, "team/app:1");
    const manifest = await client([registry]).manifest(reference, image.index.digest);
    assert.deepEqual(manifest.bytes, image.index.bytes);
    assert.deepEqual([registry.count("get"), registry.count("token")], [2, 1]);
  });

  it("are not requested by anything but a tag or a digest", async () => {
    const registry = await start();
    const reference = imageIn(registry, "team/app:1");
    const work = client([registry]).manifest(reference, "../../other/manifests/1");
    await assert.rejects(work, { name: "ReferenceError" });
    assert.equal(registry.count(), 0);
  });

  it("are verified: content with another digest is refused", async () => {
    const registry = await start({ auth: "none" });
    registry.putImage("team/app", image, "1");
    const reference = imageIn(registry, "team/app:1");
    registry.fault = ({ kind }) => (kind === "head" ? undefined : { do: "amend", body: "{}" });
    const asking = client([registry]);
    const EMPTY = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    for (const [work, digest] of [
      [asking.manifest(reference, image.index.digest), image.index.digest],
      [asking.manifest(reference, "1"), image.index.digest],
      [asking.blob(reference, amd64.config.digest), amd64.config.digest],
    ] as const)
      assert.equal(
        await failureOf(work, reference, registry),
        `invalid-answer: REGISTRY sent content with the digest ${EMPTY}, expected ${digest}`,
      );
  });

  it("that does not exist is reported with the registry's words", async () => {
    const registry = await start({ auth: "none" });
    registry.putImage("team/app", image, "1");
    const none = parseDigest(`sha256:${"0".repeat(64)}`);
    const [app, other] = [imageIn(registry, "team/app:1"), imageIn(registry, "team/none:1")];
    const asking = client([registry]);
    assert.equal(
      await failureOf(asking.blob(app, none), app, registry),
      "not-found: REGISTRY answered 404 (BLOB_UNKNOWN: blob unknown to registry)",
    );
    assert.equal(
      await failureOf(asking.manifest(other, "1"), other, registry),
      "not-found: REGISTRY answered 404 (NAME_UNKNOWN: repository name not known to registry)",
    );
  });
});

describe("a registry client", () => {
  it("reports each request before it is sent, without the query", async () => {
    const registry = await start();
    registry.putImage("team/app", image, "1");
    const events: RequestEvent[] = [];
    const asking = client([registry], { onRequest: (event) => events.push(event) });
    await asking.digests([imageIn(registry, "team/app:1")]);
    assert.deepEqual(
      events.map(({ method, url }) => `${method} ${withoutPorts(url, registry)}`),
      [
        "HEAD http://REGISTRY/v2/team/app/manifests/1",
        "GET http://REGISTRY/token",
        "HEAD http://REGISTRY/v2/team/app/manifests/1",
      ],
    );
  });

  it("asks for Docker Hub's images at the host that serves them", async () => {
    const events: RequestEvent[] = [];
    const abort = new AbortController();
    const asking = client([], {
      signal: abort.signal,
      onRequest: (event) => {
        events.push(event);
        abort.abort(); // before anything leaves this machine
      },
    });
    const [answer] = await asking.digests([parseReference("traefik:v3.6.4")]);
    assert.ok(answer instanceof RegistryError);
    assert.equal(
      answer.message,
      "traefik:v3.6.4: interrupted before registry-1.docker.io answered",
    );
    assert.deepEqual(events, [
      { method: "HEAD", url: "https://registry-1.docker.io/v2/library/traefik/manifests/v3.6.4" },
    ]);
  });
});
