/** What is refused of services of one's own, with the words that say what to do. */
import assert from "node:assert/strict";

import { parseConfig } from "../../config/config";
import { SECRET_NAMES } from "../../config/schema";
import { assertLines } from "../support/lines";
import { digestOf, IMAGES, problemsOf, rawConfig } from "../support/raw-config";
import { REASON } from "../support/small-stack";

const HEALTH = { test: ["CMD", "check"] };
const IMAGE = `example/app:1@${digestOf("9")}`;
/** A stack with services of its own; each has an image and a health check. */
const stack = (
  services: Readonly<Record<string, object>>,
  values: Readonly<Record<string, unknown>> = {},
) =>
  rawConfig(
    {
      services: Object.fromEntries(
        Object.entries(services).map(([name, service]) => [
          name,
          name in IMAGES ? service : { healthcheck: HEALTH, ...service },
        ]),
      ),
      images: {
        ...IMAGES,
        ...Object.fromEntries(
          Object.keys(services)
            .filter((name) => !(name in IMAGES))
            .map((name) => [name, IMAGE]),
        ),
      },
      ...values,
    },
    { secure: new Set([...SECRET_NAMES, "registries"]) },
  );
const app = (keys: object) => stack({ app: keys });
const exempt = (control: string, value: unknown) => ({ control, value, reason: REASON });
const decided = "the program decides this for every service; remove the line";
const SET = (name: string): string =>
  `set it with "npx pulumi config set --secret --path --stack test 'secrets.${name}'"`;

const ROWS: readonly (readonly [string, ReturnType<typeof rawConfig>, ...string[]])[] = [
  // Keys.
  [
    "keys that are misspelt, of Compose, or of nobody",
    app({
      ...{ prot: 8080, privileged: true, network_mode: "host", container_name: "a", nonsense: 1 },
      ...{ image: "a", build: ".", pid: "host", cap_add: ["SYS_ADMIN"] },
      healthcheck: { ...HEALTH, interval: "5s" },
    }),
    `services.app.healthcheck.interval: ${decided}`,
    'services.app.prot: unknown key; did you mean "port"?',
    "services.app.privileged: would switch off every other restriction; name the capability that is meant as an exemption capabilities with its reason",
    "services.app.network_mode: a service never shares the network of the host or of another one; publish single ports with ports, and connect services with links",
    `services.app.container_name: ${decided}`,
    "services.app.nonsense: unknown key; remove it or check its spelling",
    "services.app.image: write it under images, with the name of the service",
    "services.app.build: images are not built here; push yours to a registry, and name it under images",
    "services.app.pid: a service never sees the processes of the host or of another one; remove the line",
    "services.app.cap_add: write it as an exemption { control: capabilities, value: [CAP_NAME], reason: … }",
  ],
  [
    "keys of this program's services that are misspelt",
    rawConfig({ services: { n8n: { memoryMB: 1, editr: "everyone" } }, requirePin: true }),
    'services.n8n.memoryMB: unknown key; did you mean "memoryMiB"?',
    'services.n8n.editr: unknown key; did you mean "editor"?',
    'requirePin: unknown key; did you mean "requirePins"?',
  ],
  // Names.
  [
    "a name of this program that is misspelt",
    rawConfig({ services: { portaner: { enabled: false } } }),
    'services.portaner: this program has no service of that name; did you mean "portainer"?; a service of your own needs a line images.portaner',
  ],
  [
    "names that the program needs itself",
    stack({ edge: {}, "socket-proxy-x": {}, "postgres-x": {}, trial: {}, "n8n-public": {} }),
    ...["edge", "socket-proxy-x", "postgres-x", "trial"].map(
      (name) =>
        `services.${name}: this name is reserved for the program itself; choose another one`,
    ),
    "services.n8n-public: Traefik's routes of n8n have this name; choose another one",
  ],
  [
    "a name that is no host name",
    stack({ App_1: {} }),
    "services.App_1: expected a name of 1 to 40 lower-case letters, digits and hyphens that begins with a letter",
  ],
  // Others.
  [
    "services that are not there, off, or itself",
    stack({
      app: { links: ["databse", "off", "app", "socket-proxy"], depends_on: ["postgress"] },
      off: { enabled: false },
    }),
    'services.app.links.0: there is no service "databse"',
    "services.app.links.1: off is disabled; enable it, or remove the name",
    "services.app.links.2: names the service itself; remove it",
    "services.app.links.3: every client of Docker has a proxy of its own; write reads: [containers, container] instead",
    'services.app.depends_on.0: there is no service "postgress"; did you mean "postgres"?',
  ],
  [
    "a cycle",
    stack({ a: { depends_on: ["b"] }, b: { depends_on: ["c"] }, c: { depends_on: ["a"] } }),
    "services.a.depends_on: a → b → c → a is a cycle, so none of them could start first; use links for one of them",
  ],
  [
    "logins that cannot work",
    stack({
      a: { port: 80, login: "a" },
      b: { port: 80, login: "nowhere" },
      c: { port: 80, login: "silent" },
      silent: {},
      d: { login: "e" },
      e: { port: 80 },
    }),
    "services.a.login: a service cannot protect itself; remove the line",
    'services.b.login: there is no service "nowhere"',
    "services.c.login: silent has no pages, so it cannot ask anybody to log in; set its port",
    "services.d.login: the service has no pages without port; set it to the port that the program listens on",
  ],
  [
    "two services on one host and path",
    stack({
      a: { port: 80, host: "x.example.test", path: "/api" },
      b: { port: 80, aliases: ["n8n.example.test"] },
      c: { port: 80, host: "x.example.test" },
      d: { port: 80, host: "x.example.test", path: "/api" },
    }),
    "services.b.aliases.0: n8n.example.test is already used by n8n; give each service its own host name",
    "services.d.host: x.example.test/api is already used by a; give each service its own host name or path",
  ],
  [
    "ports that are taken",
    stack({
      a: {
        ports: ["80:80", "2222:22"],
        exemptions: [exempt("publishedPorts", [80, 22])],
      },
      b: { ports: ["2222:1", "2222:2/udp"], exemptions: [exempt("publishedPorts", [1, 2])] },
    }),
    "services.a.ports.0: port 80/tcp of the host is already used by Traefik; choose another one",
    "services.b.ports.0: port 2222/tcp of the host is already used by a; choose another one",
  ],
  // Volumes.
  [
    "volumes of others that they do not have",
    stack({
      a: { volumes: ["b.dta:/x", "c.data:/y", "n8n.data:/z"] },
      b: { volumes: ["data:/data"] },
    }),
    'services.a.volumes.0: b has no volume "dta"; did you mean "data"?; it has data',
    'services.a.volumes.1: there is no enabled service of your own called "c"',
    'services.a.volumes.2: there is no enabled service of your own called "n8n"',
  ],
  [
    "two volumes that would be one in Docker",
    stack({ a: { volumes: ["b-c:/x"] }, "a-b": { volumes: ["c:/x", "d:/y", "d:/z"] } }),
    "services.a-b.volumes.0: a has a volume that is a-b-c in Docker too; rename one of them",
    "services.a-b.volumes.2: mounts d twice; give each path a volume of its own",
  ],
  [
    "paths of the host that give it away",
    app({
      volumes: [
        ...["/var/run/docker.sock:/s", "/:/host:ro", "/run:/r:ro", "/var/lib/docker:/d:ro"],
        ...["/etc:/etc2", "./here:/x", "a:/b:c", "before:/z", "/srv/../etc:/x"],
      ],
    }),
    ...["/var/run/docker.sock", "/", "/run"].map(
      (path, index) =>
        `services.app.volumes.${index}: ${path} is or contains the socket of a container engine, which is root on the host; to read containers, write reads: [containers, container]; what changes them goes through "npm run deploy"`,
    ),
    "services.app.volumes.3: /var/lib/docker holds the data and secrets of every container; use a data volume such as data:/path",
    "services.app.volumes.4: /etc belongs to the host's system and cannot be mounted for writing; add :ro with an exemption hostPaths, or use a data volume such as data:/path",
    'services.app.volumes.5: expected a data volume such as data:/x, or an absolute path on the host, got "./here"; there is no folder beside the stack file on the host',
    'services.app.volumes.6: expected name:/path, service.name:/path or /host/path:/path, each with :ro for reading only, got "a:/b:c"',
    'services.app.volumes.7: the end of "before" has a meaning on the host; give it another name',
    'services.app.volumes.8: expected name:/path, service.name:/path or /host/path:/path, each with :ro for reading only, got "/srv/../etc:/x"',
  ],
  [
    "paths that are mounted twice, and memory that is not there",
    app({
      volumes: ["data:/data"],
      tmpfs: ["/data", "/tmp:size=256m"],
      configs: [{ target: "/data/a.conf", content: "a" }],
      secrets: ["key"],
    }),
    "services.app.tmpfs.0: /data is mounted twice; the folder of a configuration file is a volume too, so give the file a folder of its own",
    "services.app.configs.0.target: /data is mounted twice; the folder of a configuration file is a volume too, so give the file a folder of its own",
    "services.app.tmpfs: 272 MiB count towards the memory limit of 256 MiB; raise memoryMiB or make them smaller",
    `secrets.key: missing, app needs it; ${SET("key")}`,
  ],
  // Values.
  [
    "values of other kinds",
    app({
      ...{ user: "node", command: 'serve --port 80 "a b"', tmpfs: ["/tmp:mode=1"] },
      ...{ stop_grace_period: "forever", shm_size: "much", environment: { A: 1 } },
      ports: ["8000-8001:1", "127.0.0.1:80:80", "x"],
      devices: ["/dev/sda", "ttyUSB0"],
      healthcheck: { test: ["NONE"] },
    }),
    'services.app.user: expected numeric "uid:gid" such as "1000:1000", got "node"; "docker run --rm --entrypoint id IMAGE" prints the numbers',
    'services.app.command: expected a list of words, got a text; write [serve, "--port", "80", "a b"]',
    'services.app.tmpfs.0: expected /path, /path:size=64m or /path:size=64m,exec, got the option "mode=1"; the owner is always the service\'s user',
    'services.app.stop_grace_period: expected a duration such as 30s or 2m, from 1s to 600s, got "forever"',
    'services.app.shm_size: expected a size such as 128m, got "much"',
    "services.app.environment.A: expected a quoted string, got 1",
    'services.app.ports.0: expected "2222:2222" or "5353:53/udp", host and container, got a range; write one line per port',
    'services.app.ports.1: expected "2222:2222" or "5353:53/udp", host and container, got an address; all ports are published on publish.address',
    'services.app.ports.2: expected "2222:2222" or "5353:53/udp", host and container, got "x"',
    "services.app.devices.0: /dev/sda is the host's memory or a disk of it, which no exemption allows",
    'services.app.devices.1: expected /dev/name or /dev/name:/dev/name, got "ttyUSB0"',
    "services.app.healthcheck.test: expected a check; for a program that cannot be checked, leave healthcheck out and add an exemption healthCheck with its reason",
  ],
  // The policy.
  [
    "what goes beyond the policy without an exemption, and exemptions that nothing needs",
    stack({
      a: { healthcheck: undefined, user: "0:0" },
      b: { volumes: ["/srv:/srv", "/media:/media:ro"], devices: ["/dev/ttyUSB0"] },
      c: { exemptions: [exempt("hostPaths", ["/srv"]), exempt("dockerSocket", true)] },
      d: { ports: ["2222:22"] },
      e: { user: "0:1", exemptions: [exempt("user", "0:0")] },
    }),
    "services.a: user: root (0:0) requires an exemption with a reason",
    ...[
      ["hostPaths", ["/media"]],
      ["writableHostPaths", ["/srv"]],
      ["devices", ["/dev/ttyUSB0"]],
    ].map(
      ([control, value]) =>
        `services.b: ${String(control)}: the container uses ${JSON.stringify(value)}, its exemptions allow []; exempt exactly what the container uses, with a reason`,
    ),
    "services.c.exemptions: the Docker socket is root on the host and has no exemption; to read containers, write reads: [containers, container]",
    ...[
      ["publishedPorts", [22]],
      ["outsideNetworks", ["edge"]],
    ].map(
      ([control, value]) =>
        `services.d: ${String(control)}: the container uses ${JSON.stringify(value)}, its exemptions allow []; exempt exactly what the container uses, with a reason`,
    ),
    "services.e.user: is 0:1, but the exemption user says 0:0; write the same in both",
  ],
  [
    "a service without a health check",
    app({ healthcheck: undefined }),
    'services.app.healthcheck: missing, expected a test such as { test: [CMD, wget, -q, --spider, "http://127.0.0.1:8080/"] }, or image for that of the image; for a program that cannot be checked, an exemption healthCheck with its reason',
  ],
  [
    "administrators' pages that would be open to everybody",
    rawConfig({ services: { portainer: { admin: false }, n8n: { admin: false } } }),
    "services.portainer.admin: only administrators reach portainer, which would be open to everybody; set login too, or remove the line",
    "services.n8n.admin: only administrators reach n8n's editor; to change that, set editor: everyone",
  ],
  // Secrets.
  [
    "variables that nobody knows",
    stack({
      app: { environment: { A: "${url}", B: "${HOME}", C: "5$", D: "$$5" } },
      n8n: { environment: { E: "${key}" } },
    }),
    "services.app.environment.A: the service has no address without port; set port, or write the text itself",
    `services.app.environment.B: \${HOME} is not known; did you mean "host"?; expected \${url}, \${host} or the name of a secret (${SET("HOME")}); write $$ for a dollar sign`,
    "services.app.environment.C: expected ${name} or $$ for a dollar sign; write each $ that is meant as $$",
    'services.n8n.environment.E: ${key} would put a secret into the environment, where "docker inspect" shows it; list it under secrets and name its file, /run/secrets/own/key',
    'services.app: environmentSecrets: the container uses ["B"], its exemptions allow []; exempt exactly what the container uses, with a reason',
  ],
  [
    "values of the wrong form, without a word about secrets that they may name",
    stack(
      {
        app: {
          secrets: [
            { source: "key", target: "a/b" },
            { source: "1", target: "c" },
          ],
          ...{ group_add: ["video"], backup: { none: "" } },
        },
        other: { environment: { A: 5 }, backup: { none: 5 } },
      },
      { secrets: { key: "canary-long-enough" } },
    ),
    'services.app.secrets.0.target: expected a file name such as api.key, without a folder, got "a/b"',
    'services.app.secrets.1.source: expected the name of a secret, got "1"',
    'services.app.group_add.0: expected the number of a group, got "video"',
    "services.app.backup.none: expected a reason of at least 10 characters",
    "services.other.environment.A: expected a quoted string, got 5",
    "services.other.backup.none: expected a reason of at least 10 characters, got 5",
    `secrets.key: is stored in clear text; ${SET("key")}`,
  ],
  [
    "secrets that are missing, short, of nobody, or of this program",
    stack(
      {
        app: { secrets: ["apiKey", "n8nEncryptionKey", "short"], database: true },
      },
      { secrets: { apiKye: "canary-long-enough", short: "canar" } },
    ),
    "secrets.short: expected at least 6 characters",
    "services.app.secrets: n8nEncryptionKey belongs to a service of this program; give this service a secret of its own",
    `secrets.apiKey: missing, app needs it; did you mean "apiKye"?; ${SET("apiKey")}`,
    `secrets.app-database: missing, app needs it; ${SET("app-database")}`,
    'secrets.apiKye: no service reads it; did you mean "apiKey"?; remove it, or name it under services.<name>.secrets',
    `secrets.short: is stored in clear text; ${SET("short")}`,
  ],
];

describe("a configuration with services of one's own", () => {
  for (const [title, raw, ...lines] of ROWS)
    it(`is refused for ${title}`, () => {
      assertLines([...problemsOf(raw)].sort(), [...lines].sort());
    });

  it("has them beside the program's own, with their addresses, limits and what follows", () => {
    const secrets = { key: "canary-key", "app-database": "canary-database" };
    const raw = stack(
      {
        app: {
          ...{ port: 8080, database: true, memoryMiB: 64, secrets: ["key"] },
          ports: ["2222:2222"],
          exemptions: [exempt("publishedPorts", [2222])],
        },
        n8n: { enabled: false },
      },
      { secrets },
    );
    const config = parseConfig({ ...raw, secure: new Set([...raw.secure, "secrets"]) });
    const { app: settings, postgres } = config.services;
    assert.equal(settings?.host, "app.example.test");
    assert.deepEqual(settings.limits, { memoryMiB: 64 });
    assert.deepEqual(
      settings.exemptions.map(({ control, value }) => [control, value]),
      [
        ["publishedPorts", [2222]],
        ["outsideNetworks", ["edge"]],
      ],
    );
    // Its database needs it.
    assert.equal(postgres.enabled, true);
    assert.equal(config.secret("key").reveal(), secrets.key);
    assert.equal(config.images.app?.repository, "example/app");
  });

  it("is read in time that grows with its length", () => {
    const names = Array.from({ length: 2000 }, (_, index) => `app-${index}`);
    const begun = performance.now();
    problemsOf(
      stack(
        Object.fromEntries(
          names.map((name, index) => [
            name,
            { depends_on: [`app-${(index + 1) % 2000}`, "nowhere"], links: ["nobody"], nonsens: 1 },
          ]),
        ),
      ),
    );
    assert.ok(performance.now() - begun < 20_000, `${performance.now() - begun} ms`);
  });
});
