/** The reverse proxy as a service. config.ts writes its configuration. */
import { z } from "zod";

import { quote } from "../../../host/shell-quote";
import { isOlder, tagVersion } from "../../../images/tag-version";
import { DASHBOARD, DNS_PROVIDERS, isSecure, Route, SELF_SIGNED_CERTIFICATE } from "../../ingress";
import { defineService } from "../definition";
import {
  ACME_FOLDER,
  CONFIG_FOLDER,
  dynamicConfig,
  ROUTES_FOLDER,
  staticConfig,
  TLS_FILE,
  TLS_FOLDER,
} from "./config";

const SECRETS = "/run/secrets/traefik";

/**
 * Whether Traefik knows every route: it answers "404" to other names, and "502" or the like where the service is away. A request
 * that gets no answer in time has a route too.
 */
const hasRoutes = (routes: readonly Route[], secure: boolean): string =>
  routes
    // The 404 of a service that may answer so would say nothing; Traefik reads all routes at once.
    .filter(({ probePath, anyAnswer }) => probePath !== undefined && anyAnswer !== true)
    .map(({ host, probePath = "/" }) => {
      const url = `${secure ? "https" : "http"}://127.0.0.1${probePath}`;
      return `! timeout 5 wget -S -O /dev/null --no-check-certificate --header ${quote(`Host: ${host}`)} ${url} 2>&1 | grep -q ' 404' || exit 1\n`;
    })
    .join("");

/**
 * The ingress: the only service with published ports. It reads its routes from a file, so it needs no Docker socket. It
 * runs as a user like any other, since Docker lets every user open ports 80 and 443 inside a container (Engine 20.10 and
 * newer).
 */
export const traefik = defineService({
  name: "traefik",
  enabled: "always",
  options: {
    /** Whether its metrics are on port 8083, for services that share a network with it. Default false. */
    metrics: z.boolean().optional(),
  },
  secrets: { acmeDnsToken: { minLength: 8, neededFor: { tlsMode: "acme" } } },
  image: { diskMiB: 250, problem: ({ tag }) => versionProblem(tag) },
  // The path of the dashboard differs between versions; that of the API does not.
  route: { target: DASHBOARD, admin: true, probePath: "/api/version" },
  downtimeEffect: "every service is unreachable meanwhile",
  containers: (context) => {
    const { tls, publish, routes, image, options } = context;
    const ports = [
      { published: publish.http, internal: 80 },
      ...(isSecure(context) ? [{ published: publish.https, internal: 443 }] : []),
    ];
    return [
      {
        cpus: 1,
        // A connection needs one file, and with TLS about 30 KiB. Some hosts do not allow many more files.
        openFiles: 16384,
        memoryMiB: 512,
        exemptions: [
          {
            control: "publishedPorts",
            value: ports.map(({ internal }) => internal),
            reason: "the single ingress of the stack; all other services are reached through it",
          },
          {
            control: "outsideNetworks",
            value: ["edge"],
            reason:
              "ports cannot be published from an internal network; ACME needs internet access",
          },
        ],
        ...(tls.mode === "acme" && {
          environment: { [DNS_PROVIDERS[tls.dnsProvider]]: `${SECRETS}/dns-token` },
          secrets: { "dns-token": { path: SECRETS, files: { "dns-token": "acmeDnsToken" } } },
          data: { acme: { path: ACME_FOLDER, chown: true } },
        }),
        ...(tls.mode === "selfSigned" && {
          secrets: {
            certificate: { path: TLS_FOLDER, files: { [TLS_FILE]: SELF_SIGNED_CERTIFICATE } },
          },
        }),
        files: {
          config: {
            path: CONFIG_FOLDER,
            files: { "traefik.yml": staticConfig(context, image.tag, options.metrics === true) },
          },
          routes: {
            path: ROUTES_FOLDER,
            files: { "dynamic/routes.yml": dynamicConfig(context) },
            live: true,
          },
        },
        tmpfs: { "/tmp": 16 },
        health: { command: ["traefik", "healthcheck"] },
        // With ACME a name without its certificate gets no answer at all.
        ...(tls.mode !== "acme" && {
          question: { command: ["/bin/sh", "-c", hasRoutes(routes, isSecure(context))] },
        }),
        links: routes.flatMap(({ container }) =>
          container === undefined || container === "traefik" ? [] : [container],
        ),
        ports,
        // Lets open requests finish.
        stopGraceSeconds: 20,
      },
    ];
  },
});

/** Older versions take a path such as `/webhook/%2e%2e/rest` for one below `/webhook/`, so it would be open to everybody. */
const OLDEST = [3, 4, 1] as const;

/** `v3` and `v3.4` may be new enough. */
const versionProblem = (tag: string | undefined): string | undefined =>
  isOlder(tag, OLDEST.slice(0, tagVersion(tag)?.length))
    ? `expected v3.4.1 or newer, got ${JSON.stringify(tag)}; older ones let requests around the rules for paths (CVE-2025-47952)`
    : undefined;
