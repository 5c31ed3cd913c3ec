/** The client speaks https, and nothing makes it fall back to http. */

import assert from "node:assert/strict";
import type { RegistrySettings } from "../../../images/registry/client";
import { selfSignedCertificate, type Certificate } from "../../support/certificate";
import { image, status } from "../../support/faulty-registry";
import { imageIn, outcomeText, registryFixture } from "../../support/registry-fixture";
import type { FakeRegistry, FakeRegistryOptions } from "../../support/registry-server";

const { start, client } = registryFixture();

async function ask(
  registry: FakeRegistry,
  settings: RegistrySettings = {},
  ca?: string,
): Promise<string> {
  registry.putImage("team/app", image, "1");
  const registries = { [registry.host]: settings };
  const asking = client([], { registries, ...(ca !== undefined && { ca }) });
  const [answer] = await asking.digests([imageIn(registry, "team/app:1")]);
  return outcomeText(answer, registry);
}

describe("a registry over https", () => {
  let tls: Certificate;
  before(function () {
    const made = selfSignedCertificate();
    if (made === undefined) this.skip(); // no openssl on this machine
    tls = made;
  });
  const secure = (options: FakeRegistryOptions = {}) => start({ tls, ...options });

  it("is asked on one kept connection", async () => {
    const registry = await secure();
    assert.equal(await ask(registry, {}, tls.cert), image.index.digest);
    assert.deepEqual([registry.count(), registry.connections], [3, 1]);
  });

  it("is not trusted with a self-signed certificate", async () => {
    const registry = await secure();
    assert.equal(
      await ask(registry),
      "tls: REGISTRY has a certificate that is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)",
    );
    assert.equal(registry.count(), 0);
  });

  const downgrades: readonly [
    name: string,
    fault: (plain: FakeRegistry) => object,
    text: string,
  ][] = [
    [
      "asked for a token over http",
      ({ realm }) => ({ "www-authenticate": `Bearer realm="${realm}"` }),
      'names the token service "http://OTHER", which is refused',
    ],
    [
      "followed to http",
      ({ host }) => ({ location: `http://${host}/` }),
      'redirected to "http://OTHER", which is not followed',
    ],
  ];
  for (const [title, headers, text] of downgrades)
    it(`is not ${title}`, async () => {
      const plain = await start();
      const sent = { ...headers(plain) };
      const registry = await secure({ fault: () => status("location" in sent ? 307 : 401, sent) });
      assert.equal(
        await ask(registry, {}, tls.cert),
        `refused: REGISTRY ${text}: it is plain http, the registry is https`,
      );
      assert.equal(plain.count(), 0);
    });

  it("is not understood by a client that is told to speak http", async () => {
    const registry = await secure();
    const text = await ask(registry, { insecure: true }, tls.cert);
    assert.match(text, /^(?:invalid-answer|unavailable): REGISTRY /);
    assert.equal(registry.count(), 0);
  });
});

describe("a registry over http", () => {
  for (const settings of [{}, { insecure: false }])
    it(`is only asked over https with settings ${JSON.stringify(settings)}`, async () => {
      const registry = await start();
      assert.equal(await ask(registry, settings), "tls: REGISTRY does not speak TLS");
      assert.equal(registry.count(), 0);
    });
});
