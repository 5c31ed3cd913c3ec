/** Traefik's two configuration files from typed routes. Pure. Reference: https://doc.traefik.io/traefik/v3.6/ */
import { stringify } from "yaml";

import { isOlder } from "../../../images/tag-version";

/** A service that Traefik serves under a host name of its own. */
export interface Route {
  readonly service: string;
  readonly host: string;
  /** Where Traefik finds it: `http://n8n:5678`. */
  readonly url: string;
  /** Only for the networks of `adminAllow`. */
  readonly admin: boolean;
  /** A page that Traefik asks for before it sends anybody there; for services that cannot check themselves. */
  readonly healthPath?: string;
}

/** DNS providers of Traefik's ACME client (lego) that need one token, and the variable that names its file. */
export const DNS_PROVIDERS = {
  cloudflare: "CF_DNS_API_TOKEN_FILE",
  desec: "DESEC_TOKEN_FILE",
  digitalocean: "DO_AUTH_TOKEN_FILE",
  duckdns: "DUCKDNS_TOKEN_FILE",
  gandiv5: "GANDIV5_PERSONAL_ACCESS_TOKEN_FILE",
  hetzner: "HETZNER_API_TOKEN_FILE",
  linode: "LINODE_TOKEN_FILE",
} as const;
export type DnsProvider = keyof typeof DNS_PROVIDERS;

export interface Acme {
  readonly mode: "acme";
  readonly email: string;
  readonly dnsProvider: DnsProvider;
  /** Default: Let's Encrypt's. */
  readonly caServer?: string | undefined;
}
export type Tls = { readonly mode: "none" } | { readonly mode: "selfSigned" } | Acme;

export interface TraefikSettings {
  readonly routes: readonly Route[];
  readonly tls: Tls;
  /** On the host. Redirects name the port for HTTPS, the one inside the container is another. */
  readonly publish: { readonly address: string; readonly http: number; readonly https: number };
  /** Networks that may reach admin routes. Empty: admin routes do not exist. */
  readonly adminAllow: readonly string[];
  /** Host name of Traefik's own dashboard, an admin route. */
  readonly dashboardHost: string;
}

/** Only inside the container, for the health check. */
const PING_ADDRESS = "127.0.0.1:8082";

export const ACME_FOLDER = "/acme";
export const CONFIG_FOLDER = "/etc/traefik";

/** Requests a second and at once, for each client: the n8n editor asks for some 200 files when it opens. */
const RATE_LIMIT = { average: 200, burst: 400 } as const;

/**
 * While a container replaces another, the name of the service may lead to the one that has just gone, which answers
 * nothing at all. So a connection is given up early and tried again. Traefik does so only before anything was answered.
 */
const DIAL_TIMEOUT = "500ms";
const RETRY = { attempts: 3, initialInterval: "50ms" } as const;

/** As people write it: nothing shared by anchors, no line folded. */
const yaml = (value: object): string =>
  stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });

/**
 * Traefik 3.6.4 refuses paths with these encoded, 3.6.7 lets all of them through, so it is said. Services may have them in
 * their paths (webhooks, names of images), and routes here look at the host name alone, so no rule is passed by with them.
 * A backslash or a null character in a path is nobody's business.
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

/** @param tag of Traefik's image; one before 3.6.4 would not start with settings that it does not know. */
export function staticConfig({ tls, publish }: TraefikSettings, tag: string | undefined): string {
  const secure = tls.mode !== "none";
  const paths = isOlder(tag, [3, 6, 4]) ? {} : { encodedCharacters: ENCODED_CHARACTERS };
  return yaml({
    global: { checkNewVersion: false, sendAnonymousUsage: false },
    log: { level: "INFO" },
    // Without it the dashboard route has nothing to show; the API is on no entry point of its own.
    api: { dashboard: true, insecure: false },
    ping: { entryPoint: "ping" },
    entryPoints: {
      ping: { address: PING_ADDRESS },
      web: {
        address: ":80",
        http: {
          ...paths,
          ...(secure && {
            redirections: {
              entryPoint: { to: `:${publish.https}`, scheme: "https", permanent: true },
            },
          }),
        },
      },
      ...(secure && { websecure: { address: ":443", http: paths } }),
    },
    // The folder never changes under a running container, so there is nothing to watch.
    providers: { file: { directory: `${CONFIG_FOLDER}/dynamic`, watch: false } },
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

/** Routes that somebody may use: without a network in `adminAllow` there are no admin routes. */
export const openRoutes = ({ routes, adminAllow }: TraefikSettings): readonly Route[] =>
  routes.filter(({ admin }) => adminAllow.length > 0 || !admin);

export function dynamicConfig(settings: TraefikSettings): string {
  const { tls, adminAllow, dashboardHost } = settings;
  const secure = tls.mode !== "none";
  const admins = adminAllow.length > 0;
  const open = openRoutes(settings);
  const entry = {
    entryPoints: [secure ? "websecure" : "web"],
    ...(tls.mode === "selfSigned" && { tls: {} }),
    ...(tls.mode === "acme" && { tls: { certResolver: "acme" } }),
  };
  const router = (host: string, service: string, admin: boolean): object => ({
    rule: `Host(\`${host}\`)`,
    service,
    // In this order: refusals have the headers, too.
    middlewares: ["security-headers", ...(admin ? ["admin-only"] : []), "rate-limit", "try-again"],
    ...entry,
  });
  return yaml({
    http: {
      routers: {
        ...Object.fromEntries(
          open.map(({ service, host, admin }) => [service, router(host, service, admin)]),
        ),
        ...(admins && { dashboard: router(dashboardHost, "api@internal", true) }),
      },
      services: Object.fromEntries(
        open.map(({ service, url, healthPath }) => [
          service,
          {
            loadBalancer: {
              servers: [{ url }],
              serversTransport: "quick",
              ...(healthPath !== undefined && {
                healthCheck: { path: healthPath, interval: "10s", timeout: "3s" },
              }),
            },
          },
        ]),
      ),
      serversTransports: { quick: { forwardingTimeouts: { dialTimeout: DIAL_TIMEOUT } } },
      middlewares: {
        ...(admins && { "admin-only": { ipAllowList: { sourceRange: [...adminAllow] } } }),
        "rate-limit": { rateLimit: RATE_LIMIT },
        "try-again": { retry: RETRY },
        "security-headers": {
          headers: {
            contentTypeNosniff: true,
            customFrameOptionsValue: "SAMEORIGIN",
            referrerPolicy: "strict-origin-when-cross-origin",
            permissionsPolicy: "camera=(), microphone=(), geolocation=()",
            ...(secure && { stsSeconds: 31536000 }),
            // An empty value removes the header: no version for those who look for one.
            customResponseHeaders: { Server: "", "X-Powered-By": "" },
          },
        },
      },
    },
    ...(secure && {
      tls: { options: { default: { minVersion: "VersionTLS12", sniStrict: tls.mode === "acme" } } },
    }),
  });
}
