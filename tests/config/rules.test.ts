/** What keys mean together: every rule of config/rules.ts, and the warnings. */
import assert from "node:assert/strict";

import { parseConfig } from "../../config/config";
import { EXEMPTIBLE_BY_STACK } from "../../components/services/keys";
import { warningsOf } from "../../config/rules";
import { SecretName } from "../../components/services";
import { ENCRYPTED } from "../../text/messages";
import { assertLines } from "../support/lines";
import {
  digestOf,
  IMAGES,
  imagesWithout,
  problemsOf,
  rawConfig,
  setSecret,
} from "../support/raw-config";
import { REASON } from "../support/small-stack";

type Values = Readonly<Record<string, unknown>>;
/** What a stack says, and every line that it gets; none where it is allowed. */
type Row = readonly [values: Values, ...lines: string[]];

const OFF = { enabled: false };
const ON = { enabled: true };
const services = (said: Values): Values => ({ services: said });
const WRITABLE = { control: "readOnlyRootfs", value: false };
const exempt = (...exemptions: readonly object[]): Values => services({ homepage: { exemptions } });

const MISSING = "missing, expected name:tag@sha256:… on one line";
const missing = (secret: SecretName, by: string): string =>
  `${secret}: missing, ${by} needs it; ${setSecret(secret)}`;
const unpinned = (service: string, image: string): string =>
  `images.${service}: "${image}" has no digest and requirePins is set; pin it with "npm run pin -- --stack test ${service}"`;
const hidden = (index: number, network: string): string =>
  `adminAllow.${index}: ${network} may contain the gateway of Docker's networks, from which all IPv6 visitors come while Traefik is published on ::, so each of them would be an administrator; publish on an IPv4 address such as 0.0.0.0, or remove the network`;
const strangers = (index: number, network: string): string =>
  `adminAllow.${index}: ${network} … published on 0.0.0.0, expected /8 … IPv6 … /7 … publish on 127.0.0.1 …`;
const NO_MAJOR = 'images.postgres: expected … major version, such as 16-alpine, got "latest"; …';
const STRUCTURAL = `… components/services; a stack … exempt ${EXEMPTIBLE_BY_STACK.join(", ")}`;
const SHORT = "expected a reason of … 10 characters …";

const N8N_2 = {
  ...IMAGES,
  n8n: `n8nio/n8n:2.42.4@${digestOf("5")}`,
  "n8n-runners": `n8nio/runners:2.42.4@${digestOf("8")}`,
};
const RUNNERS_UNUSED =
  "services.n8n-runners.enabled: services.n8n does not need it with the image it has; remove the line";
const NO_RUNNERS =
  "images.n8n-runners: missing, expected name:tag@sha256:… on one line, or services.n8n.enabled: false";

const RULES: readonly Row[] = [
  // Whether a service is on.
  [services({ traefik: ON })],
  [services({ traefik: OFF }), "services.traefik.enabled: … reached through it; remove the line"],
  [services({ "socket-proxy": ON })],
  [services({ "socket-proxy": OFF, portainer: OFF })],
  [
    services({ "socket-proxy": ON, portainer: OFF }),
    "services.socket-proxy.enabled: … while services.portainer is … remove the line",
  ],
  [
    services({ "socket-proxy": OFF }),
    "services.socket-proxy.enabled: services.portainer … that too, or remove the line",
  ],
  [services({ postgres: ON })],
  [services({ postgres: OFF, n8n: OFF })],
  [
    services({ postgres: ON, n8n: OFF }),
    "services.postgres.enabled: … while services.n8n is … remove the line",
  ],
  [
    services({ postgres: OFF }),
    "services.postgres.enabled: services.n8n … that too, or remove the line",
  ],

  [services({ "n8n-runners": ON }), RUNNERS_UNUSED],
  [services({ "n8n-runners": OFF })],
  [{ ...services({ "n8n-runners": ON }), images: N8N_2 }],
  [
    { ...services({ "n8n-runners": OFF }), images: N8N_2 },
    "services.n8n-runners.enabled: services.n8n needs it; disable that too, or remove the line",
  ],
  [{ ...services({ "n8n-runners": OFF, n8n: OFF }), images: imagesWithout("n8n") }],

  // Host names.
  [
    services({ homepage: { host: "traefik.example.test" } }),
    "services.homepage.host: traefik.example.test … already … by traefik; …",
  ],
  [services({ n8n: { host: "portainer.example.test" }, portainer: OFF })],

  // Exemptions.
  [
    exempt({ control: "user", value: "0:0", reason: REASON }),
    `services.homepage.exemptions: user ${STRUCTURAL}`,
  ],
  [
    exempt(
      { control: "hostPaths", value: ["/srv"], reason: REASON },
      { control: "readOnlyRootfs", value: true, reason: "needed" },
      { control: "capabilities", value: ["NET_ADMIN"], reason: REASON },
    ),
    `services.homepage.exemptions: hostPaths ${STRUCTURAL}`,
    `services.homepage: exemption readOnlyRootfs: ${SHORT}`,
    "services.homepage: exemption readOnlyRootfs: equals … remove it",
    'services.homepage: exemption capabilities: expected a list of Linux capabilities such as "CAP_CHOWN" without duplicates, got ["NET_ADMIN"]',
  ],

  // Images.
  [
    { images: imagesWithout("traefik", "socket-proxy", "homepage", "postgres") },
    `images.traefik: ${MISSING}`,
    `images.socket-proxy: ${MISSING}, or services.portainer.enabled: false`,
    `images.homepage: ${MISSING}, or services.homepage.enabled: false`,
    `images.postgres: ${MISSING}, or services.n8n.enabled: false`,
  ],
  [{ images: { ...IMAGES, postgres: IMAGES.postgres.replace("16-alpine", "latest") } }, NO_MAJOR],
  [{ images: { ...IMAGES, n8n: "n8nio/n8n:1" } }],
  [
    { requirePins: true, images: { ...IMAGES, n8n: "n8nio/n8n:1.64.2" } },
    unpinned("n8n", "n8nio/n8n:1.64.2"),
  ],
  [
    {
      requirePins: true,
      images: { ...IMAGES, traefik: 5, homepage: undefined, n8n: "n8nio/n8n:1" },
    },
    "images.traefik: expected name:tag@sha256:… as a string, got 5",
    `images.homepage: ${MISSING}, or services.homepage.enabled: false`,
    unpinned("n8n", "n8nio/n8n:1"),
  ],

  [{ images: { ...N8N_2, "n8n-runners": undefined } }, NO_RUNNERS],
  // Runners that nothing needs are not looked at.
  [{ images: { ...imagesWithout("n8n-runners") }, n8nRunnersToken: undefined }],
  [{ images: { ...IMAGES, "n8n-runners": "n8nio/runners:2.42.4" } }],
  [
    { images: { ...N8N_2, "n8n-runners": "n8nio/runners:2.42.3" } },
    'images.n8n-runners: expected the tag of images.n8n, "2.42.4", got "2.42.3"; n8n and its runners must have the same version: run "npm run pin -- --stack S n8n-runners=2.42.4"',
  ],
  // A malformed image does not hide what n8n's image needs.
  [
    { images: { ...N8N_2, "n8n-runners": undefined, traefik: 5 } },
    "images.traefik: expected name:tag@sha256:… as a string, got 5",
    NO_RUNNERS,
  ],

  // Secrets.
  [{ images: N8N_2, n8nRunnersToken: undefined }, missing("n8nRunnersToken", "n8n-runners")],
  [
    { postgresPassword: undefined, n8nDatabasePassword: "", n8nEncryptionKey: undefined },
    missing("n8nDatabasePassword", "n8n"),
    missing("n8nEncryptionKey", "n8n"),
    missing("postgresPassword", "postgres"),
  ],
  [
    { tls: { mode: "acme", email: "a@example.test" } },
    'tls.dnsProvider: missing, expected one of "cloudflare", "desec", "digitalocean", "duckdns", "gandiv5", "hetzner", "linode"',
    missing("acmeDnsToken", "tls mode acme"),
  ],
  [
    {
      ...services({ portainer: OFF, n8n: OFF }),
      images: imagesWithout("socket-proxy", "portainer", "n8n", "postgres", "cadvisor"),
      ...{ portainerPassword: "", postgresPassword: "" },
      ...{ n8nDatabasePassword: "", n8nEncryptionKey: "" },
    },
  ],

  // Ports and administrators.
  [
    { publish: { http: 8080, https: 8080 }, tls: { mode: "selfSigned" } },
    "publish.https: 8080 … already … by publish.http; …",
  ],
  [{ publish: { http: 80, https: 80 } }],
  [
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
    (address): Row => [{ publish: { address }, adminAllow: ["0.0.0.0/0", "::/0"] }],
  ),

  // Docker's gateway has an address in a private network, and so has every visitor over IPv6.
  [
    {
      adminAllow: ["172.17.0.0/16", "192.0.2.0/24", "10.1.2.3/32", "192.168.0.0/24", "172.0.0.0/8"],
      publish: { address: "::" },
    },
    ...[hidden(0, "172.17.0.0/16"), hidden(2, "10.1.2.3/32"), hidden(3, "192.168.0.0/24")],
    hidden(4, "172.0.0.0/8"),
  ],
  ...["::1", "0.0.0.0", "192.0.2.7", "::ffff:192.0.2.7"].map((address): Row => [
    { publish: { address }, adminAllow: ["172.16.0.0/12"] },
  ]),

  // One problem does not hide another.
  [
    {
      services: {
        traefik: OFF,
        n8n: { memoryMiB: "256m", exemptions: [{ ...WRITABLE, reason: "x" }] },
      },
      images: { ...IMAGES, postgres: "postgres:latest" },
    },
    'services.n8n.memoryMiB: expected a whole number from 6 to 65536, got "256m"',
    "services.traefik.enabled: … reached through it; remove the line",
    `services.n8n: exemption readOnlyRootfs: ${SHORT}`,
    NO_MAJOR,
  ],
  [
    {
      images: imagesWithout("n8n", "homepage"),
      n8nEncryptionKey: "",
      ...services({ n8n: { enabled: false, memory: 64 } }),
    },
    "services.n8n.memory: unknown key; remove it or check its spelling",
    `images.homepage: ${MISSING}, or services.homepage.enabled: false`,
  ],
  // Nobody can tell whether the password is needed.
  [{ services: 5, postgresPassword: undefined }, "services: expected a map, got 5"],
];

const titleOf = (values: Values, [line]: readonly string[]): string =>
  line === undefined
    ? `allow ${JSON.stringify(values).slice(0, 90)}`
    : `refuse: ${line.slice(0, 90)}`;

describe("the rules of a configuration", () => {
  for (const [values, ...lines] of RULES)
    it(titleOf(values, lines), () => {
      assertLines(problemsOf(rawConfig(values)), lines);
    });
});

describe("the password of a registry", () => {
  const login = (password: string) => ({ username: "a", password });
  const clear = (host: string): string =>
    `registries.${host}.password: is stored in clear text; set it with "npx pulumi config set --secret --path --stack test 'registries["${host}"].password'"`;
  type LoginRow = readonly [registries: Values, encrypted: boolean, ...lines: string[]];
  const [open, hidden] = [login("canary"), login(ENCRYPTED)];
  /** Registries, and whether the engine says that something in the key is encrypted. */
  const rows: readonly LoginRow[] = [
    [{ "ghcr.io": open }, false, clear("ghcr.io")],
    // From the engine, which cannot tell which of them are encrypted.
    [{ "ghcr.io": open, "quay.io": open }, true],
    // From a file, where an encrypted value is a placeholder.
    [{ "ghcr.io": hidden }, true],
    [{ "ghcr.io": hidden, "quay.io": open }, true, clear("quay.io")],
    [{ "ghcr.io": { ...open, username: ENCRYPTED } }, true, clear("ghcr.io")],
    [
      { "ghcr.io": { password: "canary" } },
      false,
      "registries.ghcr.io: expected username and password together",
      clear("ghcr.io"),
    ],
  ];
  for (const [registries, encrypted, ...lines] of rows)
    it(`is ${lines.length === 0 ? "accepted" : "refused"} with ${JSON.stringify(registries)}`, () => {
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
    `${service}: adminAllow is empty … ${service} … [192.0.2.0/24], or set services.${service}.enabled: false`;
  const editor = (): string =>
    "n8n: adminAllow is empty … n8n … /webhook/ /webhook-waiting/ /form/ /form-waiting/; … services.n8n.enabled: false";
  const setup = (): string =>
    "n8n: adminAllow is empty … /rest/owner/setup of n8n … services.n8n.enabled: false";
  const unused = (host: string): string =>
    `all: registries.${host}: no image … docker.io, ghcr.io, localhost:5000; … remove …`;

  const never = (index: number, network: string): string =>
    `all: adminAllow.${index}: ${network} matches no visitor, because the stack's networks have no IPv6; list the IPv4 addresses of your administrators`;
  const registries = (said: Values): Values => ({ ...reached, images, registries: said });
  const [plain, none] = [{ insecure: true }, { insecure: false }];

  const rows: readonly Row[] = [
    [services({ cadvisor: ON }), unreached("portainer"), editor(), unreached("cadvisor")],
    // The set-up of n8n's owner is for administrators even then.
    [services({ portainer: OFF, n8n: { editor: "everyone" } }), setup()],
    [{ ...reached, ...services({ cadvisor: ON }) }],
    [services({ portainer: OFF, n8n: OFF })],
    [
      {
        adminAllow: ["192.0.2.0/24", "2001:db8::/32", "::ffff:198.51.100.0/120"],
        publish: { address: "0.0.0.0" },
      },
      never(1, "2001:db8::/32"),
    ],
    [
      { adminAllow: ["2001:db8::/32"], publish: { address: "2001:db8::1" } },
      never(0, "2001:db8::/32"),
    ],
    // On the host itself, such a list says that everybody may.
    [{ adminAllow: ["0.0.0.0/0", "::/0"] }],
    [
      registries({
        "ghcr.io": login,
        "docker.io": login,
        "quay.io": login,
        "localhost:500": plain,
      }),
      ...[unused("quay.io"), unused("localhost:500")],
    ],
    // The second may be the token service of the first.
    [registries({ "localhost:5000": plain, "localhost:5001": plain })],
    [registries({ "localhost:5000": plain, "quay.io": { ...plain, ...login } }), unused("quay.io")],
    // Lines without settings name hosts that registries may point to.
    [registries({ "tokens.example.test": {}, "10.0.0.6:5001": none })],
  ];
  for (const [values, ...lines] of rows)
    it(`gets ${lines.join(" and ").slice(0, 90) || `no warning with ${Object.keys(values).join()}`}`, () => {
      const said = warnings(values);
      assertLines(said, lines);
      assert.doesNotMatch(said.join(), /canary/);
    });
});
