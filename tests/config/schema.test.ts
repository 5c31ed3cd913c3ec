/** The shape of each key by itself: what it refuses, and what the problem says. */
import assert from "node:assert/strict";

import { DNS_PROVIDERS } from "../../components/ingress";
import { EXEMPTIBLE_BY_STACK } from "../../components/services/keys";
import { parseReference } from "../../images/reference";
import { ENCRYPTED } from "../../text/messages";
import { assertLines } from "../support/lines";
import { CANARIES, HOST_KEY, IMAGES, problemsOf, rawConfig } from "../support/raw-config";
import { REASON } from "../support/small-stack";

const EXEMPTION = { control: "readOnlyRootfs", value: false, reason: REASON };
const ACME = { mode: "acme", email: "a@example.test", dnsProvider: "desec" };

/** What is around a value that is only a part. */
const AROUND: Readonly<Record<string, unknown>> = {
  host: { address: "ssh://a@b", hostKey: HOST_KEY },
  images: IMAGES,
  tls: ACME,
  "services.homepage.exemptions": [EXEMPTION],
  "services.homepage.exemptions.0": EXEMPTION,
};

/** The values of a good configuration with one at this path; numbers are places in lists. */
function withValue(path: string, value: unknown): Record<string, unknown> {
  const parts = path.split(".");
  const [key = "", ...others] = parts;
  const set = (at: string, rest: readonly string[]): unknown => {
    const [next, ...more] = rest;
    if (next === undefined) return value;
    const inner = set(`${at}.${next}`, more);
    return /^\d+$/.test(next) ? [inner] : { ...(AROUND[at] as object), [next]: inner };
  };
  return { acmeDnsToken: CANARIES.acmeDnsToken, [key]: set(key, others) };
}

const WHOLE = "a whole number from";
const HOST_NAME = "a lower-case host name such as example.com, not an IP address";
const PLATFORM = "a platform such as linux/amd64 or linux/arm64";
const AGE = "an age such as 3d, 12h or 0";
const CPUS = "a number with at most three decimals from 0.01 to 64";
const CA = "an https:// URL without credentials";
const NETWORK = "a network such as 192.0.2.0/24";
const AT_EXEMPTION = "services.homepage.exemptions.0";
const [NOTHING, EMPTY] = [undefined, ""];

/** A path, what is expected there, and values that are refused. */
const REFUSED: readonly (readonly [path: string, what: string, ...values: unknown[]])[] = [
  ["host", "a map with address and, for ssh, hostKey", NOTHING, EMPTY, null, 5, ["a"], "ssh://a@b"],
  ["host.address", "ssh://user@host[:port] or unix:///path/to/docker.sock", NOTHING, null, 22],
  ["host.hostKey", '"ssh-ed25519 AAAA…" as a string', [HOST_KEY]],
  [
    "domain",
    HOST_NAME,
    NOTHING,
    EMPTY,
    null,
    true,
    { a: 1 },
    "Example.com",
    "http://a.test",
    "`a`",
  ],
  ["domain", HOST_NAME, "192.168.1.10", "123", "a-.example", `${"a".repeat(64)}.test`],
  ["services.n8n.host", HOST_NAME, "A_b", "1.2.3.400", "a.0x7f"],
  ["platform", PLATFORM, null, "linux/amd46", "windows/amd64"],
  ["publish", "a map", null, "127.0.0.1"],
  ["publish.address", "an IP address such as 127.0.0.1", 5, "localhost"],
  ["publish.http", `${WHOLE} 1 to 65535`, null, 0, 80.5, 65536],
  ["publish.https", `${WHOLE} 1 to 65535`, 0],
  ["adminAllow", "a list such as [192.0.2.0/24]", "10.0.0.0/8", { a: 1 }],
  ["adminAllow.0", NETWORK, null, 5, "10.0.0.1", "10.0.0.0/33"],
  [
    "images",
    "a map with one line per service: name:tag@sha256:…",
    NOTHING,
    null,
    ["traefik:v3"],
    "a:1",
  ],
  ["images.traefik", "name:tag@sha256:… as a string", null, 5, { tag: "1" }],
  ["requirePins", "true or false", 1, "yes"],
  ["checkTags", "true or false", null],
  ["minimumAge", AGE, null, "3", "3w", "-3d", "3 d", "3dx", "x3d", "100000d"],
  ["backups.directory", "an absolute path on the host", "dumps", "/var/$(id)"],
  ["backups.keep", `${WHOLE} 1 to 1000`, 0, 1001],
  [
    "networkPool",
    "a private IPv4 network of 16 to 24 bits, such as 10.201.0.0/16",
    ...[null, 5, "10.201.0.0", "10.0.0.0/8", "10.201.0.0/25", "10.201.0.1/16", "192.0.2.0/24"],
    ...["fd00::/64", "10.201.0.0/16 ", "172.15.0.0/16", "0.0.0.0/0"],
  ],
  ["trial", "a map", null, 15],
  ["trial.atMost", `${WHOLE} 1 to 1440`, 0, 1441, "15m"],
  ["services", "a map", null, []],
  ["services.cadvisor", "a map such as { enabled: true }", null, true],
  ["services.homepage.enabled", "true or false", "no"],
  ["services.homepage.memoryMiB", `${WHOLE} 6 to 65536`, 5, 65537, 1e20, "256m"],
  ["services.homepage.cpus", CPUS, 0, 0.0105, 64.001, NaN],
  ["services.homepage.pidsLimit", `${WHOLE} 1 to 32768`, -1, 0, 32769],
  ["services.homepage.folder", "the path of a folder", EMPTY],
  ["services.homepage.exemptions", "a list", EXEMPTION],
  [AT_EXEMPTION, "a map", "readOnlyRootfs"],
  [`${AT_EXEMPTION}.control`, `one of ${EXEMPTIBLE_BY_STACK.join(", ")}`, "memory"],
  [
    `${AT_EXEMPTION}.value`,
    "the control's value: true, false, a string, or a list of strings or numbers",
    ...[NOTHING, 1, [true]],
  ],
  [`${AT_EXEMPTION}.reason`, "a string that explains the exemption", NOTHING],
  ["tls", "a map such as { mode: none }", null, [], "none"],
  ["tls.mode", '"none", "selfSigned" or "acme"', NOTHING, null, 4, "letsencrypt"],
  ["tls.email", "an e-mail address", NOTHING, "admin"],
  [
    "tls.dnsProvider",
    `one of ${Object.keys(DNS_PROVIDERS)
      .map((name) => `"${name}"`)
      .join(", ")}`,
    ...[NOTHING, "route53"],
  ],
  ["tls.caServer", CA, "ca", "http://ca.test/dir", "xhttps://ca.test/dir", "httpsx://ca.test/dir"],
];

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return "a list";
  if (value === null || value === undefined) return "nothing";
  return typeof value === "object" ? "a map" : (value as number).toString();
}

describe("a value that does not fit its key", () => {
  it("stands in a configuration that is good otherwise", () => {
    assert.deepEqual(problemsOf(rawConfig()), []);
    for (const [path, value] of Object.entries(AROUND))
      assert.deepEqual(problemsOf(rawConfig(withValue(path, value))), [], path);
  });

  for (const [path, what, ...values] of REFUSED)
    for (const value of values)
      it(`is refused: ${path} ${shown(value).slice(0, 60)}`, () => {
        const isMissing = value === NOTHING || (value === EMPTY && !path.includes("."));
        assert.deepEqual(problemsOf(rawConfig(withValue(path, value))), [
          isMissing
            ? `${path}: missing, expected ${what}`
            : `${path}: expected ${what}, got ${shown(value)}`,
        ]);
      });
});

const UNKNOWN = "unknown key; remove it or check its spelling";
const HOST = "a lower-case registry host such as ghcr.io or 127.0.0.1:5000";
const HUB = "docker.io for Docker Hub";
const registry = (said: unknown): Record<string, unknown> => ({ registries: { "ghcr.io": said } });
const SETTINGS = "expected a map such as { insecure: true } or { username: …, password: … }";
const withImage = (image: string) => ({ images: { ...IMAGES, traefik: image } });

/** What {@link parseReference} says of a text. */
function referenceProblem(text: string): string {
  try {
    parseReference(text);
  } catch (error) {
    return (error as Error).message;
  }
  return assert.fail(`${text} is good`);
}

type Row = readonly [values: Readonly<Record<string, unknown>>, ...lines: string[]];

/** What is more than a value in the wrong place, with every line that it gets. */
const LINES: readonly Row[] = [
  // Unknown keys.
  [{ colour: "red" }, `colour: ${UNKNOWN}`],
  [{ constructor: "x" }, `constructor: ${UNKNOWN}`],
  [{ "two\nlines": 1 }, String.raw`"two\nlines": ${UNKNOWN}`],
  [
    {
      services: { postgres: { host: "a.test" }, n8n: { folder: "site" }, homepage: { "a\nb": 1 } },
    },
    String.raw`services.homepage."a\nb": ${UNKNOWN}`,
    `services.n8n.folder: ${UNKNOWN}`,
    `services.postgres.host: ${UNKNOWN}`,
  ],
  [
    { services: { nowhere: {} } },
    "services.nowhere: this program has no service of that name; a service of your own needs a line images.nowhere",
  ],
  [
    { images: { ...IMAGES, nginx: "a:1" } },
    "images.nginx: unknown key; remove it, or add services.nginx for a service of your own",
  ],
  [{ tls: { mode: "none", email: "a" } }, `tls.email: ${UNKNOWN}`],

  // Values.
  [
    { publish: { address: "localhost", http: 0, https: "8443" } },
    'publish.address: expected an IP address such as 127.0.0.1, got "localhost"',
    `publish.http: expected ${WHOLE} 1 to 65535, got 0`,
    `publish.https: expected ${WHOLE} 1 to 65535, without quotes, got "8443"`,
  ],
  [{ domain: ENCRYPTED }, `domain: expected ${HOST_NAME}, got an encrypted value … clear text`],
  [
    { domain: `${"a.".repeat(127)}ab` },
    `domain: expected ${HOST_NAME}, got "${"a.".repeat(38)}a..."`,
  ],
  ...["traefik:v3@sha256:abc", ""].map((text): Row => [
    withImage(text),
    `images.traefik: ${referenceProblem(text)}`,
  ]),
  [
    { host: { address: "ssh://a:canary@b" } },
    "host.address: … password; …",
    'host.hostKey: missing … "ssh-keyscan -t ed25519 -p 22 HOST" … fingerprint …',
  ],

  // Registries: whatever stands there may be a password.
  [
    { registries: ENCRYPTED },
    'registries: … encrypted … encrypt only the passwords, with "npx pulumi config set --secret --path \'registries["HOST"].password\'"',
  ],
  ...[["canary"], "canary"].map((registries): Row => [
    { registries },
    "registries: expected a map keyed by registry host",
  ]),
  ...["https://ghcr.io", "Ghcr.io"].map((host): Row => [
    { registries: { [host]: {} } },
    `registries: expected ${HOST}, got "${host}"`,
  ]),
  ...["index.docker.io", "registry-1.docker.io"].map((host): Row => [
    { registries: { [host]: {}, "docker.io": {} } },
    `registries: expected ${HUB}, got "${host}"`,
  ]),
  [{ registries: { "user:canary@ghcr.io": {} } }, `registries: expected ${HOST}, got "…@ghcr.io"`],
  ...["user:canary", null].map((said): Row => [registry(said), `registries.ghcr.io: ${SETTINGS}`]),
  ...[{ username: "a" }, { password: "canary" }].map((said): Row => [
    registry(said),
    "registries.ghcr.io: expected username and password together",
  ]),
  [
    registry({ username: ["canary"], password: 424242 }),
    "registries.ghcr.io.username: expected a quoted string",
    "registries.ghcr.io.password: expected a quoted string",
  ],
  [registry({ username: "a", password: "" }), "registries.ghcr.io.password: expected … empty …"],
  [registry({ token: "canary" }), `registries.ghcr.io.token: ${UNKNOWN}`],
  [registry({ insecure: "yes" }), 'registries.ghcr.io.insecure: expected true or false, got "yes"'],
];

describe("a configuration", () => {
  for (const [values, ...lines] of LINES)
    it(`is refused: ${lines.join(" and ").slice(0, 100)}`, () => {
      assertLines(problemsOf(rawConfig(values)), lines);
    });

  /** Logins, which no message repeats: `problemsOf` sees to that. */
  const logins: readonly (readonly [path: string, text: string, end: string])[] = [
    ...["ssh://a:canary@b", "ssh://a:my canary@b", "ssh://a:can@ary@b", "a:canary@b"].map(
      (text) => ["host", text, '@b"'] as const,
    ),
    ["tls.caServer", "https://user:canary@ca.test/dir", '@ca.test/dir"'],
  ];
  for (const [path, text, end] of logins)
    it(`is refused without the login of ${text}`, () => {
      const [line = "", ...others] = problemsOf(rawConfig(withValue(path, text)));
      assert.ok(line.startsWith(`${path}: expected `) && line.endsWith(end), line);
      assert.deepEqual(others, []);
    });

  const LABEL = "a".repeat(63);
  const accepted: readonly (readonly [path: string, ...values: unknown[]])[] = [
    ["host.address", "ssh://a@b:1", "ssh://a@b:65535"],
    ["domain", "a", "a.b", "123.test", `${LABEL}.example`, `example.${LABEL}`],
    ["domain", `x.${LABEL}.${LABEL}.${LABEL}.${"a".repeat(57)}`],
    ["platform", "linux/arm/v7", "linux/s390x"],
    ["publish.address", "::1", "0.0.0.0"],
    ["publish.http", 1, 65535],
    ["adminAllow", [], ["192.0.2.0/24", "2001:db8::/32", "198.51.100.7/32"]],
    ["minimumAge", "0", "90m", "12h", "99999d"],
    ["backups.directory", "/srv/dumps"],
    ["backups.keep", 1, 1000],
    ["trial.atMost", 1, 1440],
    ["services.n8n.memoryMiB", 6, 65536],
    ["services.n8n.cpus", 0.01, 0.125, 64],
    ["services.n8n.pidsLimit", 1, 32768],
    ["tls.caServer", "https://ca.example/dir"],
    ["registries", { "my-index.docker.io": {}, "index.docker.io.example.test": {} }],
    ["registries", { "127.0.0.1:5000": { insecure: true } }],
  ];
  for (const [path, ...values] of accepted)
    for (const value of values)
      it(`is accepted with ${path} ${JSON.stringify(value).slice(0, 70)}`, () => {
        assert.deepEqual(problemsOf(rawConfig(withValue(path, value))), []);
      });

  it("is refused for a host name of more than 253 characters", () => {
    const domain = `x.${LABEL}.${LABEL}.${LABEL}.${"a".repeat(60)}`;
    assert.equal(problemsOf(rawConfig({ domain })).length, 1);
  });
});
