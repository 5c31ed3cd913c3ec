import assert from "node:assert/strict";

import { DNS_PROVIDERS, DnsProvider, Tls } from "../../../../components/ingress";
import { parseReference } from "../../../../images/reference";
import { expectHardened } from "../../../support/hardened";
import { containerOf, modelOf, realServices, Said, service } from "../../../support/small-stack";

const SITE = service("site", {}, { route: { target: 8080, admin: false } });
const TOOL = service("tool", {}, { route: { target: 9000, admin: true } });
const PUBLISH = { address: "127.0.0.1", http: 8080, https: 8443 };
const acme = (dnsProvider: DnsProvider): Tls => ({
  mode: "acme",
  email: "a@example.test",
  dnsProvider,
});

const traefik = (tls: Tls, said: Said = {}) =>
  containerOf(
    modelOf([...realServices("traefik"), SITE, TOOL], { tls, publish: PUBLISH, ...said }),
    "traefik",
  );

const FILES = [
  "files traefik-config /etc/traefik: traefik.yml",
  "files traefik-routes /srv/traefik: dynamic/routes.yml",
];
const REST = {
  tmpfs: { "/tmp": 16 },
  networks: ["edge", "traefik-site", "traefik-tool"],
  order: "stop-first",
} as const;
const controls = (...publishedPorts: readonly number[]) => ({
  cpus: 1,
  // For 10,000 slow connections and more.
  memoryMiB: 512,
  openFiles: 16384,
  outsideNetworks: ["edge"],
  publishedPorts,
});

describe("Traefik", () => {
  it("publishes one port without TLS, and reads its routes from files", () => {
    expectHardened(traefik({ mode: "none" }), {
      ...REST,
      controls: controls(80),
      mounts: FILES,
      ports: ["127.0.0.1:8080:80"],
    });
  });

  it("publishes HTTPS too with certificates of its own", () => {
    expectHardened(traefik({ mode: "selfSigned" }), {
      ...REST,
      controls: controls(80, 443),
      mounts: [
        ...FILES,
        "secrets traefik-certificate /run/secrets/traefik-tls: certificate.pem=selfSignedCertificate",
      ],
      ports: ["127.0.0.1:8080:80", "127.0.0.1:8443:443"],
    });
  });

  it("has its DNS token in a file and its certificates in a volume with ACME", () => {
    expectHardened(traefik(acme("desec")), {
      ...REST,
      controls: controls(80, 443),
      mounts: [
        ...FILES,
        "secrets traefik-dns-token /run/secrets/traefik: dns-token=acmeDnsToken",
        "data traefik-acme /acme (chown)",
      ],
      ports: ["127.0.0.1:8080:80", "127.0.0.1:8443:443"],
    });
  });

  for (const [provider, variable] of Object.entries(DNS_PROVIDERS))
    it(`tells the ACME client of ${provider} where the token is`, () => {
      assert.deepEqual(traefik(acme(provider as DnsProvider)).environment, {
        [variable]: "/run/secrets/traefik/dns-token",
      });
    });

  it("shares no network with a service that nobody may reach", () => {
    const { networks } = traefik({ mode: "none" }, { adminAllow: [] });
    assert.deepEqual(
      networks.map(({ name }) => name),
      ["edge", "traefik-site"],
    );
  });

  it("is asked for every route, but not where certificates may be missing", () => {
    const question = (tls: Tls): string => {
      const { question: asked } = traefik(tls);
      return asked !== undefined && "command" in asked ? (asked.command.at(-1) ?? "") : "";
    };
    for (const [tls, scheme] of [
      [{ mode: "none" }, "http"],
      [{ mode: "selfSigned" }, "https"],
    ] as const)
      for (const name of ["site", "tool"])
        assert.ok(
          question(tls).includes(`--header 'Host: ${name}.example.test' ${scheme}://127.0.0.1/ `),
          `${name} in ${question(tls)}`,
        );
    assert.equal(question(acme("desec")), "");
  });

  it("is new enough for rules about paths", () => {
    const problem = (tag: string) =>
      realServices("traefik")[0]?.image.problem?.(parseReference(`traefik:${tag}`), {});
    for (const tag of ["v2.11", "v3.4.0", "v3.3.6", "v3.4.0-rc2"])
      assert.match(problem(tag) ?? "", /^expected v3\.4\.1 or newer, got/, tag);
    for (const tag of ["v3.4.1", "v3.6.4", "v3", "latest"])
      assert.equal(problem(tag), undefined, tag);
  });

  it("shows its dashboard to administrators", () => {
    const [route] = modelOf(realServices("traefik")).ingress.routes;
    assert.deepEqual(
      [route?.host, route?.target, route?.admin, route?.probePath],
      ["traefik.example.test", "api@internal", true, "/api/version"],
    );
  });
});
