import assert from "node:assert/strict";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parse, stringify } from "yaml";

import { readStackFile } from "../../../config/file/read";
import { runImport, type ImportCommand } from "../../../tools/import/run";
import { loadStack } from "../../../tools/model/load";
import { indexedImage, platformImage } from "../../support/oci-images";
import { IMAGES } from "../../support/raw-config";
import { registryFixture } from "../../support/registry-fixture";
import { run } from "../../support/run";

const { start } = registryFixture();
const WEB = indexedImage([
  platformImage({
    user: "1000",
    exposedPorts: ["3000/tcp"],
    volumes: ["/srv/data"],
    healthTest: ["CMD", "check"],
  }),
]);

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

describe("npm run import", function () {
  this.timeout(60_000);
  let folder = "";
  let compose = "";
  let stackFile = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "import-"));
    compose = join(folder, "compose.yaml");
    stackFile = join(folder, "Pulumi.test.yaml");
    stack();
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** Writes a stack file without a problem. */
  function stack(said: object = {}): string {
    const values = {
      host: { address: "unix:///var/run/docker.sock" },
      domain: "example.test",
      images: IMAGES,
      ...said,
    };
    const keys = Object.entries(values).map(([key, value]) => [`pinned-stack:${key}`, value]);
    const text = `# a stack\n${stringify({ config: Object.fromEntries(keys) as object })}encryptionsalt: v1:salt # kept\n`;
    writeFileSync(stackFile, text);
    return text;
  }

  async function ran(text: string, command: Partial<ImportCommand> = {}): Promise<Ran> {
    writeFileSync(compose, text);
    let [out, err] = ["", ""];
    const code = await runImport({
      ...{ args: [compose], stack: "test", write: false, offline: true, folder },
      signal: new AbortController().signal,
      out: { write: (part: string | Uint8Array) => ((out += String(part)), true), isTTY: false },
      err: { write: (part: string | Uint8Array) => ((err += String(part)), true) },
      paint: (_, painted) => painted,
      ...command,
    });
    return { code, out, err };
  }

  const APP = `name: shop
services:
  app:
    image: acme/app:1
    user: "1000:1000"
    networks: [inner]
    healthcheck: { test: [CMD, check] }
networks: { inner: { internal: true } }
`;
  const WITH_SECRET = APP.replace("user:", "environment: { DB_PASSWORD: canary }\n    user:");

  it("ends with 0 where nothing is left to say, with 1 where something is, and with 2 where a service is refused", async () => {
    assert.equal((await ran(APP)).code, 0);
    assert.equal((await ran(WITH_SECRET)).code, 1);
    assert.equal((await ran(APP.replace("networks: [inner]", "tty: true"))).code, 1);
    const { code, out } = await ran(APP.replace("user:", "privileged: true\n    user:"));
    assert.equal(code, 2);
    assert.match(out, /^app {2}\(no entry\)\n {2}refused +privileged → /m);
    assert.doesNotMatch(out, /Entries for/);
  });

  it("touches nothing without --write", async () => {
    const before = readFileSync(stackFile, "utf8");
    const { mtimeMs } = statSync(stackFile);
    const { err } = await ran(WITH_SECRET);
    assert.match(err, /nothing was written; with --write/);
    assert.equal(readFileSync(stackFile, "utf8"), before);
    assert.equal(statSync(stackFile).mtimeMs, mtimeMs);
    assert.deepEqual(readdirSync(folder).sort(), ["Pulumi.test.yaml", "compose.yaml"]);
  });

  it("prints entries that the report accepts once the reasons are there, and writes the same with --write", async () => {
    const { out } = await ran(WITH_SECRET);
    const printed = /^config:\n(?: .*\n)+/m.exec(out)?.[0] ?? assert.fail(out);
    const { code, err } = await ran(WITH_SECRET, { write: true });
    assert.equal(code, 1);
    assert.match(err, /^Pulumi\.test\.yaml: 1 service added; fill in each empty reason/);
    const text = readFileSync(stackFile, "utf8");
    assert.match(text, /^# a stack\n/);
    assert.match(text, /^encryptionsalt: v1:salt # kept\n/m);
    type Config = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    const [made, written] = [printed, text].map((one) => (parse(one) as { config: Config }).config);
    assert.deepEqual(written?.["pinned-stack:services"], made?.["pinned-stack:services"]);
    assert.equal(written?.["pinned-stack:images"]?.app, "acme/app:1");
    const report = (): unknown => loadStack(readStackFile("test", folder), { placeholders: true });
    assert.throws(report, /services\.app.*reason of at least 10 characters/);
    writeFileSync(
      stackFile,
      text.replace('reason: ""', "reason: the program has no variable for a file"),
    );
    report();
  });

  it("writes nothing where it is there already, where the file changes meanwhile, or may not be written", async () => {
    const before = stack({
      images: { ...IMAGES, app: "acme/app:1" },
      services: { app: { healthcheck: { test: ["CMD", "x"] } } },
    });
    const { code, out } = await ran(APP, { write: true });
    assert.equal(code, 2);
    assert.match(out, /refused +services\.app is in the stack file already/);
    assert.equal(readFileSync(stackFile, "utf8"), before);

    const plain = stack();
    chmodSync(stackFile, 0o444);
    await assert.rejects(
      ran(APP, { write: true }),
      /^CommandError: Pulumi\.test\.yaml: is read-only/,
    );
    chmodSync(stackFile, 0o644);
    writeFileSync(`${stackFile}.lock`, "");
    await assert.rejects(ran(APP, { write: true }), /is locked by another run/);
    rmSync(`${stackFile}.lock`);
    assert.equal(readFileSync(stackFile, "utf8"), plain);
  });

  it("reads what images say of themselves, and pins them", async () => {
    const registry = await start();
    const digest = registry.putImage("team/web", WEB, "1");
    stack({ registries: { [registry.host]: { insecure: true } } });
    const text = `services:\n  web: { image: "${registry.host}/team/web:1", ports: ["80:3000"], networks: [x] }\nnetworks: { x: { internal: true } }\n`;
    const { code, out, err } = await ran(text, { offline: false });
    assert.equal(code, 1, out);
    assert.match(out, /question +its page is open to everybody/);
    assert.equal(
      err,
      "nothing was written; with --write the entries are added to the stack file\n",
    );
    assert.ok(
      out.includes(`web: ${registry.host}/team/web:1@${digest}`) ||
        out.includes(`web: "${registry.host}/team/web:1@${digest}"`),
      out,
    );
    for (const line of [
      'user: "1000:1000"',
      "port: 3000",
      "volumes: [data:/srv/data]",
      "healthcheck: image",
    ])
      assert.ok(out.includes(line), line);
  });

  it("says which images it could not read, and goes on", async () => {
    const registry = await start();
    stack({ registries: { [registry.host]: { insecure: true } } });
    const { code, out, err } = await ran(APP.replace("acme/app:1", `${registry.host}/no/such:1`), {
      offline: false,
    });
    assert.equal(code, 0);
    assert.match(err, /^app: its image was not read: .*\n/);
    assert.match(out, /^ {2}pinned-stack:services:/m);
  });

  it("gives a secret to a pipe only, and shows it nowhere else", async () => {
    const { out, err } = await ran(WITH_SECRET);
    assert.doesNotMatch(out + err, /canary/);
    const command = `value=$(npm run -s import -- ${compose} --stack test --secret-value shopDbPassword) && printf %s "$value" | npx pulumi config set --secret --path --stack test 'secrets.shopDbPassword'`;
    assert.ok(out.includes(`\n${command}\n`), out);
    assert.deepEqual(await ran(WITH_SECRET, { secretValue: "shopDbPassword" }), {
      code: 0,
      out: "canary",
      err: "",
    });
    await ran(WITH_SECRET, { write: true });
    const later = await ran(WITH_SECRET, { secretValue: "shopDbPassword" });
    assert.deepEqual(
      later,
      { code: 0, out: "canary", err: "" },
      "once the service is in the stack",
    );
    await assert.rejects(ran(WITH_SECRET, { secretValue: "other" }), /there is no secret "other"/);
    const terminal = { write: () => assert.fail("it was shown"), isTTY: true };
    await assert.rejects(
      ran(WITH_SECRET, { secretValue: "shopDbPassword", out: terminal }),
      /pipe only/,
    );
  });

  it("takes the values of variables from --env-file, or from the file beside it, and from nowhere else", async () => {
    const text = APP.replace("acme/app:1", "acme/app:${IMPORT_TAG}");
    process.env.IMPORT_TAG = "from-the-shell";
    try {
      assert.match(
        (await ran(text)).out,
        /question +variable IMPORT_TAG has no value, in services\.app\.image/,
      );
      writeFileSync(join(folder, ".env"), "IMPORT_TAG=2\n");
      assert.match((await ran(text)).out, /app: acme\/app:2\n/);
      const envFile = join(folder, "other.env");
      writeFileSync(envFile, "IMPORT_TAG=3\n");
      assert.match((await ran(text, { envFile })).out, /app: acme\/app:3\n/);
      await assert.rejects(ran(text, { envFile: join(folder, "none") }), /none: does not exist/);
    } finally {
      delete process.env.IMPORT_TAG;
    }
  });

  it("copies data with commands for the host", async () => {
    const text = APP.replace(
      "user:",
      "volumes: ['data:/data', './my files:/files', '/x']\n    user:",
    );
    const { out } = await ran(`${text}volumes: { data: }\n`);
    assert.match(out, /^copy shop_data test-app-data$/m);
    assert.match(out, /^copy '.*\/my files' test-app-files$/m);
    const db =
      "services: { db: { image: 'postgres:16', volumes: ['pg:/var/lib/postgresql/data'] } }";
    const moved = await ran(`name: shop\n${db}\nvolumes: { pg: }\n`);
    assert.match(moved.out, /^copy shop_pg test-db-pg pgdata$/m);
    assert.match(moved.out, /^ +PGDATA: \/var\/lib\/postgresql\/data\/pgdata$/m);
    assert.match(
      out,
      /^copy "\$\(docker inspect -f .*eq \.Destination "\/x".* "\$\(docker ps -aq --filter label=com\.docker\.compose\.project=shop --filter label=com\.docker\.compose\.service=app\)"\)" test-app-x$/m,
    );
    const script = out.slice(out.indexOf("\ncopy() {"), out.indexOf("\n}\n") + 3);
    const missing = await run("/bin/sh", ["-c", `${script}\ncopy /nowhere test-app-x`]);
    assert.equal(missing.code, 1);
    assert.equal(missing.stderr, "/nowhere: there is no such folder here, nothing was copied\n");
  });

  it("reads the file of a secret wherever the command runs", async () => {
    const { out } = await ran(
      `${APP.replace("user:", "secrets: [one, two]\n    user:")}secrets: { one: { file: "./my secret" }, two: { file: ~/two } }\n`,
    );
    assert.ok(out.includes(`'secrets.shopOne' < '${folder}/my secret'\n`), out);
    assert.ok(out.includes(`'secrets.shopTwo' < "$HOME"/two\n`), out);
  });

  it("counts and shows nothing to fill in for a service without an entry", async () => {
    const { out } = await ran(
      APP.replace("user:", "privileged: true\n    ports: [x]\n    user:").replace(":1\n", "\n"),
    );
    assert.match(
      out,
      /1 refused; to fill in: 0 reasons, 0 questions\n\napp {2}\(no entry\)\n {2}refused .*\n$/,
    );
    const replaced = "services: { cadvisor: { image: gcr.io/cadvisor/cadvisor } }";
    assert.equal((await ran(replaced)).code, 0);
  });

  it("prints nothing from the file that a terminal or a shell would carry out", async () => {
    const text = `services:
  app:
    image: acme/app:1
    environment: { A: "\\e[31m\\u202ered", B: "a\\nb\\u009bc" }
    volumes: ["/x';touch_it;'y", "./a'; touch_it; \\e[1m:/y"]
`;
    const { out } = await ran(text);
    assert.doesNotMatch(out, /[^\P{Cc}\n]|\p{Bidi_Control}/u);
    assert.equal(out.match(/^copy "?[$']/gm)?.length, 2, out);
    const script = out.slice(out.indexOf("\ncopy() {")).replaceAll("docker", "echo");
    const { code, stderr, stdout } = await run("/bin/sh", [
      "-c",
      `touch_it() { echo TOUCHED; }; ${script}`,
    ]);
    assert.doesNotMatch(stdout + stderr, /TOUCHED|yntax/, `${code}`);
  });

  it("refuses what the stack would not accept, with its words, and with it what cannot do without", async () => {
    const text = `services:
  one: { image: "acme/app:1", healthcheck: { test: [CMD, x] }, volumes: ["data:/data path"] }
  two: { image: "acme/app:1", healthcheck: { test: [CMD, x] }, depends_on: [one], environment: { URL: "http://one:80" } }
`;
    const { code, out } = await ran(text);
    assert.equal(code, 2);
    assert.match(
      out,
      /^one {2}\(no entry\)\n {2}refused +the stack would not accept its entry → services\.one\.volumes\.0: expected/m,
    );
    assert.match(
      out,
      /^two\n {2}question .*\n(?: .*\n)* {2}question +it uses one, which has no entry/m,
    );
    assert.doesNotMatch(out, /depends_on/);
    assert.match(out, /it reaches every service of its networks → it reaches no other service$/m);
  });

  it("is finished in bounded time with the largest file that it takes", async () => {
    const services = Array.from(
      { length: 200 },
      (_, index) =>
        `  s${index}:\n    image: acme/app:1\n    user: "5:5"\n    healthcheck: { test: [CMD, x] }\n    environment: { URL: "http://s${(index + 1) % 200}:80" }\n`,
    );
    const started = performance.now();
    const { out } = await ran(`services:\n${services.join("")}`);
    assert.match(out, /200 services, /);
    assert.ok(performance.now() - started < 50_000);
  });

  const bad: readonly (readonly [
    what: string,
    command: Partial<ImportCommand>,
    message: RegExp,
  ])[] = [
    ["no file", { args: [] }, /expected one Compose file, got 0/],
    [
      "two files",
      { args: ["a", "b"] },
      /got 2; several files of one project: docker compose -f A -f B config/,
    ],
    ["a file that does not exist", { args: ["/nowhere.yaml"] }, /\/nowhere\.yaml: does not exist/],
    ["a folder", { args: ["/tmp"] }, /\/tmp: is not a file/],
    ["a bad stack name", { stack: "../x" }, /stack "\.\.\/x": expected only letters/],
    ["a stack that does not exist", { stack: "none" }, /Pulumi\.none\.yaml: does not exist/],
  ];
  for (const [what, command, message] of bad)
    it(`refuses ${what}`, () => assert.rejects(ran(APP, command), message));
});
