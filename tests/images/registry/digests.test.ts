import assert from "node:assert/strict";
import { RegistryError } from "../../../images/registry/client";
import { indexedImage, platformImage } from "../../support/oci-images";
import { imageIn, registryFixture } from "../../support/registry-fixture";
import type { FakeRegistry, FakeRegistryOptions } from "../../support/registry-server";

const image = indexedImage([platformImage()]);
const { start, client } = registryFixture();

describe("the digests of seven images on three registries", () => {
  async function resolveSeven(options: FakeRegistryOptions) {
    const registries = await Promise.all([start(options), start(options), start(options)]);
    const [hub, second, third] = registries;
    const images = [
      "library/traefik",
      "library/nginx",
      "library/postgres",
      "n8nio/n8n",
      "a/b/c",
    ].map((repository) => ({ registry: hub, repository }));
    images.push({ registry: second, repository: "team/proxy" });
    images.push({ registry: third, repository: "cadvisor/cadvisor" });
    for (const { registry, repository } of images) registry.putImage(repository, image, "1");
    const references = images.map(({ registry, repository }) =>
      imageIn(registry, `${repository}:1`),
    );
    const digests = await client(registries).digests(references);
    assert.deepEqual(
      digests,
      Array.from({ length: 7 }, () => image.index.digest),
    );
    const total = (count: (registry: FakeRegistry) => number) =>
      registries.reduce((sum, registry) => sum + count(registry), 0);
    return {
      requests: total((registry) => registry.count()),
      head: total((registry) => registry.count("head")),
      token: total((registry) => registry.count("token")),
      connections: total((registry) => registry.connections),
    };
  }

  it("cost 13 requests where one token is good for several repositories", async () => {
    const cost = await resolveSeven({});
    assert.deepEqual(cost, { requests: 13, head: 10, token: 3, connections: 7 });
  });

  it("cost 13 requests where that shows only when the token is used", async () => {
    const { requests, head, token } = await resolveSeven({ tokens: "opaque" });
    assert.deepEqual({ requests, head, token }, { requests: 13, head: 10, token: 3 });
  });

  for (const severalScopes of ["first", "last"] as const)
    it(`cost 17 requests where a token says it is good for the ${severalScopes} repository`, async () => {
      const { requests, head, token } = await resolveSeven({ severalScopes });
      assert.deepEqual({ requests, head, token }, { requests: 17, head: 10, token: 7 });
    });

  for (const [severalScopes, refusal] of [
    ["first", 401],
    ["last", 401],
    ["first", 403],
    ["last", 403],
  ] as const)
    it(`cost 18 requests where only a ${refusal} shows that it is the ${severalScopes} repository`, async () => {
      const { requests, head, token } = await resolveSeven({
        ...{ severalScopes, refusal, tokens: "opaque" },
      });
      assert.deepEqual({ requests, head, token }, { requests: 18, head: 11, token: 7 });
    });

  it("cost 18 requests where the token service refuses several repositories", async () => {
    const { requests, head, token } = await resolveSeven({ severalScopes: "refused" });
    assert.deepEqual({ requests, head, token }, { requests: 18, head: 10, token: 8 });
  });

  it("cost seven requests where no registry wants a token", async () => {
    const { requests, head } = await resolveSeven({ auth: "none" });
    assert.deepEqual({ requests, head }, { requests: 7, head: 7 });
  });
});

describe("the digests of many images on one registry", () => {
  it("are found with one token where it is one repository", async () => {
    const registry = await start();
    registry.putImage("team/app", image, "1", "2", "3");
    const digests = await client([registry]).digests(
      ["1", "2", "3"].map((tag) => imageIn(registry, `team/app:${tag}`)),
    );
    assert.deepEqual(new Set(digests), new Set([image.index.digest]));
    assert.deepEqual([registry.count("head"), registry.count("token")], [4, 1]);
  });

  for (const refusal of [401, 403] as const)
    it(`are found beside one that is private, which costs two more requests after a ${refusal}`, async () => {
      const registry = await start({ tokens: "opaque", refusal });
      const names = ["team/first", "team/private", "team/last"];
      for (const name of names) registry.putImage(name, image, "1");
      registry.makePrivate("team/private");
      const [first, hidden, last] = await client([registry]).digests(
        names.map((name) => imageIn(registry, `${name}:1`)),
      );
      assert.deepEqual([first, last], [image.index.digest, image.index.digest]);
      assert.ok(hidden instanceof RegistryError);
      assert.equal(hidden.code, "denied");
      assert.deepEqual([registry.count("head"), registry.count("token")], [5, 2]);
    });

  it("are found with a shared token and others", async () => {
    const registry = await start();
    const names = Array.from({ length: 30 }, (_, n) => `team/app-${n}`);
    for (const name of names) registry.putImage(name, image, "1");
    const digests = await client([registry]).digests(
      names.map((name) => imageIn(registry, `${name}:1`)),
    );
    assert.deepEqual(new Set(digests), new Set([image.index.digest]));
    assert.deepEqual(
      [registry.count("head"), registry.count("token"), registry.connections],
      [31, 7, 8],
    );
  });
});
