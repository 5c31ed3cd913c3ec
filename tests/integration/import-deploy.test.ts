/**
 * A Compose file of a monitoring stack, imported as docs/from-compose.md says and really deployed, with the data of one of
 * its volumes. By hand: PINNED_STACK_PROGRAMS=1 and PINNED_STACK_TEST_DISK=14g, the size of the own host's disk.
 */
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import {
  inNetworkOf,
  newDeployment,
  overSsh,
  pinnedImages,
  type Deployment,
} from "../support/deployment";
import { ask } from "../support/http";
import { condition, services } from "../support/inspect";
import { commandWords } from "../support/project-command";
import { IMAGES } from "../support/requirements";
import { run, type Result } from "../support/run";
import { useWorld } from "../support/world";

const STACK = "moved";
const PROGRAMS = [
  ...["library/redis:7.0.15", "prom/prometheus:v2.42.0", "prom/alertmanager:v0.25.0"],
  ...["prom/blackbox-exporter:v0.23.0", "miniflux/miniflux:2.2.13"],
  "oauth2-proxy/oauth2-proxy:v7.15.6",
];
const CANARIES = {
  APP_DB_PASSWORD: "canary-app-database-1",
  OIDC_CLIENT_SECRET: "canary-client-secret-2",
  OIDC_COOKIE_SECRET: "canary-cookie-07fd2a-9f31ce44aa0",
};
const ENTRIES = "alertmanager app blackbox-exporter cache db oauth2-proxy prometheus".split(" ");

/** @param registry where its images are */
const compose = (registry: string): string => `services:
  traefik:
    image: ${registry}/library/traefik:v3.6.4
    command: --providers.docker
    ports: ["80:80", "443:443"]
    volumes: ["/var/run/docker.sock:/var/run/docker.sock:ro"]
  app:
    image: ${registry}/miniflux/miniflux:2.2.13
    restart: always
    environment:
      DATABASE_URL: postgres://app:\${APP_DB_PASSWORD}@db:5432/app?sslmode=disable
      RUN_MIGRATIONS: "1"
      BASE_URL: http://app.example.test/
    depends_on: [db]
    labels:
      traefik.http.routers.app.rule: Host(\`app.example.test\`)
      traefik.http.routers.app.middlewares: login
      traefik.http.services.app.loadbalancer.server.port: "8080"
  db:
    image: ${registry}/library/postgres:16-alpine
    environment:
      POSTGRES_USER: app
      POSTGRES_DB: app
      POSTGRES_PASSWORD: \${APP_DB_PASSWORD}
    volumes: ["db:/var/lib/postgresql/data"]
  oauth2-proxy:
    image: ${registry}/oauth2-proxy/oauth2-proxy:v7.15.6
    command:
      - --provider=oidc
      - --skip-oidc-discovery=true
      - --oidc-issuer-url=https://idp.example.test
      - --login-url=https://idp.example.test/authorize
      - --redeem-url=https://idp.example.test/token
      - --oidc-jwks-url=https://idp.example.test/keys
      - --client-id=stack
      - --email-domain=example.test
      - --http-address=0.0.0.0:4180
      - --reverse-proxy=true
      - --upstream=static://202
    environment:
      OAUTH2_PROXY_CLIENT_SECRET: \${OIDC_CLIENT_SECRET}
      OAUTH2_PROXY_COOKIE_SECRET: \${OIDC_COOKIE_SECRET}
    labels:
      traefik.http.routers.login.rule: Host(\`auth.example.test\`)
      traefik.http.services.login.loadbalancer.server.port: "4180"
      traefik.http.middlewares.login.forwardauth.address: http://oauth2-proxy:4180/
  prometheus:
    image: ${registry}/prom/prometheus:v2.42.0
    command: [--config.file=/etc/stack/prometheus.yml, --storage.tsdb.path=/prometheus]
    volumes: ["./prometheus.yml:/etc/stack/prometheus.yml:ro", "prometheus:/prometheus"]
  alertmanager:
    image: ${registry}/prom/alertmanager:v0.25.0
    command:
      - --config.file=/etc/stack/alertmanager.yml
      - --storage.path=/alertmanager
      - --cluster.listen-address=
    ports: ["127.0.0.1:9093:9093"]
    volumes: ["./alertmanager.yml:/etc/stack/alertmanager.yml:ro", "alerts:/alertmanager"]
  blackbox-exporter:
    image: ${registry}/prom/blackbox-exporter:v0.23.0
    command: [--config.file=/etc/stack/blackbox.yml]
    volumes: ["./blackbox.yml:/etc/stack/blackbox.yml:ro"]
  cache:
    image: ${registry}/library/redis:7.0.15
    volumes: ["cache:/data"]
  node-exporter:
    image: prom/node-exporter:v1.9.1
    pid: host
    volumes: ["/:/host:ro,rslave"]
volumes: { db: {}, prometheus: {}, alerts: {}, cache: {} }
`;
const FILES = {
  ".env": Object.entries(CANARIES)
    .map(([name, value]) => `${name}=${value}\n`)
    .join(""),
  "prometheus.yml": `global: { scrape_interval: 2s }
scrape_configs:
  - job_name: blackbox
    static_configs: [{ targets: ["blackbox-exporter:9115"] }]
  - job_name: alertmanager
    static_configs: [{ targets: ["alertmanager:9093"] }]
`,
  "alertmanager.yml": "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n",
  "blackbox.yml": "modules: { http_2xx: { prober: http, timeout: 5s } }\n",
};

const said = ({ stdout, stderr }: Result): string => `${stdout}${stderr}`;

describe("a Compose file that is imported and deployed", function () {
  if (process.env["PINNED_STACK_PROGRAMS"] !== "1") {
    it("is asked for by PINNED_STACK_PROGRAMS=1", function () {
      this.skip();
    });
    return;
  }
  this.timeout(600_000);
  const world = useWorld({ images: [...Object.values(IMAGES), ...PROGRAMS], pulumi: true });
  let deployment: Deployment;
  let http: number;
  let imported: Result;
  const project = (): string => deployment.stack.project;
  const command = (
    name: "import" | "report" | "deploy",
    ...args: readonly string[]
  ): Promise<Result> =>
    run(process.execPath, [...commandWords(name), ...args], {
      cwd: project(),
      env: deployment.stack.env,
      timeout: 590_000,
    });
  const page = (host: string, path = "/") => ask(`http://127.0.0.1:${http}${path}`, { host });

  before(async () => {
    http = await world().publishedPort();
    const registry = world().registry.name;
    deployment = await newDeployment(world(), {
      name: STACK,
      values: {
        ...overSsh(world()),
        domain: "example.test",
        publish: { address: "0.0.0.0", http },
        images: await pinnedImages(world(), ["traefik", "homepage"]),
        services: { portainer: { enabled: false }, n8n: { enabled: false } },
        registries: { [registry]: { insecure: true } },
        adminAllow: ["10.201.0.0/16"],
      },
    });
    await mkdir(join(project(), "old"));
    for (const [name, content] of Object.entries({ ...FILES, "compose.yaml": compose(registry) }))
      await writeFile(join(project(), "old", name), content);
    await world().docker.ask("volume", "create", "old_cache");
    await world().docker.ask(
      ...["run", "--rm", "--network", "none", "-v", "old_cache:/data", "--entrypoint", "/bin/sh"],
      ...[await world().pinned(IMAGES.homepage), "-c", "echo moved >/data/marker"],
    );
  });

  it("says what becomes of it, and writes the entries", async () => {
    imported = await command("import", "old/compose.yaml", "--stack", STACK, "--write");
    assert.equal(imported.code, 2, said(imported));
    assert.match(imported.stdout, /^node-exporter {2}\(no entry\)$/m);
    for (const name of ENTRIES) assert.match(imported.stdout, new RegExp(`^${name}$`, "m"));
    for (const canary of Object.values(CANARIES)) assert.ok(!said(imported).includes(canary));
    const report = await command("report", "--stack", STACK);
    assert.equal(report.code, 2, said(report));
    assert.deepEqual(
      [...report.stderr.matchAll(/^ {2}(services\..*?): expected a reason of at least 10 /gm)].map(
        ([, where]) => where,
      ),
      ["app", "oauth2-proxy"].flatMap((name) =>
        ["environmentSecrets", "healthCheck"].map(
          (control) => `services.${name}: exemption ${control}`,
        ),
      ),
    );
  });

  it("is accepted once the reasons are there", async () => {
    const file = join(project(), `Pulumi.${STACK}.yaml`);
    const text = await readFile(file, "utf8");
    assert.equal(text.split('reason: ""').length - 1, 4);
    await writeFile(
      file,
      text.replaceAll('reason: ""', "reason: the program has no other way, as its manual says"),
    );
    const report = await command("report", "--stack", STACK);
    assert.equal(report.code, 0, said(report));
  });

  it("takes the secrets and the data with the commands that it printed", async () => {
    const lines = imported.stdout.split("\n");
    const secrets = lines.filter((line) => line.startsWith("value=$("));
    assert.equal(secrets.length, 3);
    for (const line of secrets) {
      const set = await run("sh", ["-c", line.replaceAll("npx pulumi", "pulumi")], {
        cwd: project(),
        env: deployment.stack.env,
        timeout: 60_000,
      });
      assert.equal(set.code, 0, said(set));
      for (const canary of Object.values(CANARIES)) assert.ok(!said(set).includes(canary));
    }
    const from = lines.indexOf("copy() {");
    const script = [
      ...lines.slice(from, lines.indexOf("}", from) + 1),
      ...lines.filter((line) => line.startsWith("copy old_cache ")),
    ].join("\n");
    const copied = await world().host.run("sh", ["-ec", script]);
    assert.equal(copied.code, 0, said(copied));
    assert.match(copied.stdout, /old_cache is in moved-cache-cache/);
  });

  it("comes up, hardened, connected as before, with its data", async () => {
    const result = await command("deploy", "--stack", STACK, "--yes");
    assert.equal(result.code, 0, said(result));
    for (const canary of Object.values(CANARIES)) assert.ok(!said(result).includes(canary));
    const all = await services(world(), STACK);
    for (const name of ENTRIES) {
      const container = all[name];
      assert.ok(container, name);
      // Those without a health check have an exemption.
      assert.equal(
        condition(container),
        ["app", "oauth2-proxy"].includes(name) ? "running" : "healthy",
        name,
      );
      const { HostConfig, Config } = container;
      assert.deepEqual([HostConfig.CapDrop, HostConfig.ReadonlyRootfs], [["ALL"], true], name);
      assert.notEqual(Config.User.split(":")[0], "0", name);
    }
    const kept = await world().docker.ask("exec", all.cache?.Id ?? "", "cat", "/data/marker");
    assert.equal(kept, "moved");
    const login = await page("app.example.test");
    assert.equal(login.status, 403);
    assert.match(login.body, /Sign in with OpenID Connect/);
    assert.equal((await page("auth.example.test", "/ping")).status, 200);
    assert.equal((await page("alertmanager.example.test", "/-/healthy")).status, 200);
    const app = all.app;
    assert.ok(app && all.prometheus);
    const healthy = await inNetworkOf(
      world(),
      app,
      `fetch("http://127.0.0.1:8080/healthcheck").then((answer) => answer.text()).then((text) => process.stdout.write(text));`,
    );
    assert.equal(healthy, "OK");
    const up = await inNetworkOf(
      world(),
      all.prometheus,
      `const until = Date.now() + 30000;
       const wait = async () => {
         const answer = await (await fetch("http://127.0.0.1:9090/api/v1/query?query=up")).json();
         const jobs = answer.data.result.filter(({ value }) => value[1] === "1").map(({ metric }) => metric.job).sort();
         if (jobs.length < 2 && Date.now() < until) return setTimeout(wait, 1000);
         process.stdout.write(jobs.join(" "));
       };
       wait();`,
    );
    assert.equal(up, "alertmanager blackbox");
  });
});
