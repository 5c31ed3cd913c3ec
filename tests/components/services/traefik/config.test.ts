import assert from "node:assert/strict";

import { parse } from "yaml";

import {
  dynamicConfig,
  openRoutes,
  Route,
  staticConfig,
  Tls,
  TraefikSettings,
} from "../../../../components/services/traefik/config";

const HOMEPAGE: Route = {
  service: "homepage",
  host: "example.test",
  url: "http://homepage:8080",
  admin: false,
};
const PORTAINER: Route = {
  service: "portainer",
  host: "portainer.example.test",
  url: "http://portainer:9000",
  admin: true,
  healthPath: "/api/system/status",
};
const ACME: Tls = { mode: "acme", email: "a@example.test", dnsProvider: "desec" };

const settings = (tls: Tls, adminAllow: readonly string[] = []): TraefikSettings => ({
  routes: [HOMEPAGE, PORTAINER],
  tls,
  publish: { address: "127.0.0.1", http: 8080, https: 8443 },
  adminAllow,
  dashboardHost: "traefik.example.test",
});

describe("Traefik's static configuration", () => {
  it("has one entry point over plain HTTP without TLS", () => {
    assert.equal(
      staticConfig(settings({ mode: "none" }), "v3.6.4"),
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
    http:
      encodedCharacters:
        allowEncodedSlash: true
        allowEncodedBackSlash: false
        allowEncodedNullCharacter: false
        allowEncodedSemicolon: true
        allowEncodedPercent: true
        allowEncodedQuestionMark: true
        allowEncodedHash: true
providers:
  file:
    directory: /etc/traefik/dynamic
    watch: false
`,
    );
  });

  it("redirects to the published HTTPS port with certificates of its own making", () => {
    assert.equal(
      staticConfig(settings({ mode: "selfSigned" }), "v3.6.4"),
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
    http:
      encodedCharacters:
        allowEncodedSlash: true
        allowEncodedBackSlash: false
        allowEncodedNullCharacter: false
        allowEncodedSemicolon: true
        allowEncodedPercent: true
        allowEncodedQuestionMark: true
        allowEncodedHash: true
      redirections:
        entryPoint:
          to: :8443
          scheme: https
          permanent: true
  websecure:
    address: :443
    http:
      encodedCharacters:
        allowEncodedSlash: true
        allowEncodedBackSlash: false
        allowEncodedNullCharacter: false
        allowEncodedSemicolon: true
        allowEncodedPercent: true
        allowEncodedQuestionMark: true
        allowEncodedHash: true
providers:
  file:
    directory: /etc/traefik/dynamic
    watch: false
`,
    );
  });

  it("asks a certificate authority by DNS challenge with ACME", () => {
    assert.equal(
      staticConfig(settings({ ...ACME, caServer: "https://ca.test/dir" }), "v3.6.4"),
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
    http:
      encodedCharacters:
        allowEncodedSlash: true
        allowEncodedBackSlash: false
        allowEncodedNullCharacter: false
        allowEncodedSemicolon: true
        allowEncodedPercent: true
        allowEncodedQuestionMark: true
        allowEncodedHash: true
      redirections:
        entryPoint:
          to: :8443
          scheme: https
          permanent: true
  websecure:
    address: :443
    http:
      encodedCharacters:
        allowEncodedSlash: true
        allowEncodedBackSlash: false
        allowEncodedNullCharacter: false
        allowEncodedSemicolon: true
        allowEncodedPercent: true
        allowEncodedQuestionMark: true
        allowEncodedHash: true
providers:
  file:
    directory: /etc/traefik/dynamic
    watch: false
certificatesResolvers:
  acme:
    acme:
      email: a@example.test
      storage: /acme/acme.json
      caServer: https://ca.test/dir
      dnsChallenge:
        provider: desec
`,
    );
  });

  it("says nothing of encoded characters to a version that does not know them", () => {
    const entryPoints = (tag: string | undefined): unknown =>
      (parse(staticConfig(settings({ mode: "none" }), tag)) as Record<string, unknown>).entryPoints;
    for (const tag of ["v3.6.3", "v3.5", "v3.6.2-alpine"])
      assert.doesNotMatch(JSON.stringify(entryPoints(tag)), /encoded/i, tag);
    for (const tag of ["v3.6.4", "v3.7", "latest", undefined])
      assert.match(JSON.stringify(entryPoints(tag)), /"encodedCharacters"/, tag);
  });

  it("leaves the authority to Traefik's default where none is given", () => {
    assert.deepEqual(
      (parse(staticConfig(settings(ACME), "v3.6.4")) as Record<string, unknown>)
        .certificatesResolvers,
      {
        acme: {
          acme: {
            email: "a@example.test",
            storage: "/acme/acme.json",
            dnsChallenge: { provider: "desec" },
          },
        },
      },
    );
  });
});

describe("Traefik's routes", () => {
  it("are only those for everybody where no network is allowed in", () => {
    assert.equal(
      dynamicConfig(settings({ mode: "none" })),
      `http:
  routers:
    homepage:
      rule: Host(\`example.test\`)
      service: homepage
      middlewares:
        - security-headers
        - rate-limit
        - try-again
      entryPoints:
        - web
  services:
    homepage:
      loadBalancer:
        servers:
          - url: http://homepage:8080
        serversTransport: quick
  serversTransports:
    quick:
      forwardingTimeouts:
        dialTimeout: 500ms
  middlewares:
    rate-limit:
      rateLimit:
        average: 200
        burst: 400
    try-again:
      retry:
        attempts: 3
        initialInterval: 50ms
    security-headers:
      headers:
        contentTypeNosniff: true
        customFrameOptionsValue: SAMEORIGIN
        referrerPolicy: strict-origin-when-cross-origin
        permissionsPolicy: camera=(), microphone=(), geolocation=()
        customResponseHeaders:
          Server: ""
          X-Powered-By: ""
`,
    );
  });

  it("are for admins, too, from the networks that are allowed in", () => {
    assert.equal(
      dynamicConfig(settings({ mode: "selfSigned" }, ["192.0.2.0/24", "2001:db8::/32"])),
      `http:
  routers:
    homepage:
      rule: Host(\`example.test\`)
      service: homepage
      middlewares:
        - security-headers
        - rate-limit
        - try-again
      entryPoints:
        - websecure
      tls: {}
    portainer:
      rule: Host(\`portainer.example.test\`)
      service: portainer
      middlewares:
        - security-headers
        - admin-only
        - rate-limit
        - try-again
      entryPoints:
        - websecure
      tls: {}
    dashboard:
      rule: Host(\`traefik.example.test\`)
      service: api@internal
      middlewares:
        - security-headers
        - admin-only
        - rate-limit
        - try-again
      entryPoints:
        - websecure
      tls: {}
  services:
    homepage:
      loadBalancer:
        servers:
          - url: http://homepage:8080
        serversTransport: quick
    portainer:
      loadBalancer:
        servers:
          - url: http://portainer:9000
        serversTransport: quick
        healthCheck:
          path: /api/system/status
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
    try-again:
      retry:
        attempts: 3
        initialInterval: 50ms
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
  options:
    default:
      minVersion: VersionTLS12
      sniStrict: false
`,
    );
  });

  it("get their certificates by ACME, and nobody without a known name gets one", () => {
    assert.equal(
      dynamicConfig(settings(ACME, ["192.0.2.0/24"])),
      `http:
  routers:
    homepage:
      rule: Host(\`example.test\`)
      service: homepage
      middlewares:
        - security-headers
        - rate-limit
        - try-again
      entryPoints:
        - websecure
      tls:
        certResolver: acme
    portainer:
      rule: Host(\`portainer.example.test\`)
      service: portainer
      middlewares:
        - security-headers
        - admin-only
        - rate-limit
        - try-again
      entryPoints:
        - websecure
      tls:
        certResolver: acme
    dashboard:
      rule: Host(\`traefik.example.test\`)
      service: api@internal
      middlewares:
        - security-headers
        - admin-only
        - rate-limit
        - try-again
      entryPoints:
        - websecure
      tls:
        certResolver: acme
  services:
    homepage:
      loadBalancer:
        servers:
          - url: http://homepage:8080
        serversTransport: quick
    portainer:
      loadBalancer:
        servers:
          - url: http://portainer:9000
        serversTransport: quick
        healthCheck:
          path: /api/system/status
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
    rate-limit:
      rateLimit:
        average: 200
        burst: 400
    try-again:
      retry:
        attempts: 3
        initialInterval: 50ms
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
  options:
    default:
      minVersion: VersionTLS12
      sniStrict: true
`,
    );
  });

  it("are not open for admins when nobody may use them", () => {
    assert.deepEqual(openRoutes(settings({ mode: "none" })), [HOMEPAGE]);
    assert.deepEqual(openRoutes(settings({ mode: "none" }, ["192.0.2.0/24"])), [
      HOMEPAGE,
      PORTAINER,
    ]);
  });

  it("stay on one line each, however long, and repeat no anchors", () => {
    const host = `${"long-".repeat(12)}name.example.test`;
    const long = { ...settings({ mode: "selfSigned" }), routes: [{ ...HOMEPAGE, host }] };
    assert.ok(dynamicConfig(long).includes(`      rule: Host(\`${host}\`)\n`));
    assert.doesNotMatch(dynamicConfig(settings(ACME, ["192.0.2.0/24"])), /[&*]a\d/);
  });
});
