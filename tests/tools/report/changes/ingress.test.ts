import assert from "node:assert/strict";

import { changes } from "../../../../tools/report/changes/changes";
import { StackView } from "../../../../tools/report/view/stack";
import { ACME, exampleView } from "../example-stack";

const base = exampleView();

const compared = (before: StackView, after: StackView): string[] =>
  changes(before, after).map(({ kind, subject, what }) => `${kind}: ${subject} ${what}`);

/** The view with other published ports of Traefik, as `docker ps` writes them. */
const publishing = (...ports: readonly string[]): StackView => ({
  ...base,
  ports: ports.map((text) => {
    const [, address = "", published, internal] = /^(.+):(\d+)->(\d+)$/.exec(text) ?? [];
    return {
      address: address.replace(/^\[|\]$/g, ""),
      published: Number(published),
      internal: Number(internal),
      protocol: "tcp",
      container: "traefik",
    };
  }),
});

describe("published ports compared", () => {
  const HTTP = "0.0.0.0:80->80";
  const HTTPS = "0.0.0.0:443->443";
  const come = (port: string): string => `weaker: traefik publishes ${port}/tcp`;
  const gone = (port: string): string => `stricter: traefik no longer publishes ${port}/tcp`;
  const instead = (kind: string, now: string, old: string): string =>
    `${kind}: traefik publishes ${now}/tcp instead of ${old}/tcp`;

  const cases: readonly (readonly [before: string, after: string, ...expected: string[]])[] = [
    // Another number of the same port of the container.
    [HTTP, "0.0.0.0:8080->80", instead("changed", "0.0.0.0:8080->80", HTTP)],
    [
      HTTP,
      "0.0.0.0:8080->80 0.0.0.0:8081->80",
      come("0.0.0.0:8081->80"),
      instead("changed", "0.0.0.0:8080->80", HTTP),
    ],
    [
      "0.0.0.0:8080->80 0.0.0.0:8081->80",
      HTTP,
      gone("0.0.0.0:8081->80"),
      instead("changed", HTTP, "0.0.0.0:8080->80"),
    ],
    // Each in the other's place.
    [
      `${HTTP} ${HTTPS}`,
      "0.0.0.0:443->80 0.0.0.0:80->443",
      instead("changed", "0.0.0.0:443->80", HTTP),
      instead("changed", "0.0.0.0:80->443", HTTPS),
    ],
    // Another port of the container behind the same number.
    [HTTP, "0.0.0.0:80->8080", come("0.0.0.0:80->8080"), gone(HTTP)],
    // Fewer or more who reach it.
    [HTTP, "127.0.0.1:80->80", instead("stricter", "127.0.0.1:80->80", HTTP)],
    ["127.0.0.1:80->80", HTTP, come(HTTP)],
    [HTTP, "127.0.0.1:8080->80", instead("stricter", "127.0.0.1:8080->80", HTTP)],
    ["127.0.0.1:8080->80", HTTP, come(HTTP), gone("127.0.0.1:8080->80")],
    [
      HTTP,
      "127.0.0.1:80->80 10.0.0.1:80->80",
      instead("stricter", "127.0.0.1:80->80", HTTP),
      instead("stricter", "10.0.0.1:80->80", HTTP),
    ],
    ["127.0.0.1:80->80 10.0.0.1:80->80", HTTP, come(HTTP)],
    ["10.0.0.1:80->80", "10.0.0.2:80->80", come("10.0.0.2:80->80"), gone("10.0.0.1:80->80")],
    ["127.0.0.1:80->80", "[::1]:80->80", instead("changed", "[::1]:80->80", "127.0.0.1:80->80")],
    // Both families on `::`.
    [HTTP, "[::]:80->80", come("[::]:80->80")],
    ["[::]:80->80", HTTP, instead("stricter", HTTP, "[::]:80->80")],
    ["[::]:80->80", "203.0.113.5:80->80", instead("stricter", "203.0.113.5:80->80", "[::]:80->80")],
    [HTTP, "[2001:db8::5]:80->80", come("[2001:db8::5]:80->80"), gone(HTTP)],
    // The same in another spelling.
    ["[::0]:80->80", "[::]:80->80"],
    ["[::1]:80->80", "[0:0:0:0:0:0:0:1]:80->80"],
    [HTTP, "[::ffff:0.0.0.0]:80->80"],
  ];
  for (const [before, after, ...expected] of cases)
    it(`are, ${before} and then ${after}, ${expected.join(" and ") || "the same"}`, () => {
      const [old, now] = [before, after].map((text) => publishing(...text.split(" ")));
      assert.deepEqual(compared(old ?? base, now ?? base), expected);
    });
});

describe("a step of TLS", () => {
  const LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory";
  const STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory";
  const views = {
    none: exampleView({ tls: { mode: "none" } }),
    selfSigned: exampleView({ tls: { mode: "selfSigned" } }),
    staging: exampleView({ tls: { ...ACME, caServer: STAGING } }),
    acme: base,
  };
  type Mode = keyof typeof views;

  const WORDS = {
    none: "plain HTTP",
    selfSigned: "HTTPS with a self-signed certificate",
    staging: "HTTPS with certificates of a test CA",
    acme: "HTTPS with ACME certificates",
  };
  const PORT = "publishes 0.0.0.0:443->443/tcp";
  const more = {
    port: `changed: traefik ${PORT}, for TLS`,
    token: "changed: traefik reads acmeDnsToken, for TLS",
    volume: "changed: traefik writes to traefik-acme, a new volume",
  };
  const less = {
    port: `stricter: traefik no longer ${PORT}`,
    token: "stricter: traefik no longer reads acmeDnsToken",
    volume: "changed: traefik no longer writes to traefik-acme",
  };

  const cases: readonly (readonly [Mode, Mode, string, ...string[]])[] = [
    ["none", "selfSigned", "stricter", more.port],
    ["none", "acme", "stricter", more.port, more.token, more.volume],
    ["none", "staging", "stricter", more.port, more.token, more.volume],
    ["selfSigned", "acme", "stricter", more.token, more.volume],
    ["selfSigned", "staging", "changed", more.token, more.volume],
    ["selfSigned", "none", "weaker", less.port],
    ["acme", "none", "weaker", less.port, less.token, less.volume],
    ["acme", "selfSigned", "weaker", less.token, less.volume],
  ];
  for (const [was, is, kind, ...rest] of cases)
    it(`from ${was} to ${is} is ${kind}, and: ${rest.join(", ")}`, () => {
      const step = `${kind}: ingress serves ${WORDS[is]} instead of ${WORDS[was]}`;
      // What Traefik publishes has another reason with each mode.
      const found = compared(views[was], views[is]);
      assert.deepEqual([...found].sort(), [step, ...rest].sort());
    });

  it("from a test CA to one that browsers trust is stricter, and nothing else", () => {
    assert.deepEqual(compared(views.staging, views.acme), [
      `stricter: ingress takes certificates from ${LETS_ENCRYPT} instead of ${STAGING}`,
    ]);
  });

  const extra = { published: 8443, protocol: "tcp", address: "0.0.0.0" } as const;
  const readers = (...said: StackView["secrets"][number]["readers"]): StackView => ({
    ...views.acme,
    secrets: [{ name: "acmeDnsToken", readers: said }],
  });
  const weak: readonly (readonly [string, StackView, StackView, ...string[]])[] = [
    [
      "a further port, and the same one of another container",
      views.none,
      {
        ...views.selfSigned,
        ports: [
          ...views.selfSigned.ports,
          { ...extra, container: "traefik", internal: 8080 },
          { ...extra, container: "db", internal: 443 },
        ],
      },
      "weaker: traefik publishes 0.0.0.0:8443->8080/tcp",
      "weaker: db publishes 0.0.0.0:8443->443/tcp",
    ],
    [
      "ports that more people reach",
      exampleView({
        tls: { mode: "none" },
        publish: { address: "127.0.0.1", http: 80, https: 443 },
      }),
      views.selfSigned,
      "weaker: traefik publishes 0.0.0.0:80->80/tcp",
      `weaker: traefik ${PORT}`,
    ],
    [
      "another reader of the token, and one from its environment",
      { ...views.selfSigned, secrets: [] },
      readers(
        { container: "app", by: "file", at: "/x" },
        { container: "traefik", by: "environment", at: "X" },
      ),
      "weaker: traefik has acmeDnsToken in its environment as X",
      "weaker: app reads acmeDnsToken",
    ],
    [
      "the port and the token without the TLS that needs them",
      { ...views.none, secrets: [] },
      { ...readers({ container: "traefik", by: "file", at: "/x" }), ingress: views.none.ingress },
      `weaker: traefik ${PORT}`,
      "weaker: traefik reads acmeDnsToken",
    ],
    [
      "the token where certificates came from a CA before",
      { ...views.acme, secrets: [] },
      readers({ container: "traefik", by: "file", at: "/x" }),
      "weaker: traefik reads acmeDnsToken",
    ],
  ];
  for (const [name, was, is, ...expected] of weak)
    it(`does not excuse ${name}`, () => {
      assert.deepEqual(
        compared(was, is).filter((line) => line.startsWith("weaker")),
        expected,
      );
    });
});
