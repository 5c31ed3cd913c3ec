import assert from "node:assert/strict";

import { changes } from "../../../../tools/report/changes/changes";
import { EntranceView, RouteView } from "../../../../tools/report/view/entrance";
import { StackView, stackView } from "../../../../tools/report/view/stack";
import { goldenModel } from "../../../support/golden-stack";

let base: StackView;
before(async () => {
  base = stackView(await goldenModel());
});

const LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory";
const STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory";
const GENERATED_POLICY =
  "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const entrance = (said: Partial<EntranceView>): StackView => ({
  ...base,
  entrance: { ...base.entrance, ...said },
});
const route = (service: string, said: Partial<RouteView>): StackView =>
  entrance({
    routes: base.entrance.routes.map((one) =>
      one.service === service ? { ...one, ...said } : one,
    ),
  });
const changed = (before: StackView, after: StackView): string[] =>
  changes(before, after).map(({ kind, subject, what }) => `${kind}: ${subject}: ${what}`);

describe("the way in of two reports compared", () => {
  // What is said after a change, and what when it is taken back.
  const cases: readonly (readonly [
    string,
    () => StackView,
    readonly string[],
    readonly string[],
  ])[] = [
    [
      "plain HTTP",
      () => entrance({ tls: "none" }),
      ["weaker: entrance: TLS none instead of acme"],
      ["stricter: entrance: TLS acme instead of none"],
    ],
    [
      "a certificate that nobody vouches for",
      () => entrance({ tls: "selfSigned" }),
      ["weaker: entrance: TLS selfSigned instead of acme"],
      ["stricter: entrance: TLS acme instead of selfSigned"],
    ],
    [
      "a CA that nobody trusts",
      () => entrance({ caServer: STAGING }),
      [`weaker: entrance: certificates from ${STAGING} instead of ${LETS_ENCRYPT}`],
      [`stricter: entrance: certificates from ${LETS_ENCRYPT} instead of ${STAGING}`],
    ],
    [
      "a CA of which nobody knows more",
      () => entrance({ caServer: "https://ca.example.test/directory" }),
      [
        `changed: entrance: certificates from https://ca.example.test/directory instead of ${LETS_ENCRYPT}`,
      ],
      [
        `changed: entrance: certificates from ${LETS_ENCRYPT} instead of https://ca.example.test/directory`,
      ],
    ],
    [
      "another DNS provider",
      () => entrance({ dnsProvider: "hetzner" }),
      ["changed: entrance: DNS records by hetzner instead of cloudflare"],
      ["changed: entrance: DNS records by cloudflare instead of hetzner"],
    ],
    [
      "another policy of the homepage",
      () => entrance({ contentSecurityPolicy: "frame-ancestors 'self'" }),
      [
        `changed: homepage: Content-Security-Policy frame-ancestors 'self' instead of ${GENERATED_POLICY}`,
      ],
      [
        `changed: homepage: Content-Security-Policy ${GENERATED_POLICY} instead of frame-ancestors 'self'`,
      ],
    ],
    [
      "administrators from everywhere",
      () => entrance({ adminAllow: ["0.0.0.0/0"] }),
      ["weaker: entrance: lets administrators in from 0.0.0.0/0"],
      ["stricter: entrance: no longer lets administrators in from all of 0.0.0.0/0"],
    ],
    [
      "one more network of administrators",
      () => entrance({ adminAllow: ["192.0.2.0/24", "2001:db8::/64"] }),
      ["weaker: entrance: lets administrators in from 2001:db8::/64"],
      ["stricter: entrance: no longer lets administrators in from all of 2001:db8::/64"],
    ],
    [
      "the same network in two halves",
      () => entrance({ adminAllow: ["192.0.2.128/25", "192.0.2.0/25"] }),
      [],
      [],
    ],
    [
      "a route for administrators that is open to everybody",
      () => route("portainer", { admin: false }),
      ["weaker: portainer: is open to everybody, no longer to administrators"],
      ["stricter: portainer: is open to administrators, no longer to everybody"],
    ],
    [
      "another name of a route",
      () => route("n8n", { host: "flows.example.test" }),
      ["changed: n8n: is flows.example.test instead of n8n.example.test"],
      ["changed: n8n: is n8n.example.test instead of flows.example.test"],
    ],
    [
      "a route to what had none",
      () =>
        entrance({
          routes: [
            ...base.entrance.routes,
            { host: "db.example.test", service: "postgres", admin: false },
            { host: "proxy.example.test", service: "socket-proxy", admin: true },
          ],
        }),
      [
        "weaker: postgres: is served to everybody as db.example.test",
        "weaker: socket-proxy: is served to administrators as proxy.example.test",
      ],
      [
        "stricter: postgres: is no longer served as db.example.test",
        "stricter: socket-proxy: is no longer served as proxy.example.test",
      ],
    ],
    [
      "more of the Docker socket",
      () => ({
        ...base,
        socketReads: base.socketReads.map((one) =>
          one.container === "socket-proxy-cadvisor"
            ? { ...one, reads: [...one.reads, "ANY /containers/create"] }
            : one,
        ),
      }),
      ["weaker: socket-proxy-cadvisor: lets through ANY /containers/create"],
      ["stricter: socket-proxy-cadvisor: no longer lets through ANY /containers/create"],
    ],
  ];
  for (const [name, after, there, back] of cases)
    it(`tells of ${name}: ${there.join(" and ") || "nothing"}; and the opposite of its end`, () => {
      assert.deepEqual(changed(base, after()), there);
      assert.deepEqual(changed(after(), base), back);
    });
});

describe("a step of TLS", () => {
  const acme = { mode: "acme", email: "admin@example.test", dnsProvider: "cloudflare" };
  const modes = {
    none: { mode: "none" },
    selfSigned: { mode: "selfSigned" },
    staging: { ...acme, caServer: STAGING },
    acme,
  } as const;
  type Mode = keyof typeof modes;
  const views = new Map<string, StackView>();
  before(async () => {
    for (const [mode, tls] of Object.entries(modes))
      views.set(mode, stackView(await goldenModel({ tls })));
  });
  const view = (mode: Mode): StackView => views.get(mode) ?? assert.fail(mode);

  const PORT = "publishes 0.0.0.0:443->443/tcp";
  const better = {
    port: `changed: traefik: ${PORT}, for TLS`,
    volume: "changed: traefik: writes to traefik-acme, a new volume",
    token: "changed: traefik: reads acmeDnsToken, for TLS",
  };
  const less = {
    port: `stricter: traefik: no longer ${PORT}`,
    volume: "changed: traefik: no longer writes to traefik-acme",
    token: "stricter: traefik: no longer reads acmeDnsToken",
  };
  const tls = (kind: string, now: string, was: string): string =>
    `${kind}: entrance: TLS ${now} instead of ${was}`;
  const TESTS = "acme by a CA for tests";

  const cases: readonly (readonly [Mode, Mode, readonly string[]])[] = [
    ["none", "selfSigned", [tls("stricter", "selfSigned", "none"), better.port]],
    ["none", "acme", [tls("stricter", "acme", "none"), better.port, better.volume, better.token]],
    ["none", "staging", [tls("stricter", TESTS, "none"), better.port, better.volume, better.token]],
    ["selfSigned", "acme", [tls("stricter", "acme", "selfSigned"), better.volume, better.token]],
    ["selfSigned", "staging", [tls("changed", TESTS, "selfSigned"), better.volume, better.token]],
    [
      "staging",
      "acme",
      [`stricter: entrance: certificates from ${LETS_ENCRYPT} instead of ${STAGING}`],
    ],
    ["selfSigned", "none", [tls("weaker", "none", "selfSigned"), less.port]],
    ["acme", "none", [tls("weaker", "none", "acme"), less.port, less.token, less.volume]],
    ["acme", "selfSigned", [tls("weaker", "selfSigned", "acme"), less.token, less.volume]],
  ];
  for (const [was, is, expected] of cases)
    it(`from ${was} to ${is} is: ${expected.join(" and ")}`, () => {
      assert.deepEqual(changed(view(was), view(is)), expected);
    });

  const extra = { published: 8443, protocol: "tcp", address: "0.0.0.0" };
  const ports = (view: StackView, address: string): StackView => ({
    ...view,
    ports: view.ports.map((port) => ({ ...port, address })),
  });
  const weak: readonly (readonly [string, () => StackView, () => StackView, readonly string[]])[] =
    [
      [
        "a further port",
        () => view("none"),
        () => ({
          ...view("selfSigned"),
          ports: [
            ...view("selfSigned").ports,
            { ...extra, container: "traefik", internal: 8080 },
            { ...extra, container: "n8n", internal: 443 },
          ],
        }),
        [
          "weaker: traefik: publishes 0.0.0.0:8443->8080/tcp",
          "weaker: n8n: publishes 0.0.0.0:8443->443/tcp",
        ],
      ],
      [
        "ports that more people reach",
        () => ports(view("none"), "127.0.0.1"),
        () => view("selfSigned"),
        [
          "weaker: traefik: publishes 0.0.0.0:80->80/tcp",
          "weaker: traefik: publishes 0.0.0.0:443->443/tcp",
        ],
      ],
      [
        "another reader of the token, and one from its environment",
        () => view("selfSigned"),
        () => ({
          ...view("acme"),
          secrets: view("acme").secrets.map((secret) =>
            secret.name !== "acmeDnsToken"
              ? secret
              : {
                  ...secret,
                  readers: [
                    { container: "n8n", by: "file" as const, at: "/x" },
                    { container: "traefik", by: "environment" as const, at: "X" },
                  ],
                },
          ),
        }),
        ["weaker: n8n: reads acmeDnsToken", "weaker: traefik: reads acmeDnsToken"],
      ],
      [
        "the token where TLS was acme before",
        () => ({ ...view("acme"), secrets: [] }),
        () => ({
          ...view("acme"),
          secrets: view("acme").secrets.filter(({ name }) => name === "acmeDnsToken"),
        }),
        ["weaker: traefik: reads acmeDnsToken"],
      ],
    ];
  for (const [name, was, is, expected] of weak)
    it(`does not excuse ${name}`, () => {
      assert.deepEqual(
        changed(was(), is()).filter((line) => line.startsWith("weaker")),
        expected,
      );
    });
});
