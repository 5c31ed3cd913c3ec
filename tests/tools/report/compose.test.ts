import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parse } from "yaml";

import { FileContent } from "../../../components/hardened/model";
import { compose } from "../../../tools/report/compose/compose";
import { composeYaml } from "../../../tools/report/compose/yaml";
import { compose as dockerCompose, composePlugin } from "../../support/compose";
import { service } from "../../support/small-stack";
import { exampleModel, SERVICES } from "./example-stack";

interface ComposeDocument {
  readonly name: string;
  readonly services: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly configs: Readonly<Record<string, { readonly content: string }>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

const text = compose(exampleModel(), ["ghcr.io"]);
const file = parse(text) as ComposeDocument;
const [head = ""] = text.split("\nname: ");

/** A site with these files, in the folder /site. */
const withSite = (files: Readonly<Record<string, Exclude<FileContent, { secret: string }>>>) =>
  compose(
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
    const read = JSON.parse(stdout) as ComposeDocument;
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
    const own = withSite(SITE);
    const { services, configs } = parse(own) as ComposeDocument;
    const brought = services["site-files-init"]?.["configs"] as {
      readonly source: string;
      readonly target: string;
    }[];
    const names = "index.html a-b.txt a-b.txt-2 a-b.txt-2-2 a-b.txt-3 -.txt -.txt-2".split(" ");
    assert.deepEqual(
      brought.map(({ source, target }) => [source, target, configs[source]?.content]),
      Object.entries(SITE).map(([path, content], at) => [
        `site-files-site-${names[at] ?? ""}`.replace("--", "-"),
        `/site/${path.replace("$", "$$$$")}`,
        content.replaceAll("$", "$$$$"),
      ]),
    );
    assert.match(own, /: "for \\u202eadmins\\u2069 only\\n"$/m);
    assert.doesNotMatch(own, /\p{Bidi_Control}/u);
    const { stdout } = await config(this, own, VARIABLES);
    const read = JSON.parse(stdout) as ComposeDocument;
    Object.values(SITE).forEach((content, at) => {
      const { source } = brought[at] ?? assert.fail();
      assert.equal(read.configs[source]?.content.replaceAll("$$", "$"), content, source);
    });
  });

  it("refuses files that are no text, names all of them, and says what to do", () => {
    const bytes = (...values: readonly number[]) => ({
      base64: Buffer.from(values).toString("base64"),
    });
    const files = {
      "a.png": bytes(0x89, 0x50, 0x4e, 0x47),
      "b.txt": bytes(0xc3, 0xa9),
      "c.txt": bytes(0xe9),
    };
    assert.throws(() => withSite(files), {
      name: "CommandError",
      message: /^\/site\/a\.png, \/site\/c\.txt: .*services\.homepage\.folder/,
    });
    const { configs } = parse(withSite({ "b.txt": files["b.txt"] })) as ComposeDocument;
    assert.equal(configs["site-files-site-b.txt"]?.content, "é");
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

  it("has no volume for secrets, keeps the names of data and makes files anew", () => {
    assert.deepEqual(file.volumes, {
      "traefik-config": {},
      "traefik-acme": { name: "example-traefik-acme" },
      "app-data": { name: "example-app-data" },
      "db-1-data": { name: "example-db-1-data" },
      "socket-proxy-app-config": {},
    });
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

  it("puts inline files only into containers that Docker can copy them into", () => {
    for (const [name, { configs, read_only: readOnly }] of Object.entries(file.services))
      assert.ok(configs === undefined || readOnly === undefined, name);
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
