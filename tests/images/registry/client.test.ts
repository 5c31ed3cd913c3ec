import assert from "node:assert/strict";
import { DOCKER_LIST, DOCKER_MANIFEST } from "../../../images/registry/media-types";
import { parseDigest, parseReference } from "../../../images/reference";
import { RegistryError, type RequestEvent } from "../../../images/registry/client";
import { indexedImage, LINUX_ARM64, platformImage } from "../../support/oci-images";
import { imageIn, registryFixture, withoutPorts } from "../../support/registry-fixture";
import type { FakeRegistry } from "../../support/registry-server";

const amd64 = platformImage();
const arm64 = platformImage({ platform: LINUX_ARM64 });
const image = indexedImage([amd64, arm64]);
const { start, client } = registryFixture();

/** Rejects with the error's message, ports taken out. */
async function failureOf(work: Promise<unknown>, registry: FakeRegistry): Promise<string> {
  const outcome = await work.catch((error: unknown) => error);
  assert.ok(outcome instanceof RegistryError, "expected it to fail");
  return `${outcome.code}: ${withoutPorts(outcome.message, registry)}`;
}

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

  it("is asked for once where two services run the same image", async () => {
    const registry = await start({ auth: "none" });
    registry.putImage("team/app", image, "1", "2");
    const images = ["1", "2", "1"].map((tag) => imageIn(registry, `team/app:${tag}`));
    await client([registry]).digests(images);
    assert.deepEqual(
      registry.log.map(({ method, path }) => `${method} ${path}`),
      ["HEAD /v2/team/app/manifests/1", "HEAD /v2/team/app/manifests/2"],
    );
  });

  it("is not asked for where the reference has a digest and no tag", async () => {
    const registry = await start();
    const reference = imageIn(registry, `team/app@${image.index.digest}`);
    assert.deepEqual(await client([registry]).digests([reference]), [image.index.digest]);
    assert.equal(registry.count(), 0);
  });

  it("fails for one image without hiding the others'", async () => {
    const registry = await start();
    registry.putImage("team/app", image, "1");
    registry.putImage("team/other", image, "1");
    const [missing, found, unknown, other] = await client([registry]).digests(
      ["team/app:2", "team/app:1", "team/secret:1", "team/other:1"].map((name) =>
        imageIn(registry, name),
      ),
    );
    assert.deepEqual([found, other], [image.index.digest, image.index.digest]);
    assert.ok(missing instanceof RegistryError && unknown instanceof RegistryError);
    assert.deepEqual([missing.code, unknown.code], ["not-found", "denied"]);
    assert.equal(
      withoutPorts(missing.message, registry),
      "REGISTRY/team/app:2: REGISTRY answered 404 (MANIFEST_UNKNOWN: manifest unknown)",
    );
    assert.equal(
      withoutPorts(unknown.message, registry),
      "REGISTRY/team/secret:1: REGISTRY answered 401 although it got a token: it does not exist or is private",
    );
  });

  it("is found on one registry while another is down", async () => {
    const [up, down] = [await start(), await start()];
    up.putImage("team/app", image, "1");
    const asking = client([up, down]);
    await down.close();
    const [found, failed] = await asking.digests([
      imageIn(up, "team/app:1"),
      imageIn(down, "team/app:1"),
    ]);
    assert.equal(found, image.index.digest);
    assert.ok(failed instanceof RegistryError);
    assert.equal(failed.code, "unavailable");
    assert.equal(failed.message, `${down.host}/team/app:1: ${down.host} refused the connection`);
    assert.equal(failed.registry, down.host);
  });
});

describe("credentials", () => {
  const credentials = { username: "deploy", password: "correct horse" };

  it("go to the token service alone, which has a port of its own here", async () => {
    const registry = await start({ credentials, separateTokenService: true });
    registry.putImage("team/app", image, "1");
    registry.makePrivate("team/app");
    const settings = { [registry.host]: { insecure: true, ...credentials } };
    const asking = client([registry], { registries: settings });
    assert.deepEqual(await asking.digests([imageIn(registry, "team/app:1")]), [image.index.digest]);
    assert.deepEqual(
      registry.log.map(({ kind, authorization }) => [kind, authorization]),
      [
        ["head", "none"],
        ["token", "basic"],
        ["head", "bearer"],
      ],
    );
  });

  it("go to the registry itself where it asks for them, after it asked", async () => {
    const registry = await start({ credentials, auth: "basic" });
    registry.putImage("team/app", image, "1");
    const settings = { [registry.host]: { insecure: true, ...credentials } };
    const asking = client([registry], { registries: settings });
    assert.deepEqual(await asking.digests([imageIn(registry, "team/app:1")]), [image.index.digest]);
    assert.deepEqual(
      registry.log.map(({ authorization }) => authorization),
      ["none", "basic"],
    );
  });

  for (const auth of ["basic", "bearer"] as const)
    it(`that are wrong are sent once for all images, with ${auth}`, async () => {
      const registry = await start({ credentials, auth });
      const names = ["team/a", "team/b", "team/c"];
      for (const name of names) registry.putImage(name, image, "1");
      const settings = { insecure: true, username: "deploy", password: "wrong horse" };
      const answers = await client([registry], {
        registries: { [registry.host]: settings },
      }).digests(names.map((name) => imageIn(registry, `${name}:1`)));
      for (const [n, answer] of answers.entries()) {
        assert.ok(answer instanceof RegistryError);
        assert.equal(
          withoutPorts(`${answer.code} ${answer.message}`, registry),
          `credentials REGISTRY/${names[n] ?? ""}:1: REGISTRY refused the user name and password`,
        );
      }
      assert.equal(registry.log.filter(({ authorization }) => authorization === "basic").length, 1);
    });

  it("are asked for by name where a registry wants them and there are none", async () => {
    const registry = await start({ auth: "basic" });
    assert.equal(
      await failureOf(client([registry]).tags(imageIn(registry, "team/app:1")), registry),
      "credentials: REGISTRY/team/app:1: REGISTRY wants a user name and a password",
    );
  });
});

describe("a manifest, a blob and the tags of an image", () => {
  it("come with the token the digests were found with", async () => {
    const registry = await start();
    registry.putImage("team/app", image, "1", "2");
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
    assert.deepEqual(await asking.tags(reference), ["1", "2"]);
    assert.deepEqual([registry.count(), registry.count("token")], [7, 1]);
  });

  it("are not asked for by what is neither a tag nor a digest", async () => {
    const registry = await start();
    const reference = imageIn(registry, "team/app:1");
    await assert.rejects(client([registry]).manifest(reference, "../../other/manifests/1"), {
      name: "ReferenceError",
    });
    assert.equal(registry.count(), 0);
  });

  it("come without a digest asked for before, too", async () => {
    const registry = await start();
    registry.putImage("team/app", image, "1");
    const reference = imageIn(registry, "team/app:1");
    const manifest = await client([registry]).manifest(reference, image.index.digest);
    assert.deepEqual(manifest.bytes, image.index.bytes);
    assert.deepEqual([registry.count("get"), registry.count("token")], [2, 1]);
  });

  it("are verified: other bytes than those of the digest are refused", async () => {
    const registry = await start({ auth: "none" });
    registry.putImage("team/app", image, "1");
    const reference = imageIn(registry, "team/app:1");
    registry.fault = ({ kind }) => (kind === "head" ? undefined : { do: "amend", body: "{}" });
    const asking = client([registry]);
    const wrong = `REGISTRY answered with other bytes than promised: they have the digest sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a, not`;
    assert.equal(
      await failureOf(asking.manifest(reference, image.index.digest), registry),
      `invalid-answer: REGISTRY/team/app:1: ${wrong} ${image.index.digest}`,
    );
    assert.equal(
      await failureOf(asking.manifest(reference, "1"), registry),
      `invalid-answer: REGISTRY/team/app:1: ${wrong} ${image.index.digest}`,
    );
    assert.equal(
      await failureOf(asking.blob(reference, amd64.config.digest), registry),
      `invalid-answer: REGISTRY/team/app:1: ${wrong} ${amd64.config.digest}`,
    );
  });

  it("that are not there are named with the registry's words", async () => {
    const registry = await start({ auth: "none" });
    registry.putImage("team/app", image, "1");
    const asking = client([registry]);
    const none = parseDigest(`sha256:${"0".repeat(64)}`);
    assert.equal(
      await failureOf(asking.blob(imageIn(registry, "team/app:1"), none), registry),
      "not-found: REGISTRY/team/app:1: REGISTRY answered 404 (BLOB_UNKNOWN: blob unknown to registry)",
    );
    assert.equal(
      await failureOf(asking.tags(imageIn(registry, "team/none:1")), registry),
      "not-found: REGISTRY/team/none:1: REGISTRY answered 404 (NAME_UNKNOWN: repository name not known to registry)",
    );
  });
});

describe("a registry client", () => {
  it("tells of each request it sends, without the query", async () => {
    const registry = await start();
    registry.putImage("team/app", image, "1");
    const events: RequestEvent[] = [];
    const asking = client([registry], { onRequest: (event) => events.push(event) });
    assert.equal(events.length, 0);
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

  it("asks nobody where there is nothing to ask", async () => {
    assert.deepEqual(await client([]).digests([]), []);
  });

  it("asks for Docker Hub's images at the host that serves them, which their references do not name", async () => {
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
