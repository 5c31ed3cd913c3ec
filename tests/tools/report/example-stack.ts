/** A stack of services made up for reports: between them they use all that a model can hold. */
import { proxyName } from "../../../components/hardened/haproxy";
import { StackModel } from "../../../components/model";
import { ServiceDefinition } from "../../../components/services/definition";
import { StackView, stackView } from "../../../tools/report/view/stack";
import { digestOf } from "../../support/raw-config";
import { modelOf, Said, service } from "../../support/small-stack";

/** The ingress, a site, an application with its database and a socket proxy, and an agent that is root. */
export const SERVICES: readonly ServiceDefinition[] = [
  service("traefik", ({ tls, publish }) => {
    const ports = [
      { published: publish.http, internal: 80 },
      ...(tls.mode === "none" ? [] : [{ published: publish.https, internal: 443 }]),
    ];
    return [
      {
        cpus: 1,
        exemptions: [
          {
            control: "publishedPorts",
            value: ports.map(({ internal }) => internal),
            reason: "the one ingress of the stack",
          },
          {
            control: "outsideNetworks",
            value: ["edge"],
            reason: "published ports need a network that leads out",
          },
        ],
        ...(tls.mode === "acme" && {
          secrets: { "dns-token": { path: "/run/secrets", files: { token: "acmeDnsToken" } } },
          data: { acme: { path: "/acme", chown: true } },
        }),
        files: { config: { path: "/etc/traefik", files: { "dynamic/routes.yml": "cost: $5\n" } } },
        health: { command: ["traefik", "healthcheck"] },
        links: ["homepage", "app"],
        ports,
        stopGraceSeconds: 20,
      },
    ];
  }),
  service(
    "homepage",
    {
      user: "101:101",
      memoryMiB: 64,
      exemptions: [
        {
          control: "readOnlyRootfs",
          value: false,
          reason: "a report | has <to> print what the *stack* says",
        },
      ],
      tmpfs: { "/run": 1 },
      contentSecurityPolicy: "default-src 'none'",
    },
    { route: { target: 8080, admin: false } },
  ),
  service(
    "app",
    {
      user: "1000:1000",
      exemptions: [
        { control: "outsideNetworks", value: ["egress"], reason: "it calls services elsewhere" },
        {
          control: "environmentSecrets",
          value: ["APP_KEY"],
          reason: "it reads the key from nowhere else",
        },
        { control: "capabilities", value: ["CAP_CHOWN"], reason: "it gives away what it makes" },
      ],
      entrypoint: ["/bin/app"],
      command: ["--price", "$5"],
      environment: { URL: "http://app/$x" },
      secretEnvironment: { APP_KEY: "appKey" },
      secrets: { secrets: { path: "/run/secrets", files: { "db/password": "dbPassword" } } },
      data: { data: { path: "/data" } },
      health: { command: ["check", "$HOME"], startSeconds: 90 },
      egress: true,
      shmMiB: 128,
    },
    {
      route: { target: 80, admin: true },
      dockerApi: ["version"],
    },
  ),
  service(
    "db",
    {
      user: "70:70",
      secrets: { passwords: { path: "/run/secrets", files: { owner: "dbPassword" } } },
      data: { "1-data": { path: "/data", chown: true } },
    },
    { clients: ["app"] },
  ),
  service("socket-proxy", ({ dockerClients }) =>
    dockerClients.map(({ service: client }) => ({
      name: proxyName(client),
      exemptions: [
        { control: "dockerSocket", value: true, reason: "it keeps the socket from all others" },
      ],
      files: { config: { path: "/etc/proxy", files: { "proxy.cfg": "allow\n" } } },
      dockerSocket: true,
      health: { command: ["check"] },
    })),
  ),
  service("agent", () => [
    {
      exemptions: [
        { control: "user", value: "0:0", reason: "the host's files are closed to others" },
        { control: "hostPaths", value: ["/sys", "/srv"], reason: "figures are read from there" },
        { control: "healthCheck", value: false, reason: "nothing in it could ask it" },
      ],
      hostPaths: [
        { source: "/sys", path: "/host/sys" },
        { source: "/srv", path: "/host/srv" },
      ],
    },
  ]),
];

const IMAGES = Object.fromEntries(
  SERVICES.map(({ name }, index) => [
    name,
    `registry.example.test/${name}:1.2.3@${digestOf(String(index + 1))}`,
  ]),
);

export const ACME = {
  mode: "acme",
  email: "admin@example.test",
  dnsProvider: "cloudflare",
} as const;

/** The homepage's image has no digest; certificates come from Let's Encrypt; everybody reaches the ingress. */
export const exampleModel = (
  said: Said = {},
  services: readonly ServiceDefinition[] = SERVICES,
): StackModel =>
  modelOf(services, {
    stack: "example",
    tls: ACME,
    publish: { address: "0.0.0.0", http: 80, https: 443 },
    ...said,
    images: { ...IMAGES, homepage: "nginx:1.27-alpine", ...said.images },
  });

export const exampleView = (said: Said = {}, services = SERVICES): StackView =>
  stackView(exampleModel(said, services));
