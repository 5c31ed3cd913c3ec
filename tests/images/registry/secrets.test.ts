/** What a message about a registry may hold. */

import assert from "node:assert/strict";
import { inspect } from "node:util";
import { RegistryError } from "../../../images/registry/client";
import { always, askFaulty, image, status } from "../../support/faulty-registry";
import type { Fault } from "../../support/registry-faults";
import { imageIn, insecure, registryFixture } from "../../support/registry-fixture";

const fixture = registryFixture();
const { start, client } = fixture;

describe("an error", () => {
  const password = "canary-password-7c1f";
  const basic = Buffer.from(`deploy:${password}`).toString("base64");

  it("never has a token or a password in it, wherever the server puts them", async () => {
    const credentials = { username: "deploy", password };
    const places: readonly ((secret: string) => Fault)[] = [
      (secret) => ({
        do: "answer",
        status: 400,
        body: JSON.stringify({ errors: [{ code: secret, message: `you sent ${secret}` }] }),
      }),
      (secret) => ({
        do: "answer",
        status: 404,
        body: JSON.stringify({ errors: [{ message: secret }] }),
      }),
      (secret) => status(200, { "content-type": secret }),
      (secret) => ({ do: "amend", headers: { "docker-content-digest": `sha256:${secret}` } }),
      (secret) => status(307, { location: `https://10.0.0.1/${secret}` }),
      (secret) => status(307, { location: `${secret}://10.0.0.1/` }),
      (secret) => status(307, { location: `https://${secret.toLowerCase()}@10.0.0.1/` }),
      (secret) => status(401, { "www-authenticate": `Bearer realm="${secret}"` }),
      (secret) => status(401, { "www-authenticate": secret }),
      (secret) => status(429, { "retry-after": secret }),
      (secret) => ({ do: "babble", text: `${secret}\r\n\r\n` }),
    ];
    for (const [n, place] of places.entries()) {
      const registry = await start({ credentials });
      registry.putImage("team/app", image, "1");
      registry.fault = ({ kind, authorization }) =>
        authorization === "bearer" && (kind === "head" || kind === "get")
          ? place([password, basic, ...registry.tokens.all].join(" "))
          : undefined;
      const settings = insecure([registry], credentials);
      const [answer] = await client([registry], { registries: settings }).digests([
        imageIn(registry, "team/app:1"),
      ]);
      assert.ok(answer instanceof RegistryError, `place ${n}`);
      const everything = inspect(answer, { depth: Infinity, showHidden: true });
      assert.equal(registry.tokens.all.length, 1);
      for (const secret of [password, basic, ...registry.tokens.all])
        assert.ok(!everything.includes(secret), `place ${n}: ${everything}`);
      assert.ok(answer.message.length < 400);
    }
  });

  it("of one registry takes nothing from what another one calls a token", async () => {
    const [careless, other] = await Promise.all([start(), start()]);
    for (const registry of [careless, other]) registry.putImage("team/app", image, "1");
    // Part of every address here, as a token of the registry's own making.
    careless.fault = ({ kind }) =>
      kind === "token" ? { do: "amend", body: JSON.stringify({ token: "127" }) } : undefined;
    const asking = client([careless, other]);
    const [refused] = await asking.digests([imageIn(careless, "team/app:1")]);
    assert.ok(refused instanceof RegistryError);
    assert.deepEqual(await asking.digests([imageIn(other, "team/app:1")]), [image.index.digest]);
    const [missing] = await asking.digests([imageIn(other, "team/app:2")]);
    assert.ok(missing instanceof RegistryError);
    assert.equal(missing.answer, `${other.host} answered 404 (MANIFEST_UNKNOWN: manifest unknown)`);
  });

  it("shows a server's words on one printable line", async () => {
    const message = "\u001b[2Jall\nis \u202ewell ".repeat(20);
    const { text } = await askFaulty(
      fixture,
      always({ do: "answer", status: 400, body: JSON.stringify({ errors: [{ message }] }) }),
      { auth: "none" },
    );
    assert.equal(text, "invalid-answer: REGISTRY answered 400");
    const registry = await start({ auth: "none" });
    registry.fault = ({ kind }) =>
      kind === "tags"
        ? { do: "answer", status: 400, body: JSON.stringify({ errors: [{ message }] }) }
        : undefined;
    const failure: unknown = await client([registry])
      .tags(imageIn(registry, "team/app:1"))
      .catch((error: unknown) => error);
    assert.ok(failure instanceof RegistryError);
    assert.equal(
      failure.answer.replace(registry.host, "REGISTRY"),
      `REGISTRY answered 400 (${"[2Jall is well ".repeat(20).slice(0, 117)}...)`,
    );
  });
});
