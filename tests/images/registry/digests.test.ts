import assert from "node:assert/strict";
import { indexedImage, platformImage } from "../../support/oci-images";
import { imageIn, outcomeText, registryFixture } from "../../support/registry-fixture";
import type { FakeRegistry, FakeRegistryOptions } from "../../support/registry-server";

const image = indexedImage([platformImage()]);
const { start, client } = registryFixture();

describe("the digests of seven images on three registries", () => {
  async function lookUpSeven(options: FakeRegistryOptions) {
    const registries = await Promise.all([start(options), start(options), start(options)]);
    const names = [
      ["library/traefik", "library/nginx", "library/postgres", "n8nio/n8n", "a/b/c"],
      ["team/proxy"],
      ["cadvisor/cadvisor"],
    ];
    const references = registries.flatMap((registry, n) =>
      (names[n] ?? []).map((name) => {
        registry.putImage(name, image, "1");
        return imageIn(registry, `${name}:1`);
      }),
    );
    const digests = await client(registries).digests(references);
    assert.deepEqual(
      digests,
      references.map(() => image.index.digest),
    );
    const total = (count: (registry: FakeRegistry) => number) =>
      registries.reduce((sum, registry) => sum + count(registry), 0);
    return {
      all: total((registry) => registry.count()),
      head: total((registry) => registry.count("head")),
      token: total((registry) => registry.count("token")),
      connections: total((registry) => registry.connections),
    };
  }

  const opaque = { tokens: "opaque" } as const;
  const table: readonly [
    title: string,
    options: FakeRegistryOptions,
    [all: number, head: number, token: number],
  ][] = [
    ["one token is good for several repositories", {}, [13, 10, 3]],
    ["that shows only when the token is used", opaque, [13, 10, 3]],
    ["a token says that it is good for the first one", { severalScopes: "first" }, [17, 10, 7]],
    ["a token says that it is good for the last one", { severalScopes: "last" }, [17, 10, 7]],
    ...(["first", "last"] as const).flatMap((severalScopes) =>
      ([401, 403] as const).map((refusal): (typeof table)[number] => [
        `only a ${refusal} shows that it is good for the ${severalScopes} one`,
        { ...opaque, severalScopes, refusal },
        [18, 11, 7],
      ]),
    ),
    ["the token service refuses several", { severalScopes: "refused" }, [18, 10, 8]],
    ["no registry wants a token", { auth: "none" }, [7, 7, 0]],
  ];
  for (const [title, options, [all, head, token]] of table)
    it(`cost ${all} requests if ${title}`, async () => {
      const { connections, ...cost } = await lookUpSeven(options);
      assert.deepEqual(cost, { all, head, token });
      if (title.startsWith("one token")) assert.equal(connections, 7);
    });
});

describe("the digests of many images on one registry", () => {
  const table: readonly [
    images: readonly string[],
    head: number,
    token: number,
    connections: number,
  ][] = [
    [["team/app:1", "team/app:2", "team/app:3"], 4, 1, 3],
    // 24 repositories share a token.
    [Array.from({ length: 30 }, (_, n) => `team/app-${n}:1`), 31, 7, 8],
  ];
  for (const [images, head, token, connections] of table)
    it(`cost ${head} HEADs and ${token} tokens for ${images.length} tags`, async () => {
      const registry = await start();
      for (const name of images) {
        const [repository = "", tag = ""] = name.split(":");
        registry.putImage(repository, image, tag);
      }
      const references = images.map((name) => imageIn(registry, name));
      const digests = await client([registry]).digests(references);
      assert.deepEqual(new Set(digests), new Set([image.index.digest]));
      assert.deepEqual(
        [registry.count("head"), registry.count("token"), registry.connections],
        [head, token, connections],
      );
    });

  for (const refusal of [401, 403] as const)
    it(`are found beside a private one, which costs two more requests after a ${refusal}`, async () => {
      const registry = await start({ tokens: "opaque", refusal });
      const names = ["team/first", "team/private", "team/last"];
      for (const name of names) registry.putImage(name, image, "1");
      registry.makePrivate("team/private");
      const references = names.map((name) => imageIn(registry, `${name}:1`));
      const [first, hidden, last] = await client([registry]).digests(references);
      assert.deepEqual([first, last], [image.index.digest, image.index.digest]);
      assert.match(outcomeText(hidden, registry), /^denied: /);
      assert.deepEqual([registry.count("head"), registry.count("token")], [5, 2]);
    });
});
