import { DASHBOARD, DNS_PROVIDERS, isSecure } from "../../ingress";
import { defineService } from "../definition";
import { ACME_FOLDER, CONFIG_FOLDER, dynamicConfig, staticConfig } from "./config";

const SECRETS = "/run/secrets/traefik";

/**
 * The ingress: the only service with published ports. It reads its routes from a file, so it needs no Docker socket. It
 * runs as a user like any other, since Docker lets every user open ports 80 and 443 inside a container (Engine 20.10 and
 * newer).
 */
export const traefik = defineService({
  name: "traefik",
  enabled: "always",
  secrets: { acmeDnsToken: { minLength: 8, neededFor: { tlsMode: "acme" } } },
  image: { diskMiB: 250 },
  // The dashboard's own page is somewhere else in each version; its API is not.
  route: { target: DASHBOARD, admin: true, probePath: "/api/version" },
  rehearse: true,
  unavailableMeanwhile: "every service is unreachable meanwhile",
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
            reason: "the one entrance of the stack; every other service is reached through it",
          },
          {
            control: "outsideNetworks",
            value: ["edge"],
            reason:
              "published ports need a network that leads out; ACME certificates are fetched over it",
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
        // It finishes the requests that are under way.
        stopGraceSeconds: 20,
      },
    ];
  },
});
