import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parse } from "yaml";

import { RecordedContainer } from "../../model/containers";
import { synth } from "../../model/synth";
import { compose } from "../../report/compose";
import { ComposeError, inlineFiles } from "../../report/compose-helpers";
import { composeService } from "../../report/compose-service";
import { plain, required } from "../../report/compose-text";
import { compose as dockerCompose, composePlugin } from "../support/compose";
import { goldenStack } from "../support/golden-stack";

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
  containers: [],
  helpers: [],
  secrets: [],
};

describe("a Compose file", () => {
  let text: string;
  let file: ComposeDocument;
  before(async () => {
    text = compose(await synth(goldenStack(), { placeholders: true }));
    file = parse(text) as ComposeDocument;
  });

  it("is accepted by docker compose, and starts nothing without what only its user knows", async function () {
    this.timeout(30_000);
    if (composePlugin() === undefined) {
      console.log("skipped: no docker compose");
      this.skip();
    }
    const folder = await mkdtemp(join(tmpdir(), "compose-"));
    try {
      const path = join(folder, "compose.yaml");
      await writeFile(path, text);
      const nowhere = { address: "unix:///nowhere", config: folder };
      const config = (env: NodeJS.ProcessEnv) =>
        dockerCompose(nowhere, ["--file", path, "config", "--quiet"], env);
      const all = { DOCKER_SOCKET_GID: "999", N8N_ENCRYPTION_KEY: "x" };
      const accepted = await config(all);
      assert.deepEqual([accepted.code, accepted.stderr], [0, ""]);
      for (const name of Object.keys(all)) {
        const refused = await config({ ...all, [name]: "" });
        assert.notEqual(refused.code, 0);
        assert.match(refused.stderr, new RegExp(`required variable ${name} is missing a value`));
      }
    } finally {
      await rm(folder, { recursive: true });
    }
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

  it("says what it cannot carry, unpinned images among it", () => {
    const head = text.split("\nname: ")[0] ?? "";
    assert.match(head, /^# What a Compose file cannot carry:$/m);
    assert.match(head, /^# - the digest of homepage: its image is not pinned/m);
    assert.match(head, /^# - registry logins: /m);
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

  it("refuses a site with files that are no text, and says what to do", () => {
    const site = recorded({
      uploads: [{ file: "/srv/homepage/site/a.png", contentBase64: "AA==" }],
    });
    assert.throws(
      () => inlineFiles(site, "test"),
      (error) =>
        error instanceof ComposeError &&
        /^\/srv\/homepage\/site\/a\.png: .*services\.homepage\.folder/.test(error.message),
    );
  });
});
