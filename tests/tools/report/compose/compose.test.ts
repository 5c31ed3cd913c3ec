import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";

import { parse } from "yaml";

import { RecordedContainer } from "../../../../tools/model/containers";
import { synth } from "../../../../tools/model/synth";
import { compose } from "../../../../tools/report/compose/compose";
import { ComposeError, composeFiles } from "../../../../tools/report/compose/files";
import { composeService } from "../../../../tools/report/compose/service";
import { composeYaml } from "../../../../tools/report/compose/yaml";
import { plain, required } from "../../../../tools/report/compose/text";
import { compose as dockerCompose, composePlugin } from "../../../support/compose";
import { goldenModel, goldenStack } from "../../../support/golden-stack";

interface ComposeDocument {
  readonly services: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly configs: Readonly<Record<string, { readonly content: string }>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

const recorded = (inputs: Partial<RecordedContainer["inputs"]>): RecordedContainer => ({
  resource: "test-web",
  name: "web",
  service: "web",
  role: "service",
  pidsLimit: 150,
  dependsOn: [],
  inputs: { image: "nginx:1", labels: [], ...inputs },
});
const context = {
  stack: "test",
  platform: "linux/amd64",
  socket: "/var/run/docker.sock",
  containers: [],
  helpers: [],
  secrets: [],
};

describe("a Compose file", () => {
  let text: string;
  let file: ComposeDocument;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "compose-"));
    text = compose(await goldenModel());
    file = parse(text) as ComposeDocument;
  });
  after(() => rm(folder, { recursive: true }));

  const VARIABLES = { DOCKER_SOCKET_GID: "999", N8N_ENCRYPTION_KEY: "x" };
  /** What docker compose makes of a file; skips the test where there is none. */
  const config = async (context: Mocha.Context, compose: string, env: NodeJS.ProcessEnv) => {
    context.timeout(30_000);
    if (composePlugin() === undefined) {
      console.log("skipped: no docker compose");
      context.skip();
    }
    const path = join(folder, "compose.yaml");
    await writeFile(path, compose);
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

  // Null, truth, numbers, dates and merges in some version of YAML, or to the reader in Go that Compose has.
  const WORDS =
    `<< = ~ null yes No on OFF y N true 1_000 0o7 0O7 +0o7 -0o1_7 07 0x1F 0X1F -0X1F 0b11 0B11 0b1_1 +12
    12:30:45 190:20:30.15 .inf -.INF +.Inf .nan .NaN 1e3 1E3 1e1_0 1_0E+1_0 1.5e-1_0 .5e1_0 685_230.15 2001-12-14
    2001-12-14t21:59:43.10-05:00 !x &x *x - --- ... ? : # @ \` % {} [] | > ' " _ NaN Infinity`.split(
      /\s+/,
    );

  it("carries words that mean something in YAML as texts", async function () {
    const text = composeYaml({
      services: { a: { image: "x", command: WORDS, configs: WORDS.map((_, at) => `c${at}`) } },
      configs: Object.fromEntries(WORDS.map((content, at) => [`c${at}`, { content }])),
    });
    const { stdout, stderr } = await config(this, text, {});
    assert.equal(stderr, "");
    const read = JSON.parse(stdout) as ComposeDocument;
    assert.deepEqual(read.services["a"]?.["command"], WORDS);
    assert.deepEqual(
      WORDS.map((_, at) => read.configs[`c${at}`]?.content),
      WORDS,
    );
  });

  it("carries a homepage of the user's own as it is, file by file", async function () {
    const site = join(folder, "site");
    await mkdir(site);
    for (const [name, content] of Object.entries(SITE)) await writeFile(join(site, name), content);
    const own = compose(
      await goldenModel({ services: { homepage: { folder: relative(resolve("."), site) } } }),
    );
    const { services, configs } = parse(own) as ComposeDocument;
    const brought = services["homepage-files-loader"]?.["configs"] as {
      readonly source: string;
      readonly target: string;
    }[];
    assert.deepEqual(
      brought.map(({ source, target }) => [source, target, configs[source]?.content]).slice(1),
      [
        ["a-b.txt", "a b.txt", "one\n"],
        ["a-b.txt-2", "a$$b.txt", "\u0000\u0085"],
        ["a-b.txt-3", "a-b.txt", "\ttwo\u2028lines\n"],
        ["a-b.txt-2-2", "a-b.txt-2", " "],
        ["index.html", "index.html", "\ufeff<title>$$HOME $${x}</title>\r\n"],
        ["-.txt", "é.txt", "no\n"],
        ["-.txt-2", "ö.txt", "for \u202eadmins\u2069 only\n"],
      ].map(([source = "", target = "", content]) => [
        `homepage-files-srv-homepage-site-${source}`.replace("--", "-"),
        `/srv/homepage/site/${target}`,
        content,
      ]),
    );
    assert.match(own, /: "for \\u202eadmins\\u2069 only\\n"$/m);
    assert.doesNotMatch(own, /\p{Bidi_Control}/u);
    const { stdout } = await config(this, own, VARIABLES);
    const read = JSON.parse(stdout) as ComposeDocument;
    for (const { source, target } of brought.slice(1)) {
      const name = target.slice("/srv/homepage/site/".length).replace("$$", "$");
      assert.equal(read.configs[source]?.content.replaceAll("$$", "$"), SITE[name], name);
    }
  });

  const projects: readonly (readonly [string, string])[] = [
    ["golden", "golden"],
    ["My.Stack", "my-stack"],
    ["_a.b_C-1", "a-b_c-1"],
    ["..", "stack"],
  ];
  for (const [stack, project] of projects)
    it(`of stack ${stack} is the project ${project}`, async () => {
      const model = await synth({ ...goldenStack(), stack }, { placeholders: true });
      assert.equal((parse(compose(model)) as { name: string }).name, project);
    });

  it("asks for the group of the socket that the stack uses", async () => {
    const own = compose(await goldenModel({ host: { address: "unix:///run/podman/podman.sock" } }));
    assert.match(own, /^# {3}DOCKER_SOCKET_GID=<stat -c %g \/run\/podman\/podman\.sock>$/m);
    assert.match(
      own,
      /- \$\{DOCKER_SOCKET_GID:\?stat -c %g \/run\/podman\/podman\.sock on the host\}$/m,
    );
    assert.doesNotMatch(own, /stat -c %g \/var\/run/);
  });

  it("names the registries without TLS, which the engine has to be told of", async () => {
    const registries = { "127.0.0.1:5000": { insecure: true }, "ghcr.io": { insecure: false } };
    const line =
      /^# - registries without TLS: "insecure-registries": (.*) in the engine's daemon\.json$/m;
    assert.equal(line.exec(compose(await goldenModel({ registries })))?.[1], '["127.0.0.1:5000"]');
    assert.doesNotMatch(text, line);
  });

  it("gives each reader of a secret a file of its own, and says how to make it", () => {
    assert.deepEqual(Object.keys(file.secrets), [
      "postgres-superuser",
      "n8n-database-password",
      "postgres-n8n",
      "portainer-admin-password",
      "traefik-dns-token",
    ]);
    for (const [name, { file: path }] of Object.entries(file.secrets)) {
      assert.equal(path, `./secrets/${name}`);
      assert.match(
        text,
        new RegExp(
          `^#   printf %s '<\\w+>' > secrets/${name} && chown \\d+:\\d+ secrets/${name}$`,
          "m",
        ),
      );
    }
    assert.deepEqual(file.services["postgres"]?.["secrets"], [
      { source: "postgres-superuser", target: "/run/secrets/postgres/superuser" },
      { source: "postgres-n8n", target: "/run/secrets/postgres/n8n" },
    ]);
  });

  it("has no volume for secrets, keeps the names of data and makes files anew", () => {
    assert.deepEqual(file.volumes["postgres-16-data"], { name: "golden-postgres-16-data" });
    assert.deepEqual(file.volumes["traefik-config"], {});
    assert.equal(file.volumes["postgres-passwords"], undefined);
  });

  it("starts a service after the helpers that fill its volumes and the services it needs", () => {
    assert.deepEqual(file.services["portainer"]?.["depends_on"], {
      "portainer-data-owner": { condition: "service_completed_successfully" },
      "socket-proxy-portainer": { condition: "service_healthy" },
    });
    assert.deepEqual(file.services["n8n"]?.["depends_on"], {
      postgres: { condition: "service_healthy" },
    });
  });

  it("puts inline files only into containers that Docker can copy them into", () => {
    for (const [name, { configs, read_only: readOnly }] of Object.entries(file.services))
      assert.ok(configs === undefined || readOnly === undefined, name);
  });

  it("gives helpers the CPU limit of the program, those that it never starts none", () => {
    const limits = (name: string): unknown[] => {
      const { cpus, mem_limit: memory } = file.services[name] ?? assert.fail(name);
      return [cpus, memory];
    };
    assert.deepEqual(limits("portainer-data-owner"), [0.5, "64m"]);
    assert.deepEqual(limits("traefik-config-loader"), [undefined, "64m"]);
  });

  it("says what it cannot carry, unpinned images among it", () => {
    const head = text.split("\nname: ")[0] ?? "";
    assert.match(head, /^# What a Compose file cannot carry:$/m);
    assert.match(head, /^# - the digest of homepage: its image is not pinned/m);
    assert.match(head, /^# - registry logins: /m);
    assert.match(head, /^# - loaders that never start: .* one chown as root$/m);
    assert.doesNotMatch(head, /digest of traefik/);
  });

  it("keeps dollar signs as they are", () => {
    const nginx = Object.entries(file.configs).find(([name]) => name.endsWith("nginx.conf"))?.[1];
    assert.match(nginx?.content ?? "", /on \$\$sent_http_last_modified\./);
    assert.equal(plain("a$b $$"), "a$$b $$$$");
    assert.equal(required("KEY", "a key"), "${KEY:?a key}");
    const service = composeService(recorded({ command: ["$x"], envs: ["A=$y", "B=a=b"] }), context);
    const { command, environment } = service as Record<string, unknown>;
    assert.deepEqual([command, environment], [["$$x"], { A: "$$y", B: "a=b" }]);
  });

  it("switches a health check off, or leaves it to the image", () => {
    const health = (inputs: Partial<RecordedContainer["inputs"]>): unknown =>
      (composeService(recorded(inputs), context) as { healthcheck?: unknown }).healthcheck;
    assert.deepEqual(health({ healthcheck: { tests: ["NONE"] } }), { disable: true });
    assert.equal(health({}), undefined);
  });

  it("refuses a site with files that are no text, names all of them, and says what to do", () => {
    const base64 = (...bytes: readonly number[]): string => Buffer.from(bytes).toString("base64");
    const site = recorded({
      uploads: [
        { file: "/site/a.png", contentBase64: base64(0x89, 0x50, 0x4e, 0x47) },
        { file: "/site/b.txt", contentBase64: base64(0xc3, 0xa9) },
        { file: "/site/c.txt", contentBase64: base64(0xe9) },
      ],
    });
    assert.throws(
      () => composeFiles([site], "test"),
      (error) =>
        error instanceof ComposeError &&
        /^\/site\/a\.png, \/site\/c\.txt: .*services\.homepage\.folder/.test(error.message),
    );
  });
});
