/** Redirects: few, never to internal places, and never with a token or a password to another origin. */

import assert from "node:assert/strict";
import dns from "node:dns";

import { askFaulty, authorized, image, status } from "../../support/faulty-registry";
import type { Fault } from "../../support/registry-faults";
import { imageIn, insecure, outcomeText, registryFixture } from "../../support/registry-fixture";

const fixture = registryFixture();
const { start, client } = fixture;

describe("a redirect", () => {
  const to = (location: string, code = 307): Fault => status(code, { location });

  for (const code of [301, 302, 303, 307, 308])
    it(`with ${code} to another origin is followed without the token`, async () => {
      const other = await start({ auth: "none" });
      other.putImage("mirror/app", image, "1");
      const { text } = await askFaulty(
        fixture,
        authorized(to(`http://${other.host}/v2/mirror/app/manifests/1`, code)),
      );
      assert.equal(text, image.index.digest);
      assert.deepEqual(
        other.log.map(({ method, path, authorization }) => [method, path, authorization]),
        [["HEAD", "/v2/mirror/app/manifests/1", "none"]],
      );
    });

  it("inside the registry keeps the token", async () => {
    const { text, registry } = await askFaulty(fixture, ({ path, authorization }) =>
      authorization === "bearer" && path.endsWith("/1") ? to(`./${image.index.digest}`) : undefined,
    );
    assert.equal(text, image.index.digest);
    assert.equal(registry.log.at(-1)?.authorization, "bearer");
  });

  it("out of the registry and back does not bring the token back", async () => {
    const other = await start({ auth: "none" });
    const { registry } = await askFaulty(fixture, ({ path, authorization }, home) => {
      other.fault = () => to(`http://${home.host}/back`);
      return authorization === "bearer" && path !== "/back"
        ? to(`http://${other.host}/away`)
        : undefined;
    });
    assert.deepEqual(
      registry.log.filter(({ path }) => path === "/back").map(({ authorization }) => authorization),
      ["none"],
    );
  });

  for (const auth of ["basic", "bearer"] as const)
    it(`does not take the password along, which ${auth === "basic" ? "the registry" : "the token service"} got`, async () => {
      const credentials = { username: "deploy", password: "correct horse" };
      const [registry, other] = [await start({ auth, credentials }), await start()];
      registry.putImage("team/app", image, "1");
      registry.fault = ({ authorization }) =>
        authorization === "basic" ? to(`http://${other.host}/away`) : undefined;
      const settings = insecure([registry], credentials);
      await client([], { registries: settings }).digests([imageIn(registry, "team/app:1")]);
      assert.deepEqual(
        other.log.map(({ path, authorization }) => [path, authorization]),
        [["/away", "none"]],
      );
    });

  it("whose target wants a token does not name the place for it", async () => {
    const other = await start();
    const credentials = { username: "deploy", password: "correct horse" };
    const registry = await start({ auth: "none" });
    registry.fault = () => to(`http://${other.host}/v2/team/app/manifests/1`);
    const settings = insecure([registry], credentials);
    const [answer] = await client([registry], { registries: settings }).digests([
      imageIn(registry, "team/app:1"),
    ]);
    assert.equal(
      outcomeText(answer, registry),
      "denied: OTHER, where the registry redirected to, answered 401",
    );
    assert.equal(other.count("token"), 0);
  });

  it("whose target refuses to answer without a token is not taken for the registry", async () => {
    const other = await start();
    const { text } = await askFaulty(
      fixture,
      authorized(to(`http://${other.host}/v2/a/manifests/1`)),
      {
        tokens: "opaque",
      },
    );
    assert.equal(text, "denied: OTHER, where the registry redirected to, answered 401");
    assert.equal(other.count("token"), 0);
  });

  const refused: readonly [title: string, location: string, text: string][] = [
    [
      "to an internal address",
      "https://169.254.169.254/latest",
      '"https://169.254.169.254", which is not followed: it is an internal address that is not listed under registries',
    ],
    [
      "to plain http elsewhere",
      "http://mirror.example/",
      '"http://mirror.example", which is not followed: it is plain http on a host that is not configured as insecure',
    ],
    ["to a file", "file:///etc/passwd", '"file:", which is not followed: it is not a web address'],
    ["to nowhere", "http://", '"http://", which is not followed: it is not a web address'],
  ];
  for (const [title, location, text] of refused)
    it(`${title} is not followed`, async () => {
      const seen = await askFaulty(fixture, authorized(to(location)));
      assert.equal(seen.text, `refused: REGISTRY redirected to ${text}`);
    });

  it("to a name of an internal address is not followed, unless the configuration names it", async () => {
    const lookup = dns.lookup;
    const internal = await start({ auth: "none" });
    internal.putImage("app", image, "1");
    const { port } = new URL(`http://${internal.host}`);
    const name = `metadata.example:${port}`;
    // As the name server of whoever runs the registry may answer.
    dns.lookup = ((host: string, options: dns.LookupOptions, done: () => void) => {
      lookup(host === "metadata.example" ? "127.0.0.1" : host, options, done);
    }) as typeof lookup;
    try {
      const home = await start({ auth: "none" });
      const ask = async (scheme: string, named: object) => {
        home.fault = () => to(`${scheme}://${name}/v2/app/manifests/1`);
        const registries = { ...insecure([home]), ...named };
        const [answer] = await client([], { registries }).digests([imageIn(home, "app:1")]);
        return outcomeText(answer, home);
      };
      assert.equal(
        await ask("https", {}),
        `refused: ${name} is an internal address that is not listed under registries`,
      );
      assert.equal(internal.log.length, 0);
      assert.equal(await ask("http", { [name]: { insecure: true } }), image.index.digest);
    } finally {
      dns.lookup = lookup;
    }
  });

  it("to itself ends after six requests", async () => {
    const { text, registry } = await askFaulty(fixture, authorized(to("")));
    assert.equal(text, "refused: REGISTRY redirected more than 5 times");
    assert.equal(registry.count("head"), 1 + 6);
  });

  it("without a target is no answer", async () => {
    const { text } = await askFaulty(fixture, authorized(status(302)));
    assert.equal(text, "invalid-answer: REGISTRY answered 302");
  });

  it("of a blob is followed and what it brings is verified", async () => {
    const [store, registry] = [await start({ auth: "none" }), await start()];
    const blob = store.putBlob("store/blobs", "configuration");
    const other = store.putBlob("store/blobs", "another");
    registry.putImage("team/app", image, "1");
    const asking = client([registry]);
    const reference = imageIn(registry, "team/app:1");
    registry.fault = ({ kind, authorization }) =>
      kind === "blob" && authorization === "bearer"
        ? to(`http://${store.host}/v2/store/blobs/blobs/${blob}?signature=x`)
        : undefined;
    assert.equal((await asking.blob(reference, blob)).toString(), "configuration");
    await assert.rejects(asking.blob(reference, other), /sent content with the digest/);
    assert.deepEqual(
      new Set(store.log.map(({ authorization }) => authorization)),
      new Set(["none"]),
    );
  });
});
