/** Which servers are asked, whatever a registry says. Nothing but this test's own registries is ever connected to. */

import assert from "node:assert/strict";

import fc from "fast-check";

import { RegistryClient, RegistryError } from "../../images/registry/client";
import { image, status } from "../support/faulty-registry";
import { FakeRegistry } from "../support/registry-server";
import type { Fault } from "../support/registry-faults";
import { imageIn, insecure, QUICK } from "../support/registry-fixture";
import { holdsLater } from "./check";

/** HOME and OTHER are registries of this test. */
const host = fc.constantFrom(
  ..."HOME HOME OTHER 169.254.169.254 169.254.169.254:80 2852039166 0xa9fea9fe [::ffff:169.254.169.254]".split(
    " ",
  ),
  ..."10.0.0.1 172.16.0.1 192.168.1.1 100.64.0.1 0.0.0.0 [fd00::1] [fe80::1] [64:ff9b::a00:1]".split(
    " ",
  ),
  ..."metadata.invalid registry.invalid xn--80ak6aa92e.invalid _.invalid a..invalid 10.3".split(
    " ",
  ),
);
const start = fc.constantFrom(
  ..."http:// https:// // HTTP:// https:\\\\ http:/ ftp:// file:// gopher:// ws:// unix:// data:".split(
    " ",
  ),
  "\thttp://",
  "",
);
const login = fc.constantFrom("", "", "", "user@", "user:password@", "HOME@", "HOME%2f@");
const rest = fc.constantFrom(
  ..."/ /token /v2/team/app/manifests/1 /../.. /%2e%2e /\\OTHER /@OTHER ?x=http://OTHER #HOME :99999 :0 :80 .OTHER".split(
    " ",
  ),
  "",
);
const place = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(start, login, host, rest).map((parts) => parts.join("")) },
  { weight: 1, arbitrary: fc.webUrl() },
  { weight: 1, arbitrary: fc.string({ unit: "binary-ascii", maxLength: 30 }) },
);
/** What a header can hold: one more fuzzed byte would only make the server of this test fail. */
const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, "");

const misdirections: readonly ((to: string) => Fault)[] = [
  (to) => status(307, { location: to }),
  (to) => status(301, { location: to, "www-authenticate": `Bearer realm="${to}"` }),
  (to) => status(401, { "www-authenticate": `Bearer realm="${to.replace(/["\\]/g, "\\$&")}"` }),
  (to) => status(401, { "www-authenticate": `Bearer realm="${to}",service="${to}",scope="${to}"` }),
  (to) => status(401, { "www-authenticate": `Basic realm="${to}", Bearer realm=${to}` }),
  (to) => ({
    do: "amend",
    status: 200,
    headers: { link: `<${to}>; rel="next"`, location: to, refresh: `0; url=${to}` },
    body: `{"token":"x","realm":${JSON.stringify(to)}}`,
  }),
];

describe("whatever a registry says", function () {
  // Hundreds of exchanges with a server: a second, and more on a busy machine.
  this.timeout(60_000);
  let home: FakeRegistry;
  let other: FakeRegistry;
  const credentials = { username: "deploy", password: "canary-password-51c2" };

  before(async () => {
    home = await FakeRegistry.start({ credentials });
    other = await FakeRegistry.start({ credentials });
    for (const registry of [home, other]) registry.putImage("team/app", image, "1");
  });
  after(async () => {
    await home.close();
    await other.close();
  });

  /** Asks the registry at home and lets no request leave for a server that is not of this test; all of them are noted. */
  async function ask(
    fault: FakeRegistry["fault"],
    call: (client: RegistryClient) => Promise<unknown>,
  ): Promise<{ readonly targets: readonly URL[]; readonly outcome: unknown }> {
    home.fault = fault;
    home.log.length = other.log.length = 0;
    const targets: URL[] = [];
    const stop = new AbortController();
    const client = new RegistryClient({
      registries: insecure([home], credentials),
      limits: QUICK,
      deadlineMs: 5_000,
      signal: stop.signal,
      onRequest: ({ url }) => {
        targets.push(new URL(url));
        if (![home.host, other.host].includes(new URL(url).host)) stop.abort();
      },
    });
    try {
      const outcome = await call(client).catch((error: unknown) => error);
      return { targets, outcome };
    } finally {
      client.close();
    }
  }

  const calls: readonly ((client: RegistryClient) => Promise<unknown>)[] = [
    async (client) => (await client.digests([imageIn(home, "team/app:1")]))[0],
    (client) => client.manifest(imageIn(home, "team/app:1"), "1"),
    (client) => client.blob(imageIn(home, "team/app:1"), image.index.digest),
  ];

  it("only servers on its own host and public ones with https are asked", async () => {
    let followed = 0;
    await holdsLater(
      fc.asyncProperty(
        place,
        fc.constantFrom(...misdirections),
        fc.constantFrom(...calls),
        fc.constantFrom("none", "bearer", "token"),
        async (fuzzed, misdirect, call, when) => {
          const to = printable(
            fuzzed.replaceAll("HOME", home.host).replaceAll("OTHER", other.host),
          );
          const { targets, outcome } = await ask(
            ({ kind, authorization }) =>
              (when === "token" && kind === "token") || (kind !== "token" && authorization === when)
                ? misdirect(to)
                : undefined,
            call,
          );
          assert.ok(targets.length >= 1 && targets.length <= 30, `${targets.length} requests`);
          for (const { protocol, hostname, host } of targets) {
            if (hostname === "127.0.0.1") continue;
            followed++;
            assert.equal(protocol, "https:", host);
            // No spelling of an address: those of the list above are internal, each of them.
            assert.doesNotMatch(hostname, /^[\d.]+$|^\[/, host);
          }
          if (outcome instanceof Error) {
            assert.ok(outcome instanceof RegistryError, String(outcome));
            assert.ok(outcome.message.length < 600, outcome.message);
          }
        },
      ),
      120,
    );
    // A test in which nothing is followed would prove nothing.
    assert.ok(followed > 5, `${followed} followed`);
  });

  it("another server gets no token and no password with a redirect", async () => {
    let reached = 0;
    await holdsLater(
      fc.asyncProperty(
        fc.constantFrom(301, 302, 303, 307, 308),
        fc.constantFrom("none", "basic", "bearer"),
        fc.constantFrom(...calls),
        fc.constantFrom("/", "/token", "/v2/team/app/manifests/1"),
        async (code, when, call, path) => {
          await ask(
            ({ authorization }) =>
              authorization === when
                ? status(code, { location: `http://${other.host}${path}` })
                : undefined,
            call,
          );
          reached += other.log.length;
          for (const { authorization } of other.log) assert.equal(authorization, "none");
        },
      ),
      100,
    );
    assert.ok(reached > 20, `${reached} reached`);
  });
});
