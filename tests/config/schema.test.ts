import assert from "node:assert/strict";

import { parseAge } from "../../config/schema";
import {
  CANARIES,
  digestOf,
  HOST_KEY,
  IMAGES,
  imagesWithout,
  problemsOf,
  rawConfig,
  setSecret,
} from "../support/raw-config";

const homepage = (said: unknown): Record<string, unknown> => ({ services: { homepage: said } });
const exempt = (exemption: unknown): Record<string, unknown> =>
  homepage({ exemptions: [exemption] });
const image = (service: string, text: unknown): Record<string, unknown> => ({
  images: { ...IMAGES, [service]: text },
});
const acme = (said: Record<string, unknown>): Record<string, unknown> => ({
  acmeDnsToken: CANARIES.acmeDnsToken,
  tls: { mode: "acme", email: "a@example.test", dnsProvider: "desec", ...said },
});
const registry = (said: unknown): Record<string, unknown> => ({ registries: { "ghcr.io": said } });

const REASON = "the image writes there at every start";
const MAP_OF_HOST = "a map with address and, for ssh, hostKey";
const ADDRESS = "ssh://user@host[:port] or unix:///path/to/docker.sock";
const HOST_NAME = "a host name in lower case such as example.com, no IP address";
const PLATFORM = "a platform such as linux/amd64 or linux/arm64";
const IMAGE_MAP = "a map, one line a service: name:tag@sha256:…";
const SERVICE_MAP = "a map such as { enabled: true }";
const PROVIDERS =
  'one of "cloudflare", "desec", "digitalocean", "duckdns", "gandiv5", "hetzner", "linode"';
const CONTROLS = "one of capabilities, readOnlyRootfs, noNewPrivileges";
const VALUE = "the control's value: true, false, a text, or a list of texts or numbers";
const EVERYBODY =
  "is everybody or nearly so (expected /8 or narrower, of IPv6 /7) while Traefik is published on 0.0.0.0; name the networks of your administrators, or publish on 127.0.0.1 and use a tunnel";
const REGISTRY_MAP = "a map such as { insecure: true } or { username: …, password: … }";

/** Values that replace those of a good configuration, and every line that they get. */
const BAD: readonly (readonly [Record<string, unknown>, ...string[]])[] = [
  // Keys.
  [{ colour: "red" }, "colour: unknown key, remove it or check its spelling"],
  [{ constructor: "x" }, "constructor: unknown key, remove it or check its spelling"],
  [{ "two\nlines": 1 }, String.raw`"two\nlines": unknown key, remove it or check its spelling`],
  [
    homepage({ "two\nlines": 1, enable: true }),
    String.raw`services.homepage."two\nlines": unknown key, remove it or check its spelling`,
    "services.homepage.enable: unknown key, remove it or check its spelling",
  ],

  // Host.
  [{ host: undefined }, `host: missing, expected ${MAP_OF_HOST}`],
  [{ host: "" }, `host: missing, expected ${MAP_OF_HOST}`],
  [{ host: null }, `host: expected ${MAP_OF_HOST}, got nothing`],
  [{ host: 5 }, `host: expected ${MAP_OF_HOST}, got 5`],
  [{ host: ["unix:///run/d.sock"] }, `host: expected ${MAP_OF_HOST}, got a list`],
  [{ host: "ssh://a:canary@b" }, `host: expected ${MAP_OF_HOST}, got "ssh://...@b"`],
  [{ host: "ssh://a@b" }, `host: expected ${MAP_OF_HOST}, got "ssh://a@b"`],
  [{ host: "ssh://a:my canary@b" }, `host: expected ${MAP_OF_HOST}, got "ssh://...@b"`],
  [{ host: "ssh://a:can@ary@b" }, `host: expected ${MAP_OF_HOST}, got "ssh://...@b"`],
  [{ host: "a:canary@b" }, `host: expected ${MAP_OF_HOST}, got "...@b"`],
  [{ domain: "192.168.1.10" }, `domain: expected ${HOST_NAME}, got "192.168.1.10"`],
  [{ domain: "123" }, `domain: expected ${HOST_NAME}, got "123"`],
  [
    { services: { n8n: { host: "1.2.3.400" }, portainer: { host: "a.0x7f" } } },
    `services.portainer.host: expected ${HOST_NAME}, got "a.0x7f"`,
    `services.n8n.host: expected ${HOST_NAME}, got "1.2.3.400"`,
  ],
  [
    { domain: "[encrypted in the stack file]" },
    `domain: expected ${HOST_NAME}, got an encrypted value, which commands that read the file alone cannot see; write it in clear text`,
  ],
  [{ platform: "linux/amd46" }, `platform: expected ${PLATFORM}, got "linux/amd46"`],
  [{ host: {} }, `host.address: missing, expected ${ADDRESS}`],
  [{ host: { address: 22 } }, `host.address: expected ${ADDRESS}, got 22`],
  [{ host: { address: null } }, `host.address: expected ${ADDRESS}, got nothing`],
  [
    { host: { address: "tcp://10.0.0.1:2375", hostKey: HOST_KEY } },
    `host.address: expected ${ADDRESS}, got "tcp://10.0.0.1:2375"`,
  ],
  [
    { host: { address: "unix:///run/d.sock", port: 2 } },
    "host.port: unknown key, remove it or check its spelling",
  ],
  [
    { host: { address: "ssh://a@b", hostKey: [HOST_KEY] } },
    'host.hostKey: expected "ssh-ed25519 AAAA…" as a text, got a list',
  ],
  [
    { host: { address: "ssh://a:canary@b" } },
    "host.address: the address holds a password; use a key and leave the password out",
    'host.hostKey: missing, the server would not be checked; print it with "ssh-keyscan -t ed25519 -p 22 HOST" and compare its fingerprint on the server',
  ],
  [
    { host: { address: "ssh://a@b", hostKey: "SHA256:abcdef" } },
    'host.hostKey: expected "ssh-ed25519 AAAA…", type and key of one line, no host and no comment',
  ],

  // Domain and addresses.
  [{ domain: undefined }, `domain: missing, expected ${HOST_NAME}`],
  [{ domain: null }, `domain: expected ${HOST_NAME}, got nothing`],
  [{ domain: true }, `domain: expected ${HOST_NAME}, got true`],
  [{ domain: { a: 1 } }, `domain: expected ${HOST_NAME}, got a map`],
  [{ domain: "Example.com" }, `domain: expected ${HOST_NAME}, got "Example.com"`],
  [{ domain: "http://a.test" }, `domain: expected ${HOST_NAME}, got "http://a.test"`],
  [{ domain: "`a`" }, `domain: expected ${HOST_NAME}, got "\`a\`"`],
  [
    { domain: "a.".repeat(127) + "a" + "b" },
    `domain: expected ${HOST_NAME}, got "${"a.".repeat(38)}a..."`,
  ],
  [{ publish: null }, "publish: expected a map, got nothing"],
  [{ publish: "127.0.0.1" }, 'publish: expected a map, got "127.0.0.1"'],
  [
    { publish: { address: "localhost", http: 0, https: "8443" } },
    'publish.address: expected an IP address such as 127.0.0.1, got "localhost"',
    "publish.http: expected a whole number from 1 to 65535, got 0",
    'publish.https: expected a whole number from 1 to 65535, without quotes, got "8443"',
  ],
  [
    { publish: { address: 5, http: 80.5, https: 65536 } },
    "publish.address: expected an IP address such as 127.0.0.1, got 5",
    "publish.http: expected a whole number from 1 to 65535, got 80.5",
    "publish.https: expected a whole number from 1 to 65535, got 65536",
  ],
  [
    { publish: { http: 8080, https: 8080 }, tls: { mode: "selfSigned" } },
    "publish.https: 8080 is the port of publish.http already, give each its own",
  ],
  [
    {
      adminAllow: ["192.0.2.0/24", "0.0.0.0/0", "10.0.0.0/0", "::/0", "128.0.0.0/1", "2000::/3"],
      publish: { address: "0.0.0.0" },
    },
    `adminAllow.1: 0.0.0.0/0 ${EVERYBODY}`,
    `adminAllow.2: 10.0.0.0/0 ${EVERYBODY}`,
    `adminAllow.3: ::/0 ${EVERYBODY}`,
    `adminAllow.4: 128.0.0.0/1 ${EVERYBODY}`,
    `adminAllow.5: 2000::/3 ${EVERYBODY}`,
  ],
  [
    { adminAllow: "10.0.0.0/8" },
    'adminAllow: expected a list such as [192.0.2.0/24], got "10.0.0.0/8"',
  ],
  [{ adminAllow: { a: 1 } }, "adminAllow: expected a list such as [192.0.2.0/24], got a map"],
  [
    { adminAllow: ["10.0.0.1", 5, null, "10.0.0.0/33", "10.0.0.0/8"] },
    'adminAllow.0: expected a network such as 192.0.2.0/24, got "10.0.0.1"',
    "adminAllow.1: expected a network such as 192.0.2.0/24, got 5",
    "adminAllow.2: expected a network such as 192.0.2.0/24, got nothing",
    'adminAllow.3: expected a network such as 192.0.2.0/24, got "10.0.0.0/33"',
  ],

  // Images.
  [{ images: undefined }, `images: missing, expected ${IMAGE_MAP}`],
  [{ images: null }, `images: expected ${IMAGE_MAP}, got nothing`],
  [{ images: ["traefik:v3"] }, `images: expected ${IMAGE_MAP}, got a list`],
  [{ images: "traefik:v3" }, `images: expected ${IMAGE_MAP}, got "traefik:v3"`],
  [image("nginx", "nginx:1"), "images.nginx: unknown key, remove it or check its spelling"],
  [
    {
      images: imagesWithout("traefik", "socket-proxy", "homepage", "portainer", "n8n", "postgres"),
    },
    "images.traefik: missing, expected name:tag@sha256:… on one line",
    "images.socket-proxy: missing, expected name:tag@sha256:… on one line, or switch off the services that need it, portainer and cadvisor",
    "images.homepage: missing, expected name:tag@sha256:… on one line, or services.homepage.enabled: false",
    "images.portainer: missing, expected name:tag@sha256:… on one line, or services.portainer.enabled: false",
    "images.n8n: missing, expected name:tag@sha256:… on one line, or services.n8n.enabled: false",
    "images.postgres: missing, expected name:tag@sha256:… on one line, or services.n8n.enabled: false",
  ],
  [image("traefik", 5), "images.traefik: expected name:tag@sha256:… as a text, got 5"],
  [image("traefik", null), "images.traefik: expected name:tag@sha256:… as a text, got nothing"],
  [image("n8n", { tag: "1" }), "images.n8n: expected name:tag@sha256:… as a text, got a map"],
  [
    image("traefik", "traefik"),
    'images.traefik: image "traefik": has neither tag nor digest, expected name:tag, name:tag@sha256:… or name@sha256:…',
  ],
  [
    image("traefik", ""),
    'images.traefik: image "": expected name:tag, name:tag@sha256:… or name@sha256:…',
  ],
  [
    image("traefik", "traefik:v3@sha256:abc"),
    'images.traefik: digest "sha256:abc": expected 64 hexadecimal digits, got 3',
  ],
  [
    image("traefik", `traefik:v3@${digestOf("A")}`),
    `images.traefik: digest "${digestOf("A")}": expected lower-case hexadecimal digits`,
  ],
  [
    image("traefik", `traefik:v3@sha512:${"a".repeat(64)}`),
    `images.traefik: digest "sha512:${"a".repeat(64)}": expected sha256:, only that algorithm is used`,
  ],
  [
    image("traefik", "Traefik:v3"),
    'images.traefik: image "Traefik:v3": the repository must be lower case',
  ],
  [
    { requirePins: true, ...image("n8n", "n8nio/n8n:1.64.2") },
    'images.n8n: "n8nio/n8n:1.64.2" has no digest and requirePins is set; pin it with "npm run pin -- --stack test n8n"',
  ],
  [
    // A malformed image hides neither a missing one nor one without a digest.
    {
      requirePins: true,
      images: { ...IMAGES, traefik: "traefik@", homepage: undefined, n8n: "n8nio/n8n:1" },
    },
    'images.traefik: digest "": expected sha256:, only that algorithm is used',
    "images.homepage: missing, expected name:tag@sha256:… on one line, or services.homepage.enabled: false",
    'images.n8n: "n8nio/n8n:1" has no digest and requirePins is set; pin it with "npm run pin -- --stack test n8n"',
  ],

  // Plain values.
  [{ requirePins: "yes" }, 'requirePins: expected true or false, got "yes"'],
  [{ requirePins: 1 }, "requirePins: expected true or false, got 1"],
  [{ checkTags: null }, "checkTags: expected true or false, got nothing"],
  [{ minimumAge: "3w" }, 'minimumAge: expected an age such as 3d, 12h or 0, got "3w"'],
  [{ minimumAge: null }, "minimumAge: expected an age such as 3d, 12h or 0, got nothing"],
  [{ platform: "windows/amd64" }, `platform: expected ${PLATFORM}, got "windows/amd64"`],
  [
    { backups: { directory: "dumps", keep: 0 } },
    'backups.directory: expected an absolute path on the host, got "dumps"',
    "backups.keep: expected a whole number from 1 to 1000, got 0",
  ],
  [
    { backups: { directory: "/var/$(id)" } },
    'backups.directory: expected an absolute path on the host, got "/var/$(id)"',
  ],

  // Services.
  [{ services: null }, "services: expected a map, got nothing"],
  [{ services: [] }, "services: expected a map, got a list"],
  [
    { services: { cadvisor: true, nowhere: {} } },
    `services.cadvisor: expected ${SERVICE_MAP}, got true`,
    "services.nowhere: unknown key, remove it or check its spelling",
  ],
  [{ services: { cadvisor: null } }, `services.cadvisor: expected ${SERVICE_MAP}, got nothing`],
  [
    homepage({ enabled: "no", memoryMiB: "64", cpus: 0, pidsLimit: -1 }),
    'services.homepage.enabled: expected true or false, got "no"',
    'services.homepage.memoryMiB: expected a whole number from 6 to 65536, without quotes, got "64"',
    "services.homepage.cpus: expected a number with three decimals at most from 0.01 to 64, got 0",
    "services.homepage.pidsLimit: expected a whole number from 1 to 32768, got -1",
  ],
  [
    homepage({ cpus: 0.0105 }),
    "services.homepage.cpus: expected a number with three decimals at most from 0.01 to 64, got 0.0105",
  ],
  [
    homepage({ memoryMiB: 1e20, cpus: NaN, pidsLimit: 32769 }),
    "services.homepage.memoryMiB: expected a whole number from 6 to 65536, got 100000000000000000000",
    "services.homepage.cpus: expected a number with three decimals at most from 0.01 to 64, got NaN",
    "services.homepage.pidsLimit: expected a whole number from 1 to 32768, got 32769",
  ],
  [
    homepage({ host: "A_b", folder: "" }),
    `services.homepage.host: expected ${HOST_NAME}, got "A_b"`,
    'services.homepage.folder: expected the path of a folder, got ""',
  ],
  [
    { services: { postgres: { host: "db.example.test" }, n8n: { folder: "site" } } },
    "services.n8n.folder: unknown key, remove it or check its spelling",
    "services.postgres.host: unknown key, remove it or check its spelling",
  ],
  [
    homepage({ host: "traefik.example.test" }),
    "services.homepage.host: traefik.example.test is the host name of traefik already, give each service its own",
  ],
  [
    { services: { traefik: { enabled: false } } },
    "services.traefik.enabled: every other service is reached through it, remove the line",
  ],
  [
    { services: { "socket-proxy": { enabled: true } } },
    "services.socket-proxy.enabled: it is there exactly when portainer or cadvisor is, remove the line",
  ],
  [
    { services: { postgres: { enabled: false } } },
    "services.postgres.enabled: n8n keeps its data there, switch off services.n8n too or remove the line",
  ],
  [
    { services: { postgres: { enabled: true }, n8n: { enabled: false } } },
    "services.postgres.enabled: nothing uses it while services.n8n is off, remove the line",
  ],
  // A service with a problem still says whether it is on, and the others are checked all the same.
  [
    {
      images: { ...IMAGES, n8n: undefined, homepage: undefined },
      n8nEncryptionKey: "",
      services: { n8n: { enabled: false, memory: 64 } },
    },
    "services.n8n.memory: unknown key, remove it or check its spelling",
    "images.homepage: missing, expected name:tag@sha256:… on one line, or services.homepage.enabled: false",
  ],

  // What is wrong in a service hides neither what its other keys mean nor what others say.
  [
    {
      services: {
        traefik: { enabled: false },
        n8n: {
          memoryMiB: "256m",
          exemptions: [{ control: "readOnlyRootfs", value: false, reason: "x" }],
        },
      },
      images: { ...IMAGES, postgres: `postgres:latest@sha256:${"6".repeat(64)}` },
    },
    'services.n8n.memoryMiB: expected a whole number from 6 to 65536, got "256m"',
    "services.traefik.enabled: every other service is reached through it, remove the line",
    "services.n8n: exemption readOnlyRootfs: expected a reason of 10 characters or more that a reader can judge",
    'images.postgres: expected a tag that begins with the major version, such as 16-alpine, got "latest"; the data volume is named after it',
  ],

  // Exemptions.
  [
    homepage({ exemptions: { control: "user" } }),
    "services.homepage.exemptions: expected a list, got a map",
  ],
  [
    homepage({ exemptions: ["readOnlyRootfs"] }),
    'services.homepage.exemptions.0: expected a map, got "readOnlyRootfs"',
  ],
  [
    exempt({ control: "readOnlyRootfs", value: false }),
    "services.homepage.exemptions.0.reason: missing, expected a text that says why",
  ],
  [
    exempt({ control: "memory", value: 1, reason: REASON }),
    `services.homepage.exemptions.0.control: expected ${CONTROLS}, got "memory"`,
    `services.homepage.exemptions.0.value: expected ${VALUE}, got 1`,
  ],
  [
    exempt({ control: "readOnlyRootfs", reason: REASON }),
    `services.homepage.exemptions.0.value: missing, expected ${VALUE}`,
  ],
  [
    exempt({ control: "capabilities", value: [true], reason: REASON }),
    `services.homepage.exemptions.0.value: expected ${VALUE}, got a list`,
  ],
  [
    exempt({ control: "readOnlyRootfs", value: false, reason: "needed" }),
    "services.homepage: exemption readOnlyRootfs: expected a reason of 10 characters or more that a reader can judge",
  ],
  [
    exempt({ control: "readOnlyRootfs", value: true, reason: REASON }),
    "services.homepage: exemption readOnlyRootfs: equals the default, remove it",
  ],
  [
    exempt({ control: "capabilities", value: ["NET_ADMIN"], reason: REASON }),
    'services.homepage: exemption capabilities: expected a list of Linux capabilities such as "CAP_CHOWN", each once, got ["NET_ADMIN"]',
  ],

  // TLS.
  [{ tls: "none" }, 'tls: expected a map such as { mode: none }, got "none"'],
  [{ tls: null }, "tls: expected a map such as { mode: none }, got nothing"],
  [{ tls: [] }, "tls: expected a map such as { mode: none }, got a list"],
  [{ tls: {} }, 'tls.mode: missing, expected "none", "selfSigned" or "acme"'],
  [{ tls: { mode: 4 } }, 'tls.mode: expected "none", "selfSigned" or "acme", got 4'],
  [{ tls: { mode: null } }, 'tls.mode: expected "none", "selfSigned" or "acme", got nothing'],
  [
    { tls: { mode: "letsencrypt" } },
    'tls.mode: expected "none", "selfSigned" or "acme", got "letsencrypt"',
  ],
  [
    { tls: { mode: "none", email: "a@example.test" } },
    "tls.email: unknown key, remove it or check its spelling",
  ],
  [
    { tls: { mode: "acme" } },
    "tls.email: missing, expected an e-mail address",
    `tls.dnsProvider: missing, expected ${PROVIDERS}`,
    `acmeDnsToken: missing, tls mode acme needs it; ${setSecret("acmeDnsToken")}`,
  ],
  [
    acme({ email: "admin", dnsProvider: "route53", caServer: "http://ca.test/dir" }),
    'tls.email: expected an e-mail address, got "admin"',
    `tls.dnsProvider: expected ${PROVIDERS}, got "route53"`,
    'tls.caServer: expected an address that begins with https://, without a login, got "http://ca.test/dir"',
  ],
  [
    acme({ caServer: "https://user:canary@ca.test/dir" }),
    'tls.caServer: expected an address that begins with https://, without a login, got "https://...@ca.test/dir"',
  ],
  [
    acme({ caServer: "ca" }),
    'tls.caServer: expected an address that begins with https://, without a login, got "ca"',
  ],

  // Registries: whatever stands there may be a password.
  [{ registries: ["canary"] }, "registries: expected a map by registry host"],
  [{ registries: "canary" }, "registries: expected a map by registry host"],
  [
    { registries: { "https://ghcr.io": {} } },
    'registries: expected a registry host in lower case such as ghcr.io or 127.0.0.1:5000, got "https://ghcr.io"',
  ],
  [
    { registries: { "Ghcr.io": {} } },
    'registries: expected a registry host in lower case such as ghcr.io or 127.0.0.1:5000, got "Ghcr.io"',
  ],
  [
    { registries: { "index.docker.io": {} } },
    'registries: expected docker.io, as Docker Hub is called here, got "index.docker.io"',
  ],
  [
    { registries: { "registry-1.docker.io": {}, "docker.io": {} } },
    'registries: expected docker.io, as Docker Hub is called here, got "registry-1.docker.io"',
  ],
  [
    { registries: "[encrypted in the stack file]" },
    'registries: is encrypted as a whole, so nobody knows which registries speak plain http; encrypt only the passwords, with "npx pulumi config set --secret --path \'registries["HOST"].password\'"',
  ],
  [
    { registries: { "user:canary@ghcr.io": {} } },
    'registries: expected a registry host in lower case such as ghcr.io or 127.0.0.1:5000, got "…@ghcr.io"',
  ],
  [registry("user:canary"), `registries.ghcr.io: expected ${REGISTRY_MAP}`],
  [registry(null), `registries.ghcr.io: expected ${REGISTRY_MAP}`],
  [registry({ username: "a" }), "registries.ghcr.io: expected username and password together"],
  [registry({ password: "canary" }), "registries.ghcr.io: expected username and password together"],
  [
    registry({ username: "a", password: 424242 }),
    "registries.ghcr.io.password: expected a text, quote it",
  ],
  [
    registry({ username: ["canary"], password: "" }),
    "registries.ghcr.io.username: expected a text, quote it",
    "registries.ghcr.io.password: expected a text that is not empty",
  ],
  [
    registry({ token: "canary" }),
    "registries.ghcr.io.token: unknown key, remove it or check its spelling",
  ],
  [registry({ insecure: "yes" }), 'registries.ghcr.io.insecure: expected true or false, got "yes"'],

  // Secrets.
  [
    { portainerPassword: "" },
    `portainerPassword: missing, portainer needs it; ${setSecret("portainerPassword")}`,
  ],
  [
    { postgresPassword: undefined, n8nDatabasePassword: undefined, n8nEncryptionKey: undefined },
    `postgresPassword: missing, postgres needs it; ${setSecret("postgresPassword")}`,
    `n8nDatabasePassword: missing, n8n needs it; ${setSecret("n8nDatabasePassword")}`,
    `n8nEncryptionKey: missing, n8n needs it; ${setSecret("n8nEncryptionKey")}`,
  ],
  [
    { portainerPassword: null },
    `portainerPassword: expected a text; ${setSecret("portainerPassword")}`,
  ],
  [
    { portainerPassword: { canary: "canary" } },
    `portainerPassword: expected a text; ${setSecret("portainerPassword")}`,
  ],
  [
    { postgresPassword: "canary-1234", n8nEncryptionKey: "canary-8901234" },
    `postgresPassword: expected 12 characters or more; ${setSecret("postgresPassword")}`,
    `n8nEncryptionKey: expected 16 characters or more; ${setSecret("n8nEncryptionKey")}`,
  ],
  [
    { portainerPassword: "canary-password ", postgresPassword: "canary\npassword" },
    `postgresPassword: has white space at its end or a line break in it; ${setSecret("postgresPassword")}`,
    `portainerPassword: has white space at its end or a line break in it; ${setSecret("portainerPassword")}`,
  ],
  [
    { portainerPassword: "dev-only-portainer-password" },
    `portainerPassword: is the public secret of the dev stack; ${setSecret("portainerPassword")}`,
  ],
];

describe("a bad configuration", () => {
  it("differs from a good one", () => {
    assert.deepEqual(problemsOf(rawConfig()), []);
    assert.deepEqual(problemsOf(rawConfig(acme({}))), []);
  });

  BAD.forEach(([values, ...lines], row) => {
    it(`gets, in row ${row}, ${lines[0]?.slice(0, 90) ?? ""}`, () => {
      assert.deepEqual(problemsOf(rawConfig(values)), lines);
    });
  });
});

describe("an age", () => {
  it("reads ages in minutes, hours and days", () => {
    const ages: readonly (readonly [string, number | undefined])[] = [
      ["0", 0],
      ["90m", 5_400_000],
      ["12h", 43_200_000],
      ["3d", 259_200_000],
      ["3", undefined],
      ["3w", undefined],
      ["-3d", undefined],
      ["3 d", undefined],
      ["100000d", undefined],
      ["", undefined],
    ];
    for (const [text, milliseconds] of ages) assert.equal(parseAge(text), milliseconds, text);
  });
});
