/** Traefik's static and dynamic configuration file. Pure. Reference: https://doc.traefik.io/traefik/v3.7/ */
import { stringify } from "yaml";

import { isOlder } from "../../../images/tag-version";
import { DASHBOARD, Ingress, IngressSettings, isSecure, publicUrl, Route } from "../../ingress";

/** For the health check; reachable only inside the container. */
const PING_ADDRESS = "127.0.0.1:8082";

/** For services that share a network with Traefik; not published on the host. */
const METRICS_ADDRESS = ":8083";

export const ACME_FOLDER = "/acme";
/** Private key and certificate in one file, for `selfSigned`. */
export const TLS_FOLDER = "/run/secrets/traefik-tls";
export const TLS_FILE = "certificate.pem";
export const CONFIG_FOLDER = "/etc/traefik";
/** Traefik watches a folder in it, so that files can be completed beside that. */
export const ROUTES_FOLDER = "/srv/traefik";

/** Requests per second and burst, per client. The n8n editor loads about 200 files when it opens. */
const RATE_LIMIT = { average: 200, burst: 400 } as const;

/**
 * Requests of one client that are open at the same time, against slow uploads: each also holds a connection to a service.
 * Without `ipStrategy`, Traefik would count per host name instead of per client.
 */
const REQUEST_LIMIT = { amount: 500, sourceCriterion: { ipStrategy: { depth: 0 } } } as const;

/**
 * How long a connection may take to send a request, and may wait for the next one. Slow clients would otherwise use up all
 * connections. An entry point that only redirects needs no long requests. The others take uploads, such as those to
 * webhooks: 60 seconds are Traefik's default.
 */
const REDIRECT_TIMEOUTS = { readTimeout: "5s", idleTimeout: "5s" } as const;
const SERVICE_TIMEOUTS = { readTimeout: "60s", idleTimeout: "30s" } as const;

/**
 * While a container is replaced, the service name may still resolve to the old container, which no longer answers. A short
 * dial timeout and retries bridge that time. Traefik retries only requests that got no response.
 */
const DIAL_TIMEOUT = "500ms";
const RETRY = { attempts: 3, initialInterval: "50ms" } as const;

/** For TLS 1.2: forward secrecy and authenticated encryption only. Go always uses such suites for TLS 1.3. */
const CIPHER_SUITES = [
  "AES_128_GCM_SHA256",
  "AES_256_GCM_SHA384",
  "CHACHA20_POLY1305_SHA256",
].flatMap((suite) => ["ECDSA", "RSA"].map((key) => `TLS_ECDHE_${key}_WITH_${suite}`));

/** Headers about the client that Traefik sets itself. It removes or overwrites those of the client. */
const SET_BY_TRAEFIK = [
  ...["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix"],
  ...["X-Forwarded-Proto", "X-Forwarded-Server", "X-Real-Ip"],
];
/** Headers about the client that Traefik would pass on unchanged. */
const PASSED_ON = ["Forwarded", "X-Forwarded-Ssl", "X-Original-Url", "X-Rewrite-Url"];

/** `X-Real-Ip` and its spellings with underscores, which some services do not tell apart from it. */
const spellings = (header: string): string[] =>
  header
    .split("-")
    .reduce<string[]>(
      (heads, part) =>
        heads.length === 0
          ? [part]
          : heads.flatMap((head) => [`${head}-${part}`, `${head}_${part}`]),
      [],
    );

/** Who has logged in, as the common programs say it. Only the answer of a login service sets them. */
const IDENTITY = [
  ...["Remote-User", "Remote-Groups", "Remote-Name", "Remote-Email", "X-Forwarded-User"],
  ...["X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Preferred-Username"],
  ...["X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Groups"],
  "X-Auth-Request-Preferred-Username",
];

/** Headers that no service gets from a visitor: a service could take them for Traefik's. */
const REMOVED = [...PASSED_ON, ...SET_BY_TRAEFIK, ...IDENTITY]
  .flatMap(spellings)
  .filter((header) => !SET_BY_TRAEFIK.includes(header));

/** Readable YAML: no anchors, no folded lines. */
const yaml = (value: object): string =>
  stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });

/**
 * Set explicitly, because the defaults differ: Traefik 3.6.4 rejects paths with these encoded characters, 3.6.7 allows them.
 * Services use them in paths (webhooks, image names). They do not bypass a rule for a path: `/webhook%2F` is not below
 * `/webhook/`, n8n takes `/rest%2Fowner` for another path than `/rest/owner`, and a page for administrators has a backend of
 * its own. No service needs a backslash or a null character.
 */
const ENCODED_CHARACTERS = {
  allowEncodedSlash: true,
  allowEncodedBackSlash: false,
  allowEncodedNullCharacter: false,
  allowEncodedSemicolon: true,
  allowEncodedPercent: true,
  allowEncodedQuestionMark: true,
  allowEncodedHash: true,
} as const;

/**
 * Drops request headers such as `X_Forwarded_For`, which some programs cannot tell from `X-Forwarded-For`. nginx does so by
 * default. Traefik keeps them by default, and warns about it at each start.
 */
const ALIAS_HEADERS = "delete";

/**
 * @param metrics whether they are on an entry point of their own
 * @param tag tag of the Traefik image. Versions before 3.6.4 fail to start with `encodedCharacters`, those before 3.7.12
 *   with `aliasHeadersStrategy`
 */
export function staticConfig(
  { tls, publish }: IngressSettings,
  tag: string | undefined,
  metrics = false,
): string {
  const secure = isSecure({ tls });
  const requests = {
    ...(!isOlder(tag, [3, 6, 4]) && { encodedCharacters: ENCODED_CHARACTERS }),
    ...(!isOlder(tag, [3, 7, 12]) && { aliasHeadersStrategy: ALIAS_HEADERS }),
  };
  return yaml({
    global: { checkNewVersion: false, sendAnonymousUsage: false },
    log: { level: "INFO" },
    // For the dashboard route. `insecure: false`: the API has no entry point of its own.
    api: { dashboard: true, insecure: false },
    ping: { entryPoint: "ping" },
    ...(metrics && { metrics: { prometheus: { entryPoint: "metrics" } } }),
    entryPoints: {
      ping: { address: PING_ADDRESS },
      ...(metrics && { metrics: { address: METRICS_ADDRESS } }),
      web: {
        address: ":80",
        transport: { respondingTimeouts: secure ? REDIRECT_TIMEOUTS : SERVICE_TIMEOUTS },
        http: {
          ...requests,
          ...(secure && {
            redirections: {
              entryPoint: { to: `:${publish.https}`, scheme: "https", permanent: true },
            },
          }),
        },
      },
      ...(secure && {
        websecure: {
          address: ":443",
          transport: { respondingTimeouts: SERVICE_TIMEOUTS },
          http: requests,
        },
      }),
    },
    providers: { file: { directory: `${ROUTES_FOLDER}/dynamic`, watch: true } },
    ...(tls.mode === "acme" && {
      certificatesResolvers: {
        acme: {
          acme: {
            email: tls.email,
            storage: `${ACME_FOLDER}/acme.json`,
            ...(tls.caServer !== undefined && { caServer: tls.caServer }),
            dnsChallenge: { provider: tls.dnsProvider },
          },
        },
      },
    }),
  });
}

/** A router, and the backend that it shares with others of the same name. */
interface Router extends Pick<Route, "target" | "healthPath" | "login"> {
  readonly name: string;
  readonly rule: string;
  readonly backend: string;
  readonly admin: boolean;
  readonly transport: string;
}

/** For pages outside the stack: they are further away, and nothing replaces them here. */
const ELSEWHERE_DIAL_TIMEOUT = "5s";
const TRANSPORTS = {
  quick: { forwardingTimeouts: { dialTimeout: DIAL_TIMEOUT } },
  elsewhere: { forwardingTimeouts: { dialTimeout: ELSEWHERE_DIAL_TIMEOUT } },
  unchecked: {
    forwardingTimeouts: { dialTimeout: ELSEWHERE_DIAL_TIMEOUT },
    insecureSkipVerify: true,
  },
} as const;

const transportOf = ({ container, insecureSkipVerify }: Route): keyof typeof TRANSPORTS =>
  container !== undefined ? "quick" : insecureSkipVerify === undefined ? "elsewhere" : "unchecked";

/**
 * One for each host name, and one for each group of paths with other access. Traefik tries the longest rule first, so a
 * router has one host name only: of two services on one host, the one with a path must have the longer rule.
 */
const routersOf = (route: Route): Router[] =>
  [route.host, ...(route.aliases ?? [])].flatMap((host, index) =>
    // No service has an underscore in its name.
    hostRouters(route, host, index === 0 ? "" : `_${index}`),
  );

function hostRouters(route: Route, host: string, suffix: string): Router[] {
  const { service, target, admin, publicPaths = [], adminPaths = [], healthPath, login } = route;
  const { path: below } = route;
  const rule = `Host(\`${host}\`)${below === undefined ? "" : ` && (Path(\`${below}\`) || PathPrefix(\`${below}/\`))`}`;
  const open = {
    name: `${service}${suffix}`,
    rule,
    target,
    backend: service,
    admin,
    transport: transportOf(route),
    ...(healthPath !== undefined && { healthPath }),
  };
  const all = { ...open, ...(login !== undefined && { login }) };
  const anyOf = (paths: readonly string[]): string => `${rule} && (${paths.join(" || ")})`;
  const closed = adminPaths.filter((path) => path.target === target);
  return [
    all,
    ...((admin || login !== undefined) && publicPaths.length > 0
      ? [
          {
            ...open,
            name: `${service}-public${suffix}`,
            rule: anyOf(publicPaths.map((path) => `PathPrefix(\`${path}\`)`)),
            admin: false,
          },
        ]
      : []),
    ...(closed.length > 0
      ? [
          {
            ...all,
            name: `${service}-admin${suffix}`,
            // In any letter case: services may ignore it.
            rule: anyOf(
              closed.map(({ path }) => `PathRegexp(\`(?i)^${path.replaceAll(".", "\\.")}\`)`),
            ),
            admin: true,
          },
        ]
      : []),
    ...adminPaths
      .filter((path) => path.target !== target)
      .map((path) => {
        const backend = `${service}${path.path.replaceAll("/", "-")}`;
        const page = { name: `${backend}${suffix}`, backend, target: path.target, admin: true };
        return {
          ...{ ...all, ...page },
          rule: `${rule} && PathPrefix(\`${path.path}\`)`,
        };
      }),
  ];
}

export function dynamicConfig({
  tls,
  publish,
  adminAllow,
  routes,
  redirects = [],
}: Ingress): string {
  const secure = isSecure({ tls });
  const logins = [...new Set(routes.flatMap(({ login }) => login ?? []))];
  const loginName = (login: string): string => `login_${logins.indexOf(login) + 1}`;
  const transports = new Set(["quick", ...routes.map(transportOf)]);
  const hasAdminRules = routes.some(({ admin, adminPaths }) => admin || adminPaths !== undefined);
  const routers = routes.flatMap(routersOf);
  const entry = {
    entryPoints: [secure ? "websecure" : "web"],
    ...(tls.mode === "selfSigned" && { tls: {} }),
    ...(tls.mode === "acme" && { tls: { certResolver: "acme" } }),
  };
  return yaml({
    http: {
      routers: Object.fromEntries<object>([
        ...routers.map(({ name, rule, target, backend, admin, login }): [string, object] => [
          name,
          {
            rule,
            service: target === DASHBOARD ? target : backend,
            // The headers come first, so that rejected requests get them too. Whoever logs in is asked after the limits.
            middlewares: [
              "security-headers",
              "client-headers",
              ...(admin ? ["admin-only"] : []),
              "rate-limit",
              "request-limit",
              ...(login === undefined ? [] : [loginName(login)]),
              "try-again",
            ],
            ...entry,
          },
        ]),
        ...redirects.map(({ from }, index): [string, object] => [
          `redirect_${index + 1}`,
          {
            rule: `Host(\`${from}\`)`,
            service: "noop@internal",
            middlewares: ["security-headers", "rate-limit", `redirect_${index + 1}`],
            ...entry,
          },
        ]),
      ]),
      services: Object.fromEntries(
        routers
          .filter(({ name, target, backend }) => target !== DASHBOARD && name === backend)
          .map(({ name, target, healthPath, transport }) => [
            name,
            {
              loadBalancer: {
                servers: [{ url: target }],
                serversTransport: transport,
                ...(healthPath !== undefined && {
                  healthCheck: { path: healthPath, interval: "10s", timeout: "3s" },
                }),
              },
            },
          ]),
      ),
      serversTransports: Object.fromEntries(
        Object.entries(TRANSPORTS).filter(([name]) => transports.has(name)),
      ),
      middlewares: {
        ...(hasAdminRules && {
          // Traefik refuses an empty list. Its own loopback address is no visitor's.
          "admin-only": {
            ipAllowList: {
              sourceRange: adminAllow.length > 0 ? [...adminAllow] : ["127.0.0.1/32"],
            },
          },
        }),
        ...Object.fromEntries(
          logins.map((address) => [
            loginName(address),
            // Traefik takes these headers from the answer, and removes them where the answer has none.
            { forwardAuth: { address, authResponseHeaders: IDENTITY } },
          ]),
        ),
        ...Object.fromEntries(
          redirects.map(({ to }, index) => [
            `redirect_${index + 1}`,
            {
              redirectRegex: {
                regex: "^[^:]+://[^/]+/(.*)$",
                replacement: `${publicUrl({ tls, publish }, to)}\${1}`,
                permanent: true,
              },
            },
          ]),
        ),
        "rate-limit": { rateLimit: RATE_LIMIT },
        "request-limit": { inFlightReq: REQUEST_LIMIT },
        "try-again": { retry: RETRY },
        // An empty value removes the header.
        "client-headers": {
          headers: {
            customRequestHeaders: Object.fromEntries(REMOVED.map((header) => [header, ""])),
          },
        },
        "security-headers": {
          headers: {
            contentTypeNosniff: true,
            customFrameOptionsValue: "SAMEORIGIN",
            referrerPolicy: "strict-origin-when-cross-origin",
            permissionsPolicy: "camera=(), microphone=(), geolocation=()",
            ...(secure && { stsSeconds: 31536000 }),
            // They would reveal software versions.
            customResponseHeaders: { Server: "", "X-Powered-By": "" },
          },
        },
      },
    },
    ...(secure && {
      tls: {
        ...(tls.mode === "selfSigned" && {
          // Traefik's own certificate names no host and is another one after each start. It is still used for other names.
          certificates: [
            { certFile: `${TLS_FOLDER}/${TLS_FILE}`, keyFile: `${TLS_FOLDER}/${TLS_FILE}` },
          ],
        }),
        options: {
          default: {
            minVersion: "VersionTLS12",
            cipherSuites: CIPHER_SUITES,
            sniStrict: tls.mode === "acme",
          },
        },
      },
    }),
  });
}
