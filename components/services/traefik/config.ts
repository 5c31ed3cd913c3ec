/** Traefik's two configuration files, from typed routes. Pure. Reference: https://doc.traefik.io/traefik/v3.6/ */
import { stringify } from "yaml";

import { isOlder } from "../../../images/tag-version";
import { DASHBOARD, Ingress, IngressSettings, isSecure } from "../../ingress";

/** Only inside the container, for the health check. */
const PING_ADDRESS = "127.0.0.1:8082";

export const ACME_FOLDER = "/acme";
export const CONFIG_FOLDER = "/etc/traefik";

/** Requests a second and at once, for each client: the n8n editor asks for some 200 files when it opens. */
const RATE_LIMIT = { average: 200, burst: 400 } as const;

/**
 * While a container replaces another, the service's name may still lead to the one that has just gone, which answers
 * nothing at all. So Traefik gives a connection up early and tries again, as long as nothing was answered yet.
 */
const DIAL_TIMEOUT = "500ms";
const RETRY = { attempts: 3, initialInterval: "50ms" } as const;

/** As people write it: no anchors, no folded lines. */
const yaml = (value: object): string =>
  stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });

/**
 * Set explicitly, because Traefik 3.6.4 refuses paths with these encoded and 3.6.7 allows all of them. Services may have
 * them in their paths (webhooks, names of images), and rules here match the host name alone, so they bypass nothing. No
 * service needs a backslash or a null character in a path.
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
export function staticConfig({ tls, publish }: IngressSettings, tag: string | undefined): string {
  const secure = isSecure({ tls });
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

export function dynamicConfig({ tls, adminAllow, routes }: Ingress): string {
  const secure = isSecure({ tls });
  const admins = adminAllow.length > 0;
  const entry = {
    entryPoints: [secure ? "websecure" : "web"],
    ...(tls.mode === "selfSigned" && { tls: {} }),
    ...(tls.mode === "acme" && { tls: { certResolver: "acme" } }),
  };
  return yaml({
    http: {
      routers: Object.fromEntries(
        routes.map(({ service, host, target, admin }) => [
          service,
          {
            rule: `Host(\`${host}\`)`,
            service: target === DASHBOARD ? target : service,
            // In this order: refusals have the headers, too.
            middlewares: [
              "security-headers",
              ...(admin ? ["admin-only"] : []),
              "rate-limit",
              "try-again",
            ],
            ...entry,
          },
        ]),
      ),
      services: Object.fromEntries(
        routes
          .filter(({ target }) => target !== DASHBOARD)
          .map(({ service, target, healthPath }) => [
            service,
            {
              loadBalancer: {
                servers: [{ url: target }],
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
