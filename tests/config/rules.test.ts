/** What keys mean together: every rule of config/rules.ts, and the warnings. */
import assert from "node:assert/strict";

import { parseConfig } from "../../config/config";
import { EXEMPTIBLE_BY_STACK } from "../../config/schema";
import { warningsOf } from "../../config/rules";
import { SecretName } from "../../components/services";
import { ENCRYPTED } from "../../text/messages";
import { IMAGES, imagesWithout, problemsOf, rawConfig, setSecret } from "../support/raw-config";
import { REASON } from "../support/small-stack";

type Values = Readonly<Record<string, unknown>>;
type Row = readonly [title: string, values: Values, ...lines: string[]];

const OFF = { enabled: false };
const ON = { enabled: true };
const services = (said: Values): Values => ({ services: said });
const exempt = (...exemptions: readonly object[]): Values => services({ homepage: { exemptions } });

const MISSING = "missing, expected name:tag@sha256:… on one line";
const NEEDED = "cannot work without it; switch";
const UNUSED = "nothing uses it while";
const missing = (secret: SecretName, by: string): string =>
  `${secret}: missing, ${by} needs it; ${setSecret(secret)}`;
const unpinned = (service: string, image: string): string =>
  `images.${service}: "${image}" has no digest and requirePins is set; pin it with "npm run pin -- --stack test ${service}"`;
const strangers = (index: number, network: string): string =>
  `adminAllow.${index}: ${network} is everybody or nearly so (expected /8 or narrower, of IPv6 /7) while Traefik is published on 0.0.0.0; name the networks of your administrators, or publish on 127.0.0.1 and use a tunnel`;
const NO_MAJOR =
  'images.postgres: expected a tag that begins with the major version, such as 16-alpine, got "latest"; the data volume is named after it';
const SHORT = "expected a reason of 10 characters or more that a reader can judge";

const RULES: readonly Row[] = [
  // Whether a service is on.
  ["traefik on", services({ traefik: ON })],
  [
    "traefik off",
    services({ traefik: OFF }),
    "services.traefik.enabled: every other service is reached through it, remove the line",
  ],
  ["socket-proxy on with its clients", services({ "socket-proxy": ON, cadvisor: OFF })],
  ["socket-proxy off with its clients", services({ "socket-proxy": OFF, portainer: OFF })],
  [
    "socket-proxy on alone",
    services({ "socket-proxy": ON, portainer: OFF }),
    `services.socket-proxy.enabled: ${UNUSED} services.portainer and services.cadvisor are off, remove the line`,
  ],
  [
    "socket-proxy off without one client",
    services({ "socket-proxy": OFF }),
    `services.socket-proxy.enabled: services.portainer ${NEEDED} that off too, or remove the line`,
  ],
  [
    "socket-proxy off without both clients",
    services({ "socket-proxy": OFF, cadvisor: ON }),
    `services.socket-proxy.enabled: services.portainer and services.cadvisor ${NEEDED} them off too, or remove the line`,
  ],
  ["postgres on with n8n", services({ postgres: ON })],
  ["postgres off with n8n", services({ postgres: OFF, n8n: OFF })],
  [
    "postgres on alone",
    services({ postgres: ON, n8n: OFF }),
    `services.postgres.enabled: ${UNUSED} services.n8n is off, remove the line`,
  ],
  [
    "postgres off alone",
    services({ postgres: OFF }),
    `services.postgres.enabled: services.n8n ${NEEDED} that off too, or remove the line`,
  ],

  // Host names.
  [
    "one host name of two services",
    services({ homepage: { host: "traefik.example.test" } }),
    "services.homepage.host: traefik.example.test is the host name of traefik already, give each service its own",
  ],
  [
    "the host name of a service that is off",
    services({ n8n: { host: "portainer.example.test" }, portainer: OFF }),
  ],

  // Exemptions.
  [
    "an exemption that only a definition may have",
    exempt({ control: "user", value: "0:0", reason: REASON }),
    `services.homepage.exemptions: user is part of the definition in components/services; a stack may exempt ${EXEMPTIBLE_BY_STACK.join(", ")}`,
  ],
  [
    "exemptions that the policy refuses, all of them",
    exempt(
      { control: "hostPaths", value: ["/srv"], reason: REASON },
      { control: "readOnlyRootfs", value: true, reason: "needed" },
      { control: "capabilities", value: ["NET_ADMIN"], reason: REASON },
    ),
    `services.homepage.exemptions: hostPaths is part of the definition in components/services; a stack may exempt ${EXEMPTIBLE_BY_STACK.join(", ")}`,
    `services.homepage: exemption readOnlyRootfs: ${SHORT}`,
    "services.homepage: exemption readOnlyRootfs: equals the default, remove it",
    'services.homepage: exemption capabilities: expected a list of Linux capabilities such as "CAP_CHOWN", each once, got ["NET_ADMIN"]',
  ],

  // Images.
  [
    "missing images",
    { images: imagesWithout("traefik", "socket-proxy", "homepage", "postgres") },
    `images.traefik: ${MISSING}`,
    `images.socket-proxy: ${MISSING}, or services.portainer.enabled: false and services.cadvisor.enabled: false`,
    `images.homepage: ${MISSING}, or services.homepage.enabled: false`,
    `images.postgres: ${MISSING}, or services.n8n.enabled: false`,
  ],
  [
    "an image that its service cannot use",
    { images: { ...IMAGES, postgres: IMAGES.postgres.replace("16-alpine", "latest") } },
    NO_MAJOR,
  ],
  ["an image without a digest", { images: { ...IMAGES, n8n: "n8nio/n8n:1" } }],
  [
    "an image without a digest under requirePins",
    { requirePins: true, images: { ...IMAGES, n8n: "n8nio/n8n:1.64.2" } },
    unpinned("n8n", "n8nio/n8n:1.64.2"),
  ],
  [
    "a malformed image, a missing one and one without a digest",
    {
      requirePins: true,
      images: { ...IMAGES, traefik: 5, homepage: undefined, n8n: "n8nio/n8n:1" },
    },
    "images.traefik: expected name:tag@sha256:… as a text, got 5",
    `images.homepage: ${MISSING}, or services.homepage.enabled: false`,
    unpinned("n8n", "n8nio/n8n:1"),
  ],

  // Secrets.
  [
    "missing secrets",
    { postgresPassword: undefined, n8nDatabasePassword: "", n8nEncryptionKey: undefined },
    missing("n8nDatabasePassword", "n8n"),
    missing("n8nEncryptionKey", "n8n"),
    missing("postgresPassword", "postgres"),
  ],
  [
    "a missing secret of a TLS mode that has other problems",
    { tls: { mode: "acme", email: "a@example.test" } },
    'tls.dnsProvider: missing, expected one of "cloudflare", "desec", "digitalocean", "duckdns", "gandiv5", "hetzner", "linode"',
    missing("acmeDnsToken", "tls mode acme"),
  ],
  [
    "no image and no secret of what is off",
    {
      ...services({ portainer: OFF, n8n: OFF }),
      images: imagesWithout("socket-proxy", "portainer", "n8n", "postgres", "cadvisor"),
      ...{ portainerPassword: "", postgresPassword: "" },
      ...{ n8nDatabasePassword: "", n8nEncryptionKey: "" },
    },
  ],

  // Ports and administrators.
  [
    "one port for HTTP and HTTPS",
    { publish: { http: 8080, https: 8080 }, tls: { mode: "selfSigned" } },
    "publish.https: 8080 is the port of publish.http already, give each its own",
  ],
  ["one port of which only one is published", { publish: { http: 80, https: 80 } }],
  [
    "everybody as administrator",
    {
      adminAllow: ["192.0.2.0/24", "0.0.0.0/0", "::/0", "128.0.0.0/1", "2000::/3"],
      publish: { address: "0.0.0.0" },
    },
    strangers(1, "0.0.0.0/0"),
    strangers(2, "::/0"),
    strangers(3, "128.0.0.0/1"),
    strangers(4, "2000::/3"),
  ],
  ...["127.0.0.1", "127.8.9.1", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"].map(
    (address): Row => [
      `everybody as administrator on ${address}`,
      { publish: { address }, adminAllow: ["0.0.0.0/0", "::/0"] },
    ],
  ),

  // One problem does not hide another.
  [
    "a problem in a service and rules that it does not touch",
    {
      services: {
        traefik: OFF,
        n8n: {
          memoryMiB: "256m",
          exemptions: [{ ...{ control: "readOnlyRootfs", value: false }, reason: "x" }],
        },
      },
      images: { ...IMAGES, postgres: "postgres:latest" },
    },
    'services.n8n.memoryMiB: expected a whole number from 6 to 65536, got "256m"',
    "services.traefik.enabled: every other service is reached through it, remove the line",
    `services.n8n: exemption readOnlyRootfs: ${SHORT}`,
    NO_MAJOR,
  ],
  [
    "a problem in a service that is off",
    {
      images: imagesWithout("n8n", "homepage"),
      n8nEncryptionKey: "",
      ...services({ n8n: { enabled: false, memory: 64 } }),
    },
    "services.n8n.memory: unknown key, remove it or check its spelling",
    `images.homepage: ${MISSING}, or services.homepage.enabled: false`,
  ],
  // Nobody can tell whether the password is needed.
  [
    "services that cannot be read",
    { services: 5, postgresPassword: undefined },
    "services: expected a map, got 5",
  ],
];

describe("the rules of a configuration", () => {
  for (const [title, values, ...lines] of RULES)
    it(`${lines.length === 0 ? "allow" : "refuse"} ${title}`, () => {
      assert.deepEqual(problemsOf(rawConfig(values)), lines);
    });
});

describe("the password of a registry", () => {
  const login = (password: string) => ({ username: "a", password });
  const clear = (host: string): string =>
    `registries.${host}.password: is stored in clear text; set it with "npx pulumi config set --secret --path --stack test 'registries["${host}"].password'"`;
  type LoginRow = readonly [string, Values, boolean, ...string[]];
  /** Registries, and whether the engine says that something in the key is encrypted. */
  const rows: readonly LoginRow[] = [
    ["is refused in clear text", { "ghcr.io": login("canary") }, false, clear("ghcr.io")],
    [
      "is accepted from the engine, which cannot tell which of them are encrypted",
      { "ghcr.io": login("canary"), "quay.io": login("canary") },
      true,
    ],
    ["is accepted as the placeholder of a file", { "ghcr.io": login(ENCRYPTED) }, true],
    [
      "is refused in clear text beside an encrypted one",
      { "ghcr.io": login(ENCRYPTED), "quay.io": login("canary") },
      true,
      clear("quay.io"),
    ],
    [
      "is refused in clear text beside its encrypted user name",
      { "ghcr.io": { username: ENCRYPTED, password: "canary" } },
      true,
      clear("ghcr.io"),
    ],
    [
      "is refused in clear text whatever else is wrong there",
      { "ghcr.io": { password: "canary" } },
      false,
      "registries.ghcr.io: expected username and password together",
      clear("ghcr.io"),
    ],
  ];
  for (const [title, registries, encrypted, ...lines] of rows)
    it(title, () => {
      const { secure } = rawConfig();
      const keys = [...secure].filter((key) => encrypted || key !== "registries");
      const raw = rawConfig({ registries }, { secure: new Set(keys) });
      assert.deepEqual(problemsOf(raw), lines);
    });

  it("may be in clear text in the dev stack", () => {
    const registries = { "ghcr.io": login("canary") };
    const raw = rawConfig({ registries }, { stack: "dev", secure: new Set() });
    assert.deepEqual(problemsOf(raw), []);
  });
});

describe("a configuration that is allowed", () => {
  const warnings = (values: Values): readonly string[] =>
    warningsOf(parseConfig(rawConfig(values))).map(
      ({ service, message }) => `${service ?? "all"}: ${message}`,
    );
  const reached = { adminAllow: ["192.0.2.0/24"] };
  const login = { username: "a", password: "canary" };
  const images = { ...IMAGES, homepage: "localhost:5000/site:1" };
  const unreached = (service: string): string =>
    `${service}: adminAllow is empty, so nobody reaches ${service}; list the networks of your administrators, such as [192.0.2.0/24], or set services.${service}.enabled: false`;
  const unused = (host: string): string =>
    `all: registries.${host}: no image of this stack is there, they are on docker.io, ghcr.io, localhost:5000; correct the name or remove the line`;

  const rows: readonly Row[] = [
    [
      "a warning for each service that nobody reaches",
      services({ cadvisor: ON }),
      unreached("portainer"),
      unreached("cadvisor"),
    ],
    ["none where somebody reaches them", { ...reached, ...services({ cadvisor: ON }) }],
    ["none where they are off", services({ portainer: OFF })],
    [
      "a warning for each registry whose settings reach no image",
      {
        ...reached,
        images,
        registries: {
          "ghcr.io": login,
          "docker.io": login,
          "quay.io": login,
          "localhost:500": { insecure: true },
        },
      },
      unused("quay.io"),
      unused("localhost:500"),
    ],
    [
      "none for what may be the token service of a registry over plain http",
      {
        ...reached,
        images,
        registries: { "localhost:5000": { insecure: true }, "localhost:5001": { insecure: true } },
      },
    ],
    [
      "a warning for a login beside a registry over plain http",
      {
        ...reached,
        images,
        registries: {
          "localhost:5000": { insecure: true },
          "quay.io": { insecure: true, ...login },
        },
      },
      unused("quay.io"),
    ],
    [
      "none for a line without settings, which names where registries may point",
      {
        ...reached,
        images,
        registries: { "tokens.example.test": {}, "10.0.0.6:5001": { insecure: false } },
      },
    ],
  ];
  for (const [title, values, ...lines] of rows)
    it(`gets ${title}`, () => {
      assert.deepEqual(warnings(values), lines);
    });
});
