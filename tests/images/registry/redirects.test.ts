/** Redirects: few, never to internal places, and never with a token or a password to another origin. */

import assert from "node:assert/strict";
import dns from "node:dns";

import { askFaulty, authorized, image, status } from "../../support/faulty-registry";
import type { Fault } from "../../support/registry-faults";
import { imageIn, insecure, outcomeText, registryFixture } from "../../support/registry-fixture";
import type { FakeRegistry, FakeRegistryOptions } from "../../support/registry-server";

const fixture = registryFixture();
const { start, client } = fixture;
const credentials = { username: "deploy", password: "correct horse" };
const to = (location: string, code = 307): Fault => status(code, { location });
const authorizations = ({ log }: FakeRegistry) =>
  log.map(({ path, authorization }) => `${path} ${authorization}`);

/** Asks a registry that has these credentials, as {@link askFaulty} does. */
async function ask(options: FakeRegistryOptions): Promise<string> {
  const registry = await start({ credentials, ...options });
  registry.putImage("team/app", image, "1");
  const asking = client([], { registries: insecure([registry], credentials) });
  const [answer] = await asking.digests([imageIn(registry, "team/app:1")]);
  return outcomeText(answer, registry);
}

describe("a redirect", () => {
  for (const code of [301, 302, 303, 307, 308])
    it(`with ${code} to another origin is followed without the token`, async () => {
      const other = await start({ auth: "none" });
      other.putImage("mirror/app", image, "1");
      const target = to(`http://${other.host}/v2/mirror/app/manifests/1`, code);
      const { text } = await askFaulty(fixture, authorized(target));
      assert.equal(text, image.index.digest);
      assert.deepEqual(authorizations(other), ["/v2/mirror/app/manifests/1 none"]);
      assert.equal(other.log[0]?.method, "HEAD");
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
      const leaves = authorization === "bearer" && path !== "/back";
      return leaves ? to(`http://${other.host}/away`) : undefined;
    });
    const back = authorizations(registry).filter((line) => line.startsWith("/back"));
    assert.deepEqual(back, ["/back none"]);
  });

  for (const auth of ["basic", "bearer"] as const)
    it(`does not pass on the password that ${auth === "basic" ? "the registry" : "the token service"} got`, async () => {
      const other = await start();
      const away = to(`http://${other.host}/away`);
      await ask({
        auth,
        fault: ({ authorization }) => (authorization === "basic" ? away : undefined),
      });
      assert.deepEqual(authorizations(other), ["/away none"]);
    });

  const DENIED = "denied: OTHER, where the registry redirected to, answered 401";
  it("whose target wants a token does not name the place for it", async () => {
    const other = await start();
    const away = to(`http://${other.host}/v2/team/app/manifests/1`);
    assert.equal(await ask({ auth: "none", fault: () => away }), DENIED);
    const { text } = await askFaulty(fixture, authorized(away), { tokens: "opaque" });
    assert.equal(text, DENIED);
    assert.equal(other.count("token"), 0);
  });

  const refused: readonly [location: string, shown: string, reason: string][] = [
    [
      "https://169.254.169.254/latest",
      "https://169.254.169.254",
      "it is an internal address that is not listed under registries",
    ],
    [
      "http://mirror.example/",
      "http://mirror.example",
      "it is plain http on a host that is not configured as insecure",
    ],
    ["file:///etc/passwd", "file:", "it is not an http or https URL"],
    ["http://", "http://", "it is not an http or https URL"],
  ];
  for (const [location, shown, reason] of refused)
    it(`to ${location} is not followed`, async () => {
      const { text } = await askFaulty(fixture, authorized(to(location)));
      assert.equal(
        text,
        `refused: REGISTRY redirected to "${shown}", which is not followed: ${reason}`,
      );
    });

  it("to a name of an internal address is not followed, unless the configuration names it", async () => {
    const lookup = dns.lookup;
    const internal = await start({ auth: "none" });
    internal.putImage("app", image, "1");
    const name = `metadata.example:${new URL(`http://${internal.host}`).port}`;
    // As the name server of whoever runs the registry may answer.
    dns.lookup = ((host: string, options: dns.LookupOptions, done: () => void) => {
      lookup(host === "metadata.example" ? "127.0.0.1" : host, options, done);
    }) as typeof lookup;
    try {
      const home = await start({ auth: "none" });
      const askVia = async (scheme: string, named: object) => {
        home.fault = () => to(`${scheme}://${name}/v2/app/manifests/1`);
        const registries = { ...insecure([home]), ...named };
        const [answer] = await client([], { registries }).digests([imageIn(home, "app:1")]);
        return outcomeText(answer, home);
      };
      assert.equal(
        await askVia("https", {}),
        `refused: ${name} is an internal address that is not listed under registries`,
      );
      assert.equal(internal.log.length, 0);
      assert.equal(await askVia("http", { [name]: { insecure: true } }), image.index.digest);
    } finally {
      dns.lookup = lookup;
    }
  });

  it("to itself ends after six requests", async () => {
    const { text, registry } = await askFaulty(fixture, authorized(to("")));
    assert.equal(text, "refused: REGISTRY redirected more than 5 times");
    assert.equal(registry.count("head"), 1 + 6);
  });

  it("without a target is an error", async () => {
    const { text } = await askFaulty(fixture, authorized(status(302)));
    assert.equal(text, "invalid-answer: REGISTRY answered 302");
  });

  it("of a blob is followed, and its content is verified", async () => {
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
    assert.ok(store.log.every(({ authorization }) => authorization === "none"));
  });
});
