import { DASHBOARD, DNS_PROVIDERS, isSecure } from "../../ingress";
import { defineService } from "../definition";
import { ACME_FOLDER, CONFIG_FOLDER, dynamicConfig, staticConfig } from "./config";

const SECRETS = "/run/secrets/traefik";

/**
 * The ingress, and the only service with published ports. It reads its routes from a file and needs no Docker socket. It
 * does not run as root: since Engine 20.10, every user may bind ports 80 and 443 in a container.
 */
export const traefik = defineService({
  name: "traefik",
  enabled: "always",
  secrets: { acmeDnsToken: { minLength: 8, neededFor: { tlsMode: "acme" } } },
  image: { diskMiB: 250 },
  // The path of the dashboard differs between versions; that of the API does not.
  route: { target: DASHBOARD, admin: true, probePath: "/api/version" },
  rehearse: true,
  downtimeEffect: "every service is unreachable meanwhile",
  containers: (context) => {
    const { tls, publish, routes, image } = context;
    const ports = [
      { published: publish.http, internal: 80 },
      ...(isSecure(context) ? [{ published: publish.https, internal: 443 }] : []),
    ];
    return [
      {
        cpus: 1,
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
        files: {
          config: {
            path: CONFIG_FOLDER,
            files: {
              "traefik.yml": staticConfig(context, image.tag),
              "dynamic/routes.yml": dynamicConfig(context),
            },
          },
        },
        tmpfs: { "/tmp": 16 },
        health: { command: ["traefik", "healthcheck"] },
        links: routes.map(({ container }) => container).filter((name) => name !== "traefik"),
        ports,
        // Lets open requests finish.
        stopGraceSeconds: 20,
      },
    ];
  },
});
