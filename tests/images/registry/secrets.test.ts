/** What a message about one registry hides. What a hostile registry tries is in tests/properties/registry-secrets.test.ts. */

import assert from "node:assert/strict";
import { image } from "../../support/faulty-registry";
import { imageIn, outcomeText, registryFixture } from "../../support/registry-fixture";

const { start, client } = registryFixture();

describe("an error about a registry", () => {
  it("hides nothing because another registry calls it a token", async () => {
    const [careless, other] = await Promise.all([start(), start()]);
    for (const registry of [careless, other]) registry.putImage("team/app", image, "1");
    // Part of every address here, as a token of the registry's own making.
    careless.fault = ({ kind }) =>
      kind === "token" ? { do: "amend", body: JSON.stringify({ token: "127" }) } : undefined;
    const asking = client([careless, other]);
    const ask = async (registry: typeof other, tag: string) =>
      outcomeText((await asking.digests([imageIn(registry, `team/app:${tag}`)]))[0], registry);
    assert.match(await ask(careless, "1"), /^denied: /);
    assert.equal(await ask(other, "1"), image.index.digest);
    assert.equal(
      await ask(other, "2"),
      "not-found: REGISTRY answered 404 (MANIFEST_UNKNOWN: manifest unknown)",
    );
  });
});
