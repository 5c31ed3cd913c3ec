import assert from "node:assert/strict";

import { parse } from "yaml";

import { Ingress, Route, Tls } from "../../../../components/ingress";
import { dynamicConfig, staticConfig } from "../../../../components/services/traefik/config";
import { containerOf, fileOf, modelOf, realServices } from "../../../support/small-stack";

const SITE: Route = {
  service: "site",
  host: "example.test",
  target: "http://site:8080",
  container: "site",
  admin: false,
  probePath: "/",
};
const TOOL: Route = {
  service: "tool",
  host: "tool.example.test",
  target: "http://tool:9000",
  container: "tool",
  admin: true,
  healthPath: "/status",
  probePath: "/",
};
const DASHBOARD: Route = {
  ...{ service: "traefik", host: "traefik.example.test", container: "traefik" },
  ...{ target: "api@internal", admin: true, probePath: "/api/version" },
};
const NONE: Tls = { mode: "none" };
const SELF_SIGNED: Tls = { mode: "selfSigned" };
const ACME: Tls = { mode: "acme", email: "a@example.test", dnsProvider: "desec" };

const ingress = (tls: Tls, said: Partial<Ingress> = {}): Ingress => ({
  tls,
  publish: { address: "127.0.0.1", http: 8080, https: 8443 },
  adminAllow: ["192.0.2.0/24", "2001:db8::/32"],
  routes: [SITE, TOOL, DASHBOARD],
  ...said,
});

/** A file as Traefik reads it. */
interface Read extends Readonly<Record<string, unknown>> {
  readonly entryPoints: Readonly<Record<string, unknown>>;
  readonly http: {
    readonly routers: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    readonly services: Readonly<
      Record<string, { readonly loadBalancer: { readonly servers: readonly { url: string }[] } }>
    >;
    readonly middlewares: Readonly<Record<string, object>>;
  };
}
const staticOf = (tls: Tls): Read => parse(staticConfig(ingress(tls), "v3.6.4")) as Read;
const dynamicOf = (tls: Tls, said: Partial<Ingress> = {}): Read =>
  parse(dynamicConfig(ingress(tls, said))) as Read;

const ENCODED = `encodedCharacters:
        allowEncodedSlash: true
        allowEncodedBackSlash: false
        allowEncodedNullCharacter: false
        allowEncodedSemicolon: true
        allowEncodedPercent: true
        allowEncodedQuestionMark: true
        allowEncodedHash: true`;

describe("Traefik's static configuration", () => {
  it("redirects to the published HTTPS port with TLS", () => {
    assert.equal(
      staticConfig(ingress(SELF_SIGNED), "v3.6.4"),
      `global:
  checkNewVersion: false
  sendAnonymousUsage: false
log:
  level: INFO
api:
  dashboard: true
  insecure: false
ping:
  entryPoint: ping
entryPoints:
  ping:
    address: 127.0.0.1:8082
  web:
    address: :80
    transport:
      respondingTimeouts:
        readTimeout: 5s
        idleTimeout: 5s
    http:
      ${ENCODED}
      redirections:
        entryPoint:
          to: :8443
          scheme: https
          permanent: true
  websecure:
    address: :443
    transport:
      respondingTimeouts:
        readTimeout: 60s
        idleTimeout: 30s
    http:
      ${ENCODED}
providers:
  file:
    directory: /srv/traefik/dynamic
    watch: true
`,
    );
  });

  it("has one entry point for browsers without TLS", () => {
    const { entryPoints, ...rest } = staticOf(NONE);
    const { entryPoints: secure, ...same } = staticOf(SELF_SIGNED);
    assert.deepEqual(rest, same);
    // It also takes uploads, so it has the time limits of the one with TLS.
    const { address, ...same443 } = secure.websecure as { address: string };
    assert.equal(address, ":443");
    assert.deepEqual(entryPoints, { ping: secure.ping, web: { address: ":80", ...same443 } });
  });

  it("asks a certificate authority by DNS challenge with ACME, Traefik's default unless one is given", () => {
    const acme = {
      email: "a@example.test",
      storage: "/acme/acme.json",
      dnsChallenge: { provider: "desec" },
    };
    const { certificatesResolvers, ...rest } = staticOf(ACME);
    assert.deepEqual(certificatesResolvers, { acme: { acme } });
    assert.deepEqual(rest, staticOf(SELF_SIGNED));
    const caServer = "https://ca.test/dir";
    assert.deepEqual(staticOf({ ...ACME, caServer }).certificatesResolvers, {
      acme: { acme: { ...acme, caServer } },
    });
  });

  it("drops headers that some programs take for others, where the version knows the setting", () => {
    const entryPoints = (tag: string): Read["entryPoints"] =>
      (parse(staticConfig(ingress(SELF_SIGNED), tag)) as Read).entryPoints;
    for (const tag of ["v3.6.4", "v3.6.25", "v3.7.11", "v3.7"])
      assert.doesNotMatch(JSON.stringify(entryPoints(tag)), /aliasHeaders/, tag);
    for (const tag of ["v3.7.12", "v3.7.14", "v3.8", "latest"])
      for (const name of ["web", "websecure"])
        assert.match(
          JSON.stringify(entryPoints(tag)[name]),
          /"aliasHeadersStrategy":"delete"/,
          tag,
        );
  });

  it("leaves encoded characters out for versions that do not know the setting", () => {
    const entryPoints = (tag?: string): string =>
      JSON.stringify((parse(staticConfig(ingress(NONE), tag)) as Read).entryPoints);
    for (const tag of ["v3.6.3", "v3.5", "v3.6.2-alpine"])
      assert.doesNotMatch(entryPoints(tag), /encoded/i, tag);
    for (const tag of ["v3.6.4", "v3.7", "latest", undefined])
      assert.match(entryPoints(tag), /"encodedCharacters"/, tag);
  });
});

describe("Traefik's routes", () => {
  it("are for everybody or for administrators, with TLS", () => {
    assert.equal(
      dynamicConfig(ingress(SELF_SIGNED)).replace(/( {4}client-headers:\n)(?: {6}.*\n)+/, "$1"),
      `http:
  routers:
    site:
      rule: Host(\`example.test\`)
      service: site
      middlewares:
        - security-headers
        - client-headers
        - rate-limit
        - request-limit
        - try-again
      entryPoints:
        - websecure
      tls: {}
    tool:
      rule: Host(\`tool.example.test\`)
      service: tool
      middlewares:
        - security-headers
        - client-headers
        - admin-only
        - rate-limit
        - request-limit
        - try-again
      entryPoints:
        - websecure
      tls: {}
    traefik:
      rule: Host(\`traefik.example.test\`)
      service: api@internal
      middlewares:
        - security-headers
        - client-headers
        - admin-only
        - rate-limit
        - request-limit
        - try-again
      entryPoints:
        - websecure
      tls: {}
  services:
    site:
      loadBalancer:
        servers:
          - url: http://site:8080
        serversTransport: quick
    tool:
      loadBalancer:
        servers:
          - url: http://tool:9000
        serversTransport: quick
        healthCheck:
          path: /status
          interval: 10s
          timeout: 3s
  serversTransports:
    quick:
      forwardingTimeouts:
        dialTimeout: 500ms
  middlewares:
    admin-only:
      ipAllowList:
        sourceRange:
          - 192.0.2.0/24
          - 2001:db8::/32
    rate-limit:
      rateLimit:
        average: 200
        burst: 400
    request-limit:
      inFlightReq:
        amount: 500
        sourceCriterion:
          ipStrategy:
            depth: 0
    try-again:
      retry:
        attempts: 3
        initialInterval: 50ms
    client-headers:
    security-headers:
      headers:
        contentTypeNosniff: true
        customFrameOptionsValue: SAMEORIGIN
        referrerPolicy: strict-origin-when-cross-origin
        permissionsPolicy: camera=(), microphone=(), geolocation=()
        stsSeconds: 31536000
        customResponseHeaders:
          Server: ""
          X-Powered-By: ""
tls:
  certificates:
    - certFile: /run/secrets/traefik-tls/certificate.pem
      keyFile: /run/secrets/traefik-tls/certificate.pem
  options:
    default:
      minVersion: VersionTLS12
      cipherSuites:
        - TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
        - TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
        - TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
        - TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
        - TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
        - TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
      sniStrict: false
`,
    );
  });

  it("send an admin path of a public route to a port of its own, past the allow list only", () => {
    const adminPaths = [{ path: "/details", target: "http://site:8081" }];
    const { http } = dynamicOf(SELF_SIGNED, { routes: [{ ...SITE, adminPaths }] });
    const { site, "site-details": details } = http.routers;
    assert.equal(details?.rule, "Host(`example.test`) && PathPrefix(`/details`)");
    assert.deepEqual(
      [details.service, details.middlewares],
      ["site-details", (site?.middlewares as string[]).toSpliced(2, 0, "admin-only")],
    );
    assert.deepEqual([details.entryPoints, details.tls], [site?.entryPoints, site?.tls]);
    const servers = Object.entries(http.services).map(([name, { loadBalancer }]) => [
      name,
      ...loadBalancer.servers.map(({ url }) => url),
    ]);
    assert.deepEqual(servers, [
      ["site", "http://site:8080"],
      ["site-details", "http://site:8081"],
    ]);
  });

  const EDITOR: Route = {
    ...{ service: "editor", host: "editor.example.test", target: "http://editor:80" },
    ...{ container: "editor", admin: true, probePath: "/", publicPaths: ["/hook/", "/form/"] },
  };
  const OPEN_EDITOR: Route = {
    ...EDITOR,
    admin: false,
    adminPaths: [{ path: "/rest/owner.setup", target: EDITOR.target }],
  };

  it("for administrators have paths for everybody", () => {
    const { routers, middlewares } = dynamicOf(NONE, { routes: [EDITOR] }).http;
    const { "editor-public": open, editor } = routers;
    assert.equal(editor?.rule, "Host(`editor.example.test`)");
    assert.equal(
      open?.rule,
      "Host(`editor.example.test`) && (PathPrefix(`/hook/`) || PathPrefix(`/form/`))",
    );
    assert.deepEqual(
      [editor, open].map((router) => (router.middlewares as string[]).includes("admin-only")),
      [true, false],
    );
    assert.deepEqual([open.service, open.entryPoints], ["editor", ["web"]]);
    assert.ok("admin-only" in middlewares);
  });

  it("for everybody have paths for administrators, in any letter case", () => {
    const { "editor-admin": closed, "editor-public": open } = dynamicOf(NONE, {
      routes: [OPEN_EDITOR],
    }).http.routers;
    assert.equal(open, undefined);
    assert.equal(
      closed?.rule,
      "Host(`editor.example.test`) && (PathRegexp(`(?i)^/rest/owner\\.setup`))",
    );
    assert.ok((closed.middlewares as string[]).includes("admin-only"));
  });

  it("let nobody but Traefik itself in where a stack has no administrators", () => {
    for (const route of [EDITOR, OPEN_EDITOR])
      assert.deepEqual(
        dynamicOf(NONE, { adminAllow: [], routes: [route] }).http.middlewares["admin-only"],
        { ipAllowList: { sourceRange: ["127.0.0.1/32"] } },
      );
  });

  it("remove headers about the client that Traefik itself does not set, with underscores too", () => {
    const { middlewares } = dynamicOf(NONE).http;
    const { customRequestHeaders: removed = {} } = (
      middlewares["client-headers"] as {
        headers: { customRequestHeaders?: Readonly<Record<string, string>> };
      }
    ).headers;
    assert.deepEqual([...new Set(Object.values(removed))], [""]);
    for (const name of [
      ...["Forwarded", "X-Forwarded-Ssl", "X-Original-Url", "X-Rewrite-Url"],
      // CGI and WSGI read both spellings as the same variable.
      ...[
        "X_Forwarded_For",
        "X-Forwarded_For",
        "X_Forwarded-For",
        "X_Real_Ip",
        "X_Forwarded_Proto",
      ],
    ])
      assert.ok(name in removed, name);
    // Removing these would take away what Traefik sets.
    for (const name of ["X-Forwarded-For", "X-Forwarded-Proto", "X-Real-Ip", "X-Forwarded-Host"])
      assert.ok(!(name in removed), name);
  });

  it("use plain HTTP, without HSTS, where there is no TLS", () => {
    const { http, ...rest } = dynamicOf(NONE);
    assert.deepEqual(rest, {});
    for (const router of Object.values(http.routers))
      assert.deepEqual([router.entryPoints, router.tls], [["web"], undefined]);
    assert.doesNotMatch(JSON.stringify(http.middlewares), /stsSeconds/);
  });

  it("get certificates by ACME, and a client without a known name gets none", () => {
    const { http, tls } = dynamicOf(ACME);
    const { options } = dynamicOf(SELF_SIGNED).tls as { options: { default: object } };
    for (const router of Object.values(http.routers))
      assert.deepEqual(router.tls, { certResolver: "acme" });
    assert.deepEqual(tls, {
      options: { default: { ...options.default, sniStrict: true } },
    });
  });

  it("have no list of administrators where there are none", () => {
    const { http } = dynamicOf(NONE, { adminAllow: [], routes: [SITE] });
    assert.deepEqual(Object.keys(http.middlewares), [
      "rate-limit",
      "request-limit",
      "try-again",
      "client-headers",
      "security-headers",
    ]);
  });

  it("are written on one line each, without anchors", () => {
    const host = `${"long-".repeat(12)}name.example.test`;
    const text = dynamicConfig(ingress(ACME, { routes: [{ ...SITE, host }] }));
    assert.ok(text.includes(`      rule: Host(\`${host}\`)\n`));
    assert.doesNotMatch(dynamicConfig(ingress(ACME)), /[&*]a\d/);
  });
});

describe("the files of Traefik's container", () => {
  it("are made for its version and its stack", () => {
    const model = modelOf(realServices("traefik"), { images: { traefik: "traefik:v3.5" } });
    const container = containerOf(model, "traefik");
    assert.equal(
      fileOf(container, "/etc/traefik/traefik.yml"),
      staticConfig(model.ingress, "v3.5"),
    );
    assert.equal(
      fileOf(container, "/srv/traefik/dynamic/routes.yml"),
      dynamicConfig(model.ingress),
    );
  });
});
