/**
 * Nine services of one's own with the seven, over SSH: real programs, except for the identity provider, which is a script.
 * By hand: PINNED_STACK_PROGRAMS=1 and PINNED_STACK_TEST_DISK=14g, the size of the own host's disk.
 */
import assert from "node:assert/strict";

import {
  inNetworkOf,
  newDeployment,
  overSsh,
  pinnedImages,
  site,
  type Deployment,
} from "../support/deployment";
import { visit } from "../support/browser";
import { ask } from "../support/http";
import { condition, services, type Inspected } from "../support/inspect";
import { startProbe } from "../support/probe";
import { commandWords } from "../support/project-command";
import { IMAGES } from "../support/requirements";
import { run, succeeded, type Result } from "../support/run";
import { useWorld } from "../support/world";
import { IDENTITY_PROVIDER } from "../support/identity-provider";

const STACK = "many";
const DOMAIN = "example.test";

const SECRETS = {
  postgresPassword: "canary-postgres-5b1d7e",
  n8nDatabasePassword: "canary-database-71ce09",
  n8nEncryptionKey: "canary-encryption-90fa42-6b1e7d3c",
  portainerPassword: "canary-portainer-c3e8b6",
} as const;
const OWN_SECRETS = {
  "miniflux-database": "canary-miniflux-4411ab",
  minifluxAdmin: "canary-admin-83ac1f",
  oidcClientSecret: "canary-client-2be770",
  // oauth2-proxy takes 16, 24 or 32 bytes.
  oidcCookieSecret: "canary-cookie-07fd2a-9f31ce44aa0",
};
const CANARIES = [...Object.values(SECRETS), ...Object.values(OWN_SECRETS)];

const PROGRAMS = {
  queue: "library/redis:7.0.15",
  prometheus: "prom/prometheus:v2.42.0",
  alertmanager: "prom/alertmanager:v0.25.0",
  pushgateway: "prom/pushgateway:v1.5.1",
  blackbox: "prom/blackbox-exporter:v0.23.0",
  miniflux: "miniflux/miniflux:2.2.13",
  site: IMAGES.homepage,
  "oauth2-proxy": "oauth2-proxy/oauth2-proxy:v7.15.6",
  // For its Node.js.
  idp: IMAGES.n8n,
} as const;
type Program = keyof typeof PROGRAMS;
const NAMES = Object.keys(PROGRAMS) as readonly Program[];

const web = (port: number, path: string, start = "30s") => ({
  test: ["CMD", "wget", "-q", "-O", "/dev/null", `http://127.0.0.1:${port}${path}`],
  start_period: start,
});

const servicesOf = (http: number): Readonly<Record<Program, object>> => ({
  queue: {
    user: "999:999",
    command: ["redis-server", "--save", "60", "1", "--dir", "/data"],
    volumes: ["data:/data"],
    healthcheck: { test: ["CMD", "redis-cli", "ping"], start_period: "10s" },
    memoryMiB: 64,
    backup: { none: "it holds nothing that would be missed" },
  },
  prometheus: {
    user: "65534:65534",
    port: 9090,
    login: "oauth2-proxy",
    command: ["--config.file=/etc/stack/prometheus.yml", "--storage.tsdb.path=/prometheus"],
    configs: [
      {
        target: "/etc/stack/prometheus.yml",
        content: `global: { scrape_interval: 2s }
alerting: { alertmanagers: [{ static_configs: [{ targets: ["alertmanager:9093"] }] }] }
scrape_configs:
  - job_name: cadvisor
    static_configs: [{ targets: ["cadvisor:8080"] }]
  - job_name: pushgateway
    static_configs: [{ targets: ["pushgateway:9091"] }]
  - job_name: miniflux
    metrics_path: /probe
    params: { module: [http_2xx], target: ["http://miniflux:8080/healthcheck"] }
    static_configs: [{ targets: ["blackbox:9115"] }]
`,
      },
    ],
    volumes: ["data:/prometheus"],
    healthcheck: web(9090, "/-/healthy", "60s"),
    links: ["cadvisor", "alertmanager", "pushgateway", "blackbox"],
    memoryMiB: 256,
    stop_grace_period: "30s",
    backup: { none: "figures can be done without" },
  },
  alertmanager: {
    user: "65534:65534",
    port: 9093,
    admin: true,
    command: [
      ...["--config.file=/etc/stack/alertmanager.yml", "--storage.path=/alertmanager"],
      "--cluster.listen-address=",
    ],
    configs: [
      {
        target: "/etc/stack/alertmanager.yml",
        content: "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n",
      },
    ],
    volumes: ["data:/alertmanager"],
    healthcheck: web(9093, "/-/healthy"),
    memoryMiB: 64,
    backup: { none: "silences can be made again" },
  },
  pushgateway: {
    user: "65534:65534",
    port: 9091,
    healthcheck: web(9091, "/-/healthy"),
    memoryMiB: 64,
  },
  blackbox: {
    user: "65534:65534",
    command: ["--config.file=/etc/stack/blackbox.yml"],
    configs: [
      {
        target: "/etc/stack/blackbox.yml",
        content: "modules: { http_2xx: { prober: http, timeout: 5s } }\n",
      },
    ],
    healthcheck: web(9115, "/-/healthy"),
    links: ["miniflux"],
    memoryMiB: 64,
  },
  miniflux: {
    user: "65534:65534",
    port: 8080,
    entrypoint: ["/bin/sh", "-c"],
    command: [
      'export DATABASE_URL="postgres://miniflux:$(cat /run/secrets/database)@postgres/miniflux?sslmode=disable"; exec /usr/bin/miniflux',
    ],
    environment: {
      BASE_URL: "${url}",
      RUN_MIGRATIONS: "1",
      CREATE_ADMIN: "1",
      ADMIN_USERNAME: "admin",
      ADMIN_PASSWORD_FILE: "/run/secrets/minifluxAdmin",
    },
    secrets: ["minifluxAdmin"],
    database: true,
    healthcheck: web(8080, "/healthcheck", "60s"),
    memoryMiB: 128,
  },
  site: site("site"),
  "oauth2-proxy": {
    port: 4180,
    host: `auth.${DOMAIN}`,
    command: [
      ...["--provider=oidc", "--skip-oidc-discovery=true", "--skip-provider-button=true"],
      ...["--client-id=stack", "--client-secret-file=/run/secrets/oidcClientSecret"],
      ...["--cookie-secret-file=/run/secrets/oidcCookieSecret", "--cookie-secure=false"],
      ...[`--cookie-domain=.${DOMAIN}`, `--whitelist-domain=.${DOMAIN}:*`],
      ...[`--email-domain=${DOMAIN}`, "--oidc-issuer-url=http://idp.example.test"],
      `--login-url=http://idp.${DOMAIN}:${http}/authorize`,
      ...["--redeem-url=http://idp:8080/token", "--oidc-jwks-url=http://idp:8080/keys"],
      `--redirect-url=http://auth.${DOMAIN}:${http}/oauth2/callback`,
      ...["--http-address=0.0.0.0:4180", "--reverse-proxy=true", "--upstream=static://202"],
      ...["--set-xauthrequest=true", "--trusted-proxy-ip=10.201.0.0/16"],
    ],
    secrets: ["oidcClientSecret", "oidcCookieSecret"],
    healthcheck: web(4180, "/ping"),
    depends_on: ["idp"],
    memoryMiB: 64,
  },
  idp: {
    user: "1000:1000",
    port: 8080,
    entrypoint: ["node", "/etc/idp/idp.js"],
    configs: [{ target: "/etc/idp/idp.js", content: IDENTITY_PROVIDER }],
    secrets: ["oidcClientSecret"],
    tmpfs: ["/home/node/.n8n:size=1m"],
    healthcheck: web(8080, "/keys"),
    memoryMiB: 128,
  },
});

/** Who may talk to whom, both ways, besides what the seven do among themselves. */
const CONNECTED = [
  ...["prometheus cadvisor", "prometheus alertmanager", "prometheus pushgateway"],
  ...["prometheus blackbox", "blackbox miniflux", "miniflux postgres", "oauth2-proxy idp"],
  ...["prometheus", "alertmanager", "pushgateway", "miniflux", "site", "oauth2-proxy", "idp"].map(
    (name) => `traefik ${name}`,
  ),
];
const PORTS: Readonly<Record<string, number>> = {
  ...{ queue: 6379, prometheus: 9090, alertmanager: 9093, pushgateway: 9091, blackbox: 9115 },
  ...{ miniflux: 8080, site: 8080, "oauth2-proxy": 4180, idp: 8080, traefik: 80, postgres: 5432 },
  ...{ n8n: 5678, portainer: 9000, cadvisor: 8080 },
};

const said = ({ stdout, stderr }: Result): string => `${stdout}${stderr}`;

describe("nine programs of one's own with the seven", function () {
  if (process.env["PINNED_STACK_PROGRAMS"] !== "1") {
    it("are asked for by PINNED_STACK_PROGRAMS=1", function () {
      this.skip();
    });
    return;
  }
  this.timeout(600_000);
  const world = useWorld({
    images: [...Object.values(IMAGES), ...Object.values(PROGRAMS)],
    pulumi: true,
    browser: true,
  });
  let deployment: Deployment;
  let http: number;
  const printed: string[] = [];
  const deploy = async (...args: readonly string[]): Promise<Result> => {
    const result = await run(
      process.execPath,
      [...commandWords("deploy"), "--stack", STACK, "--yes", ...args],
      { cwd: deployment.stack.project, env: deployment.stack.env, timeout: 590_000 },
    );
    printed.push(said(result));
    return result;
  };
  const containers = (): Promise<Readonly<Record<string, Inspected>>> => services(world(), STACK);
  const one = async (name: string): Promise<Inspected> => {
    const found = (await containers())[name];
    assert.ok(found, name);
    return found;
  };
  const page = (name: string, path = "/", headers: Record<string, string> = {}) =>
    ask(`http://127.0.0.1:${http}${path}`, { host: `${name}.${DOMAIN}`, headers });
  /** A request to Miniflux's API from inside its own container, as its administrator. */
  const api = async (method: string, path: string, body = ""): Promise<string> =>
    inNetworkOf(
      world(),
      await one("miniflux"),
      `const [method, path, body, login] = process.argv.slice(1);
       fetch("http://127.0.0.1:8080" + path, { method, headers: { authorization: "Basic " + Buffer.from(login).toString("base64") }, ...(body && { body }) })
         .then((answer) => answer.text()).then((text) => process.stdout.write(text));`,
      ...[method, path, body, `admin:${OWN_SECRETS.minifluxAdmin}`],
    );
  const categories = async (): Promise<string[]> =>
    (JSON.parse(await api("GET", "/v1/categories")) as { title: string }[]).map(
      ({ title }) => title,
    );

  before(async () => {
    http = await world().publishedPort();
    const programs = await Promise.all(
      NAMES.map(async (name) => [name, await world().pinned(PROGRAMS[name])] as const),
    );
    deployment = await newDeployment(world(), {
      name: STACK,
      values: {
        ...overSsh(world()),
        domain: DOMAIN,
        publish: { address: "0.0.0.0", http },
        images: { ...(await pinnedImages(world())), ...Object.fromEntries(programs) },
        checkTags: false,
        services: { cadvisor: { enabled: true }, ...servicesOf(http) },
        registries: { [world().registry.name]: { insecure: true } },
        adminAllow: ["10.201.0.0/16"],
      },
      secrets: {
        ...SECRETS,
        ...Object.fromEntries(
          Object.entries(OWN_SECRETS).map(([name, value]) => [`secrets.${name}`, value]),
        ),
      },
    });
    const from = Date.now();
    succeeded("deploy", await deploy());
    console.log(`    first deployment: ${Math.round((Date.now() - from) / 1000)} s`);
  });

  it("are healthy, with the seven", async () => {
    const all = await containers();
    const states = Object.entries(all).map(([name, container]) => [name, condition(container)]);
    assert.deepEqual(
      states.filter(([name, state]) => state !== "healthy" && name !== "portainer"),
      [],
    );
    for (const name of NAMES) assert.ok(name in all, name);
    console.log(`    ${states.length} containers: ${Object.keys(all).sort().join(", ")}`);
  });

  it("are under the whole policy, as Docker says", async () => {
    const all = await containers();
    const wanted = servicesOf(http) as Readonly<
      Record<string, { readonly user?: string; readonly memoryMiB: number }>
    >;
    for (const name of NAMES) {
      const { Config, HostConfig, Mounts } = await one(name);
      const { user = "65532:65532", memoryMiB } = wanted[name] ?? { memoryMiB: 0 };
      assert.deepEqual(
        {
          user: Config.User,
          dropped: HostConfig.CapDrop,
          added: HostConfig.CapAdd ?? [],
          readOnly: HostConfig.ReadonlyRootfs,
          options: HostConfig.SecurityOpt,
          privileged: HostConfig.Privileged,
          memory: HostConfig.Memory,
          swap: HostConfig.MemorySwap,
          processes: HostConfig.PidsLimit,
          ports: HostConfig.PortBindings ?? {},
          devices: HostConfig.Devices ?? [],
          namespaces: [HostConfig.IpcMode, HostConfig.PidMode, HostConfig.UTSMode],
          volumes: Mounts.every(({ Type }) => Type === "volume" || Type === "tmpfs"),
        },
        {
          user,
          dropped: ["ALL"],
          added: [],
          readOnly: true,
          options: ["no-new-privileges:true"],
          privileged: false,
          memory: memoryMiB * 1024 * 1024,
          swap: memoryMiB * 1024 * 1024,
          processes: 200,
          ports: {},
          devices: [],
          namespaces: ["private", "", ""],
          volumes: true,
        },
        name,
      );
      const status = await world().host.run("cat", [`/proc/${all[name]?.State.Pid ?? 0}/status`]);
      assert.match(status.stdout, /^CapEff:\t0{16}$/m, name);
      assert.match(status.stdout, /^NoNewPrivs:\t1$/m, name);
      assert.match(status.stdout, /^Seccomp:\t2$/m, name);
    }
  });

  it("have a /28 each of the stack's range for their networks", async () => {
    const filter = `--filter=label=pinned-stack.stack=${STACK}`;
    const ids = (await world().docker.ask("network", "ls", "-q", filter)).split("\n");
    const subnets = (
      await world().docker.ask(
        ...["network", "inspect", "--format={{range .IPAM.Config}}{{.Subnet}}{{end}}", ...ids],
      )
    ).split("\n");
    console.log(`    ${subnets.length} networks`);
    assert.equal(new Set(subnets).size, ids.length);
    for (const subnet of subnets) assert.match(subnet, /^10\.201\.\d+\.\d+\/28$/);
  });

  it("reach what they name and nothing else", async () => {
    const all = await containers();
    const script = `const net = require("node:net");
      const targets = JSON.parse(process.argv[1]);
      Promise.all(targets.map(([name, host, port]) => new Promise((done) => {
        const socket = net.connect({ host, port });
        const end = (ok) => { socket.destroy(); done(ok ? [name] : []); };
        socket.on("connect", () => end(true)).on("error", () => end(false));
        setTimeout(() => end(false), 2000);
      }))).then((found) => process.stdout.write(JSON.stringify([...new Set(found.flat())].sort())));`;
    // An address of the host that listens: Traefik's, on the gateway of its own network.
    const edge = await world().docker.ask(
      ...["network", "inspect", `${STACK}-edge`],
      "--format={{range .IPAM.Config}}{{.Subnet}}{{end}}",
    );
    const [, start = "", last = ""] = /^(10\.201\.\d+\.)(\d+)\/28$/.exec(edge) ?? [];
    const gateway = `${start}${Number(last) + 1}`;
    assert.match(
      (await world().host.run("ip", ["-brief", "address"])).stdout,
      new RegExp(`\\b${gateway}/28`),
    );
    let pairs = 0;
    for (const name of NAMES) {
      const targets = [
        ...Object.entries(all).flatMap(([other, { NetworkSettings }]) =>
          other === name
            ? []
            : Object.values(NetworkSettings.Networks)
                .filter(({ IPAddress }) => IPAddress !== "")
                .map(
                  ({ IPAddress }) =>
                    [
                      other,
                      IPAddress,
                      PORTS[other] ?? (other.includes("proxy") ? 2375 : 80),
                    ] as const,
                ),
        ),
        ["internet", "192.0.2.1", 80] as const,
        ["host", gateway, http] as const,
      ];
      pairs += new Set(targets.map(([other]) => other)).size;
      const reached = JSON.parse(
        await inNetworkOf(world(), await one(name), script, JSON.stringify(targets)),
      ) as string[];
      const allowed = CONNECTED.flatMap((pair) => {
        const ends = pair.split(" ");
        return ends.includes(name) ? ends.filter((end) => end !== name) : [];
      });
      assert.deepEqual(reached, allowed.sort(), name);
    }
    console.log(`    ${pairs} pairs tried`);
  });

  it("do their work: Prometheus scrapes what it names", async () => {
    const query = await inNetworkOf(
      world(),
      await one("prometheus"),
      `const until = Date.now() + 60000;
       const wait = async () => {
         const answer = await (await fetch("http://127.0.0.1:9090/api/v1/query?query=up")).json();
         const up = answer.data.result.filter(({ value }) => value[1] === "1").map(({ metric }) => metric.job).sort();
         if (up.length < 3 && Date.now() < until) return setTimeout(wait, 1000);
         process.stdout.write(up.join(" "));
       };
       wait();`,
    );
    assert.equal(query, "cadvisor miniflux pushgateway");
  });

  it("ask a visitor to log in, in a real browser, and let nobody in without", async () => {
    const refused = await page("prometheus", "/-/healthy");
    assert.equal(refused.status, 302);
    assert.match(String(refused.headers.location), /^http:\/\/idp\.example\.test:\d+\/authorize\?/);
    const forged = await page("prometheus", "/-/healthy", {
      "x-auth-request-user": "admin",
      cookie: "_oauth2_proxy=forged",
    });
    assert.equal(forged.status, 302);
    const seen = await visit(`http://prometheus.${DOMAIN}:${http}/-/healthy`, async (browser) => {
      const first = [new URL(browser.url()).hostname, await browser.textContent("h1")];
      await browser.click("#stranger");
      await browser.waitForURL(/^http:\/\/auth\./);
      const stranger = (await browser.textContent("body")) ?? "";
      await browser.goto(`http://prometheus.${DOMAIN}:${http}/-/healthy`);
      await browser.click("#member");
      await browser.waitForURL(/^http:\/\/prometheus\./);
      return { first, stranger, url: browser.url(), body: await browser.textContent("body") };
    });
    assert.deepEqual(seen.first, [`idp.${DOMAIN}`, "Who are you?"]);
    assert.match(seen.stranger, /403|Forbidden|Invalid Account/i);
    assert.equal(seen.url, `http://prometheus.${DOMAIN}:${http}/-/healthy`);
    assert.match(seen.body ?? "", /Prometheus.* is Healthy/);
    const log = said(await world().docker.cli(["logs", (await one("oauth2-proxy")).Id]));
    assert.match(log, /OAuthProxy configured/);
    assert.doesNotMatch(log, /no --trusted-proxy-ip/);
  });

  it("show no drift, and a second deployment has nothing to do", async () => {
    const drift = await run(process.execPath, [...commandWords("drift"), "--stack", STACK], {
      cwd: deployment.stack.project,
      env: deployment.stack.env,
      timeout: 120_000,
    });
    assert.equal(drift.code, 0, said(drift));
    const times: number[] = [];
    for (const refresh of [[], [], [], ["--refresh"]]) {
      const from = Date.now();
      const again = await deployment.preview("--expect-no-changes", ...refresh);
      assert.equal(again.code, 0, said(again));
      times.push(Date.now() - from);
    }
    const [best = 0] = times.slice(0, 3).sort((a, b) => a - b);
    console.log(
      `    previews without changes: ${times.slice(0, 3).join(", ")} ms, with --refresh ${times[3] ?? 0} ms; ${Math.round(best / 16)} ms for each of 16 services`,
    );
  });

  it("keep their secrets", async () => {
    const state = await deployment.stack.exportState();
    const ids = (await world().docker.ask("ps", "-aq")).split("\n");
    const logs = await Promise.all(ids.map((id) => world().docker.cli(["logs", id])));
    const own = Object.entries(await containers()).filter(([name]) => name !== "n8n");
    const shown = {
      state,
      inspect: await world().docker.ask("inspect", ...own.map(([, { Id }]) => Id)),
      logs: logs.map(said).join("\n"),
      output: `${printed.join("\n")}${deployment.transcript()}`,
    };
    assert.ok(shown.state.length > 100_000);
    for (const [where, text] of Object.entries(shown))
      for (const canary of CANARIES) assert.ok(!text.includes(canary), `${canary} in ${where}`);
  });

  it("keep serving while a bad image of a stateless one is refused", async () => {
    const before = await one("pushgateway");
    const good = await world().pinned(PROGRAMS.pushgateway);
    const digest = await world().variant(PROGRAMS.pushgateway, "exits", "bad");
    await deployment.pin({
      pushgateway: `${world().registry.name}/${PROGRAMS.pushgateway}@${digest}`,
    });
    const probe = startProbe({
      url: `http://127.0.0.1:${http}/-/healthy`,
      host: `pushgateway.${DOMAIN}`,
    });
    const result = await deploy();
    const report = await probe.stop();
    assert.equal(result.code, 3, said(result));
    assert.equal(report.failures, 0, JSON.stringify(report));
    console.log(`    ${report.requests} requests, ${report.failures} failed`);
    assert.equal((await one("pushgateway")).Id, before.Id);
    await deployment.pin({ pushgateway: good });
  });

  it("come back as they were with --rollback", async () => {
    const args = async (): Promise<string> =>
      world().docker.ask("inspect", "--format={{json .Args}}", (await one("pushgateway")).Id);
    const before = await args();
    const changed = servicesOf(http);
    await deployment.set({
      services: {
        cadvisor: { enabled: true },
        ...changed,
        pushgateway: { ...changed.pushgateway, command: ["--log.level=debug"] },
      },
    });
    succeeded("deploy", await deploy());
    assert.match(await args(), /--log\.level=debug/);
    succeeded("rollback", await deploy("--rollback"));
    assert.equal(await args(), before);
    await deployment.set({ services: { cadvisor: { enabled: true }, ...changed } });
  });

  it("get their database back from a dump", async () => {
    await api("POST", "/v1/categories", '{"title":"kept"}');
    assert.ok((await categories()).includes("kept"));
    succeeded("dump", await deploy("--dump"));
    const [id] = (JSON.parse(await api("GET", "/v1/categories")) as { id: number; title: string }[])
      .filter(({ title }) => title === "kept")
      .map((category) => category.id);
    await api("DELETE", `/v1/categories/${id ?? 0}`);
    assert.ok(!(await categories()).includes("kept"));
    succeeded("restore", await deploy("--restore"));
    assert.ok((await categories()).includes("kept"));
  });

  it("keep the subnets of their networks when one comes and another one goes", async () => {
    const subnets = async (): Promise<Map<string, string>> => {
      const filter = `--filter=label=pinned-stack.stack=${STACK}`;
      const ids = (await world().docker.ask("network", "ls", "-q", filter)).split("\n");
      const text = await world().docker.ask(
        ...["network", "inspect"],
        ...["--format={{.Name}} {{.Id}}{{range .IPAM.Config}}{{.Subnet}}{{end}}", ...ids],
      );
      return new Map(text.split("\n").map((line) => line.split(" ") as [string, string]));
    };
    const before = await subnets();
    const all = servicesOf(http);
    await deployment.set({
      services: {
        cadvisor: { enabled: true },
        ...all,
        site: { enabled: false, ...all.site },
        // A name before all others.
        blackbox: { ...all.blackbox, links: ["miniflux", "alertmanager"] },
      },
    });
    // Two that could not talk to each other can do so then.
    const refused = await deploy();
    assert.equal(refused.code, 1, said(refused));
    assert.match(
      refused.stdout + refused.stderr,
      /WEAKER: alertmanager shares a network with blackbox/,
    );
    succeeded("deploy", await deploy("--allow-weaker"));
    const after = await subnets();
    assert.ok(after.has(`${STACK}-blackbox-alertmanager`));
    assert.ok(!after.has(`${STACK}-traefik-site`));
    for (const [name, subnet] of after)
      if (name !== `${STACK}-blackbox-alertmanager`) assert.equal(subnet, before.get(name), name);
  });
});
