import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parse } from "yaml";

import { FileContent } from "../../../components/hardened/model";
import { StackModel } from "../../../components/model";
import { composeExport } from "../../../tools/report/compose/compose";
import { composeYaml } from "../../../tools/report/compose/yaml";
import { compose as dockerCompose, composePlugin } from "../../support/compose";
import { service } from "../../support/small-stack";
import { exampleModel, SERVICES } from "./example-stack";

interface ComposeDocument {
  readonly name: string;
  readonly services: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly configs: Readonly<Record<string, { readonly file: string }>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

const compose = (...args: Parameters<typeof composeExport>): string =>
  String(composeExport(...args)["compose.yaml"]);
const lint = (model: StackModel): unknown =>
  parse(String(composeExport(model)[".compose-lint.yml"]));

const text = compose(exampleModel(), ["ghcr.io"]);
const file = parse(text) as ComposeDocument;
const [head = ""] = text.split("\nname: ");

/** A site with these files, in the folder /site. */
const withSite = (files: Readonly<Record<string, Exclude<FileContent, { secret: string }>>>) =>
  composeExport(
    exampleModel({}, [
      ...SERVICES,
      service("site", { files: { files: { path: "/site", files } } }),
    ]),
  );

describe("a Compose file", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "compose-"));
  });
  after(() => rm(folder, { recursive: true }));

  const VARIABLES = { DOCKER_SOCKET_GID: "999", APP_KEY: "x" };
  /** What docker compose makes of a file; skips the test where there is none. */
  const config = async (context: Mocha.Context, content: string, env: NodeJS.ProcessEnv) => {
    context.timeout(30_000);
    if (composePlugin() === undefined) {
      console.log("skipped: no docker compose");
      context.skip();
    }
    const path = join(folder, "compose.yaml");
    await writeFile(path, content);
    const nowhere = { address: "unix:///nowhere", config: folder };
    return dockerCompose(nowhere, ["--file", path, "config", "--format", "json"], env);
  };

  it("is accepted by docker compose, and starts nothing without what only its user knows", async function () {
    const accepted = await config(this, text, VARIABLES);
    assert.deepEqual([accepted.code, accepted.stderr], [0, ""]);
    for (const name of Object.keys(VARIABLES)) {
      const refused = await config(this, text, { ...VARIABLES, [name]: "" });
      assert.notEqual(refused.code, 0);
      assert.match(refused.stderr, new RegExp(`required variable ${name} is missing a value`));
    }
  });

  it("gives containers a parent cgroup of their name, as the host's driver needs it", async function () {
    const reader = service(
      "reader",
      {
        exemptions: [
          { control: "hostCgroups", value: true, reason: "figures are read from there" },
        ],
      },
      { namedCgroups: true },
    );
    const own = compose(exampleModel({}, [...SERVICES, reader]));
    const parents = async (env: NodeJS.ProcessEnv): Promise<string[]> => {
      const { stdout } = await config(this, own, { ...VARIABLES, ...env });
      const { services } = JSON.parse(stdout) as ComposeDocument;
      assert.equal(services["reader"]?.["cgroup"], "host");
      return ["reader", "socket-proxy-app"].map((name) =>
        String(services[name]?.["cgroup_parent"]),
      );
    };
    assert.deepEqual(await parents({}), [
      "pinnedstack-example-reader.slice",
      "pinnedstack-example-socket_proxy_app.slice",
    ]);
    assert.deepEqual(await parents({ CGROUP_PARENT: "/pinned-stack/example/" }), [
      "/pinned-stack/example/reader.slice",
      "/pinned-stack/example/socket_proxy_app.slice",
    ]);
    for (const line of [
      "# - driver cgroupfs: set CGROUP_PARENT=/pinned-stack/example/",
      "#   - /sys/fs/cgroup/memory:/sys/fs/cgroup/memory:ro",
    ])
      assert.ok(own.includes(`\n${line}\n`), line);
    assert.ok(!text.includes("cgroup"));
  });

  it("keeps the containers on internal networks from the host, and from other name servers", () => {
    const { networks } = parse(text) as { readonly networks: Record<string, object> };
    assert.deepEqual(networks["app-db"], {
      internal: true,
      driver_opts: { "com.docker.network.bridge.inhibit_ipv4": "true" },
    });
    assert.deepEqual(networks["egress-app"], { internal: false });
    assert.deepEqual(file.services["db"]?.["dns"], ["127.0.0.1"]);
    assert.ok(!("dns" in (file.services["app"] ?? {})));
  });

  // Null, truth, numbers, dates and merges in some version of YAML, or to the reader in Go that Compose has.
  const WORDS =
    `<< = ~ null yes No on OFF y N true 1_000 0o7 0O7 +0o7 -0o1_7 07 0x1F 0X1F -0X1F 0b11 0B11 0b1_1 +12
    12:30:45 190:20:30.15 .inf -.INF +.Inf .nan .NaN 1e3 1E3 1e1_0 1_0E+1_0 1.5e-1_0 .5e1_0 685_230.15 2001-12-14
    2001-12-14t21:59:43.10-05:00 !x &x *x - --- ... ? : # @ \` % {} [] | > ' " _ NaN Infinity`.split(
      /\s+/,
    );

  it("carries words that mean something in YAML as texts", async function () {
    const words = composeYaml({
      services: { a: { image: "x", command: WORDS, configs: WORDS.map((_, at) => `c${at}`) } },
      configs: Object.fromEntries(WORDS.map((content, at) => [`c${at}`, { content }])),
    });
    const { stdout, stderr } = await config(this, words, {});
    assert.equal(stderr, "");
    const read = JSON.parse(stdout) as Omit<ComposeDocument, "configs"> & {
      readonly configs: Readonly<Record<string, { readonly content: string }>>;
    };
    assert.deepEqual(read.services["a"]?.["command"], WORDS);
    assert.deepEqual(
      WORDS.map((_, at) => read.configs[`c${at}`]?.content),
      WORDS,
    );
  });

  it("carries files as they are, each under a name of its own", async function () {
    // Names that become the same, and texts that readers of YAML take for something else.
    const SITE: Readonly<Record<string, string>> = {
      "index.html": "\ufeff<title>$HOME ${x}</title>\r\n",
      "a b.txt": "one\n",
      "a-b.txt": "\ttwo\u2028lines\n",
      "a-b.txt-2": " ",
      "a$b.txt": "\u0000\u0085",
      "é.txt": "no\n",
      "ö.txt": "for \u202eadmins\u2069 only\n",
    };
    const files = withSite(SITE);
    const own = String(files["compose.yaml"]);
    const { services, configs } = parse(own) as ComposeDocument;
    const brought = services["site"]?.["configs"] as {
      readonly source: string;
      readonly target: string;
    }[];
    const names = "index.html a-b.txt a-b.txt-2 a-b.txt-2-2 a-b.txt-3 -.txt -.txt-2".split(" ");
    assert.deepEqual(
      brought.map(({ source, target }) => [source, target, files[`configs/${source}`]]),
      Object.entries(SITE).map(([path, content], at) => [
        `site-files-site-${names[at] ?? ""}`.replace("--", "-"),
        `/site/${path.replace("$", "$$$$")}`,
        content,
      ]),
    );
    for (const { source } of brought)
      assert.deepEqual(configs[source], { file: `./configs/${source}` });
    const { stdout, code } = await config(this, own, VARIABLES);
    assert.equal(code, 0);
    const read = JSON.parse(stdout) as { services: Record<string, { configs: typeof brought }> };
    assert.deepEqual(
      read.services["site"]?.configs.map(({ target }) => target.replaceAll("$$", "$")),
      Object.keys(SITE).map((path) => `/site/${path}`),
    );
  });

  it("creates a service anew when one of its files has changed, and no other", () => {
    const labels = (content: string): unknown[] => {
      const { services } = parse(
        String(withSite({ "index.html": content })["compose.yaml"]),
      ) as ComposeDocument;
      return ["site", "traefik"].map((name) => services[name]?.["labels"]);
    };
    const [[before, traefik], [after, same]] = [labels("one"), labels("two")];
    assert.match(JSON.stringify(before), /^\{"pinned-stack\.files":"[0-9a-f]{12}"\}$/);
    assert.notDeepEqual(after, before);
    assert.deepEqual(same, traefik);
    assert.deepEqual(labels("one"), [before, traefik]);
  });

  it("brings files that are no text as they are", () => {
    const bytes = Buffer.from([0x89, 0x50, 0x4e, 0x47]);
    const files = withSite({ "a.png": { base64: bytes.toString("base64") } });
    assert.deepEqual(files["configs/site-files-site-a.png"], bytes);
  });

  for (const [stack, project] of [
    ["example", "example"],
    ["My.Stack", "my-stack"],
    ["_a.b_C-1", "a-b_c-1"],
    ["..", "stack"],
  ] as const)
    it(`of stack ${stack} is the project ${project}`, () => {
      assert.equal((parse(compose(exampleModel({ stack }))) as ComposeDocument).name, project);
    });

  it("asks for the group of the socket that the stack uses", () => {
    const own = compose(exampleModel({ host: { address: "unix:///run/podman/podman.sock" } }));
    assert.match(own, /^# {3}DOCKER_SOCKET_GID=<stat -c %g \/run\/podman\/podman\.sock>$/m);
    assert.match(
      own,
      /- \$\{DOCKER_SOCKET_GID:\?stat -c %g \/run\/podman\/podman\.sock on the host\}$/m,
    );
    assert.doesNotMatch(own, /stat -c %g \/var\/run/);
  });

  it("gives each reader of a secret a file of its own, and says how to make it", () => {
    const secrets = [
      ["traefik-token", "acmeDnsToken", "65532:65532", "/run/secrets/token"],
      ["app-password", "dbPassword", "1000:1000", "/run/secrets/db/password"],
      ["db-owner", "dbPassword", "70:70", "/run/secrets/owner"],
    ] as const;
    assert.deepEqual(
      file.secrets,
      Object.fromEntries(secrets.map(([name]) => [name, { file: `./secrets/${name}` }])),
    );
    for (const [name, secret, owner, target] of secrets) {
      const [reader = ""] = name.split("-");
      assert.deepEqual(file.services[reader]?.["secrets"], [{ source: name, target }]);
      assert.ok(
        head.includes(
          `printf %s '<${secret}>' > secrets/${name} && chown ${owner} secrets/${name}`,
        ),
      );
    }
  });

  it("has no file of two secrets", () => {
    const twice = service("twice", {
      secrets: {
        one: { path: "/one", files: { key: "first" } },
        two: { path: "/two", files: { key: "second" } },
      },
    });
    const { secrets, services } = parse(compose(exampleModel({}, [twice]))) as ComposeDocument;
    assert.deepEqual(Object.keys(secrets), ["twice-key", "twice-key-2"]);
    assert.deepEqual(services["twice"]?.["secrets"], [
      { source: "twice-key", target: "/one/key" },
      { source: "twice-key-2", target: "/two/key" },
    ]);
  });

  it("has no volume for secrets and files, and keeps the names of data", () => {
    assert.deepEqual(file.volumes, {
      "traefik-acme": { name: "example-traefik-acme" },
      "app-data": { name: "example-app-data" },
      "db-1-data": { name: "example-db-1-data" },
    });
  });

  it("gives a new data volume its owner in a read-only container that can do nothing else", () => {
    const { image, platform, ...owner } = file.services["db-1-data-owner"] ?? assert.fail();
    assert.deepEqual([image, platform], [file.services["db"]?.["image"], "linux/amd64"]);
    const volume = { type: "volume", source: "db-1-data", target: "/data" };
    const kept = { ...volume, volume: { nocopy: true } };
    assert.deepEqual(owner, {
      user: "0:0",
      entrypoint: ["/bin/chown"],
      command: ["70:70", "/data"],
      network_mode: "none",
      cap_drop: ["ALL"],
      cap_add: ["CAP_CHOWN"],
      read_only: true,
      security_opt: ["no-new-privileges:true"],
      cpus: 0.5,
      mem_limit: "64m",
      memswap_limit: "64m",
      pids_limit: 10,
      restart: "no",
      volumes: [kept],
    });
    // Docker would take the owner from the image otherwise, when it creates the service.
    assert.deepEqual(file.services["db"]?.["volumes"], [kept]);
    // The image's own owner and content are wanted here.
    assert.deepEqual(file.services["app"]?.["volumes"], [
      { type: "volume", source: "app-data", target: "/data" },
    ]);
  });

  it("starts nothing else before the services", () => {
    const extra = Object.keys(file.services).filter(
      (name) => !exampleModel().containers.some((one) => one.name === name),
    );
    assert.deepEqual(extra, ["traefik-acme-owner", "db-1-data-owner"]);
  });

  it("has no network where the deployed container has none", () => {
    const { services } = parse(compose(exampleModel({}, [service("alone")]))) as ComposeDocument;
    const { networks, network_mode: mode } = services["alone"] ?? assert.fail();
    assert.deepEqual([networks, mode], [undefined, "none"]);
  });

  it("brings the reasons of exemptions to compose-lint, for the rules that report them", () => {
    const owner =
      "gives a new data volume to the user of its service, then exits; only root may, and CAP_CHOWN is its only capability";
    const chowns = "it gives away what it makes";
    const capabilities = ["11", "24", "27", "28", "29", "30"].map((rule) => [
      `CL-00${rule}`,
      { exclude_services: { app: chowns } },
    ]);
    assert.deepEqual(lint(exampleModel()), {
      rules: {
        "CL-0001": {
          exclude_services: { "socket-proxy-app": "it keeps the socket from all others" },
        },
        "CL-0005": { exclude_services: { traefik: "the one ingress of the stack" } },
        "CL-0007": {
          exclude_services: { homepage: "a report | has <to> print what the *stack* says" },
        },
        "CL-0013": { exclude_services: { agent: "figures are read from there" } },
        "CL-0018": {
          exclude_services: {
            agent: "the host's files are closed to others",
            "traefik-acme-owner": owner,
            "db-1-data-owner": owner,
          },
        },
        ...(Object.fromEntries(capabilities) as object),
      },
    });
    const local = lint(exampleModel({ publish: { address: "127.0.0.1", http: 80, https: 443 } }));
    assert.doesNotMatch(JSON.stringify(local), /CL-0005/);
    assert.deepEqual(lint(exampleModel({}, [service("plain")])), { rules: {} });
  });

  it("starts a service after its init containers and after the services it needs", () => {
    const needs = (name: string): unknown => file.services[name]?.["depends_on"];
    assert.deepEqual(needs("db"), {
      "db-1-data-owner": { condition: "service_completed_successfully" },
    });
    assert.deepEqual(needs("app"), { "socket-proxy-app": { condition: "service_healthy" } });
    const quiet = service("quiet", () => [
      { exemptions: [{ control: "healthCheck", value: false, reason: "nothing could ask it" }] },
    ]);
    const { services } = parse(
      compose(exampleModel({}, [quiet, service("late", { dependsOn: ["quiet"] })])),
    ) as ComposeDocument;
    assert.deepEqual(services["late"]?.["depends_on"], { quiet: { condition: "service_started" } });
  });

  it("says what it cannot carry: logins, plain HTTP, images without a digest", () => {
    assert.match(head, /^# - registry logins: "docker login" .*ghcr\.io$/m);
    assert.match(head, /^# - the image of homepage: .*no digest.* tag$/m);
    assert.doesNotMatch(head, /the image of app:|without TLS/);
    const registries = { "127.0.0.1:5000": { insecure: true }, "ghcr.io": { insecure: false } };
    const other = compose(exampleModel({ registries }));
    assert.match(
      other,
      /^# - registries without TLS: "insecure-registries": \["127\.0\.0\.1:5000"\] .*daemon\.json/m,
    );
    assert.doesNotMatch(other, /registry logins/);
  });
});
