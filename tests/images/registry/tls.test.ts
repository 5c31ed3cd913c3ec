/** https is what is spoken, and nothing makes the client fall back to http. */

import assert from "node:assert/strict";
import { selfSignedCertificate, type Certificate } from "../../support/certificate";
import { image, status } from "../../support/faulty-registry";
import { imageIn, outcomeText, registryFixture } from "../../support/registry-fixture";
import type { FakeRegistry, FakeRegistryOptions } from "../../support/registry-server";

describe("a registry over https", () => {
  const { start, client } = registryFixture();
  let tls: Certificate;
  before(function () {
    const made = selfSignedCertificate();
    if (made === undefined) this.skip(); // no openssl on this machine
    tls = made;
  });

  async function secureRegistry(options: FakeRegistryOptions = {}): Promise<FakeRegistry> {
    const registry = await start({ tls, ...options });
    registry.putImage("team/app", image, "1");
    return registry;
  }
  async function ask(registry: FakeRegistry, insecure = false): Promise<string> {
    const [answer] = await client([], {
      ca: tls.cert,
      registries: { [registry.host]: { insecure } },
    }).digests([imageIn(registry, "team/app:1")]);
    return outcomeText(answer, registry);
  }

  it("is asked on one kept connection", async () => {
    const registry = await secureRegistry();
    assert.equal(await ask(registry), image.index.digest);
    assert.deepEqual([registry.count(), registry.connections], [3, 1]);
  });

  it("is not trusted with a certificate nobody vouches for", async () => {
    const registry = await secureRegistry();
    const [answer] = await client([]).digests([imageIn(registry, "team/app:1")]);
    assert.equal(
      outcomeText(answer, registry),
      "tls: REGISTRY has a certificate that is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)",
    );
    assert.equal(registry.count(), 0);
  });

  it("is not asked for a token over http", async () => {
    const [registry, plain] = [await secureRegistry(), await start()];
    registry.fault = () => status(401, { "www-authenticate": `Bearer realm="${plain.realm}"` });
    assert.equal(
      await ask(registry),
      'refused: REGISTRY wants a token from "http://OTHER", which is not asked: it is plain http, the registry is https',
    );
    assert.equal(plain.count(), 0);
  });

  it("is not followed to http", async () => {
    const [registry, plain] = [await secureRegistry(), await start()];
    registry.fault = () => status(307, { location: `http://${plain.host}/` });
    assert.equal(
      await ask(registry),
      'refused: REGISTRY redirected to "http://OTHER", which is not followed: it is plain http, the registry is https',
    );
    assert.equal(plain.count(), 0);
  });

  it("is not understood by a client that is told to speak http", async () => {
    const registry = await secureRegistry();
    assert.match(await ask(registry, true), /^(?:invalid-answer|unavailable): REGISTRY /);
    assert.equal(registry.count(), 0);
  });
});

describe("a registry over http", () => {
  const { start, client } = registryFixture();

  for (const settings of [{}, { insecure: false }])
    it(`is asked in https alone with settings ${JSON.stringify(settings)}`, async () => {
      const registry = await start();
      registry.putImage("team/app", image, "1");
      const [answer] = await client([], { registries: { [registry.host]: settings } }).digests([
        imageIn(registry, "team/app:1"),
      ]);
      assert.equal(outcomeText(answer, registry), "tls: REGISTRY does not speak TLS");
      assert.equal(registry.count(), 0);
    });
});
