/** From a service of one's own in the configuration to its container, its networks and its routes. */
import assert from "node:assert/strict";

import { parse } from "yaml";

import { describeStack } from "../../../components/describe";
import { HardeningError } from "../../../components/hardened/policy";
import { hostsOf } from "../../../components/ingress";
import { StackModel } from "../../../components/model";
import { parseConfig } from "../../../config/config";
import { changes, isWeaker } from "../../../tools/report/changes/changes";
import { stackView } from "../../../tools/report/view/stack";
import { expectHardened } from "../../support/hardened";
import { digestOf, IMAGES, rawConfig } from "../../support/raw-config";
import { containerOf, fileOf, REASON } from "../../support/small-stack";

const HEALTH = { test: ["CMD", "check"] };
const exempt = (control: string, value: unknown) => ({ control, value, reason: REASON });

/** The model of a stack with services of its own beside the program's. */
function stackOf(
  services: Readonly<Record<string, object>>,
  values: Readonly<Record<string, unknown>> = {},
): StackModel {
  const own = Object.keys(services).filter((name) => !(name in IMAGES));
  const raw = rawConfig({
    adminAllow: ["192.0.2.0/24"],
    services: Object.fromEntries(
      Object.entries(services).map(([name, service]) => [
        name,
        own.includes(name) ? { healthcheck: HEALTH, ...service } : service,
      ]),
    ),
    images: {
      ...IMAGES,
      ...Object.fromEntries(own.map((name) => [name, `example/${name}:1@${digestOf("9")}`])),
    },
    ...values,
  });
  const config = parseConfig({ ...raw, secure: new Set([...raw.secure, "secrets"]) });
  return describeStack(config, config.images);
}
const appOf = (keys: object, values?: Readonly<Record<string, unknown>>) =>
  containerOf(stackOf({ app: keys }, values), "app");

describe("a service of one's own", () => {
  it("is the policy where it says nothing", () => {
    expectHardened(appOf({}));
  });

  it("has what it says under Compose's names", () => {
    const container = appOf({
      ...{ user: "1000:1000", entrypoint: ["/bin/app"], command: ["serve"], working_dir: "/srv" },
      ...{ stop_grace_period: "1m30s", shm_size: "128m", ulimits: { nofile: 8192 }, init: true },
      ...{ memoryMiB: 512, cpus: 2, pidsLimit: 50, group_add: [44] },
      tmpfs: ["/tmp", "/run:size=8m,exec"],
      volumes: ["data:/data", "cache:/cache"],
      configs: [
        { target: "/etc/app/app.conf", content: "a" },
        { target: "/etc/app/more/b.conf", content: "${b} $1" },
      ],
      healthcheck: { test: ["CMD-SHELL", "check || exit 1"], start_period: "2m" },
      backup: { stop: true },
    });
    expectHardened(container, {
      controls: {
        ...{ user: "1000:1000", memoryMiB: 512, cpus: 2, pidsLimit: 50, openFiles: 8192 },
      },
      mounts: [
        "files app-files-etc-app /etc/app: app.conf more/b.conf",
        "data app-data /data (chown)",
        "data app-cache /cache (chown)",
      ],
      tmpfs: { "/tmp": 16, "/run": 8 },
      order: "stop-first",
    });
    const { entrypoint, command, workingDir, init, groups, executableTmpfs, health } = container;
    assert.deepEqual(
      { entrypoint, command, workingDir, init, groups, executableTmpfs, health },
      {
        ...{ entrypoint: ["/bin/app"], command: ["serve"], workingDir: "/srv", init: true },
        ...{ groups: ["44"], executableTmpfs: ["/run"] },
        health: { command: ["/bin/sh", "-c", "check || exit 1"], startSeconds: 120 },
      },
    );
    assert.deepEqual([container.stopGraceSeconds, container.shmMiB], [90, 128]);
    // The content of a file is taken as it is.
    assert.equal(fileOf(container, "/etc/app/more/b.conf"), "${b} $1");
    assert.deepEqual(container.backup, { stop: true });
    // Its own image may have no chown.
    assert.match(container.toolImage, /traefik/);
  });

  it("goes beyond the policy only where an exemption says so, each of which CIS tells", () => {
    const rows: readonly (readonly [string, object, unknown, string?])[] = [
      ["user", {}, "0:0"],
      ["capabilities", {}, ["CAP_NET_RAW"], "5.4"],
      ["readOnlyRootfs", {}, false, "5.13"],
      ["noNewPrivileges", {}, false, "5.26"],
      ["hostPaths", { volumes: ["/etc/ssl:/ssl:ro"] }, ["/etc/ssl"], "5.6"],
      ["writableHostPaths", { volumes: ["/srv/media:/media"] }, ["/srv/media"], "5.6"],
      ["devices", { devices: ["/dev/ttyUSB0"] }, ["/dev/ttyUSB0"], "5.18"],
      ["outsideNetworks", {}, ["egress"]],
      ["healthCheck", { healthcheck: undefined }, false, "5.27"],
    ];
    const exemptItems = (model: StackModel): string[] =>
      stackView(model)
        .cis.results.filter(({ container, verdict }) => container === "app" && verdict === "exempt")
        .map(({ id }) => id);
    const plain = stackOf({ app: {} });
    for (const [control, keys, value, item] of rows) {
      const model = stackOf({ app: { ...keys, exemptions: [exempt(control, value)] } });
      assert.deepEqual(
        containerOf(model, "app").exemptions.map((one) => [one.control, one.value]),
        [[control, value]],
      );
      const more = exemptItems(model).filter((id) => !exemptItems(plain).includes(id));
      assert.deepEqual(more, item === undefined ? [] : [item], control);
      assert.equal(stackView(model).cis.findings, stackView(plain).cis.findings, control);
      assert.ok(isWeaker(changes(stackView(plain), stackView(model))), control);
    }
  });

  it("publishes a port on a network of its own, for which the exemption of the port counts too", () => {
    const model = stackOf({
      app: { ports: ["2222:22", "53:53/udp"], exemptions: [exempt("publishedPorts", [22, 53])] },
    });
    const { ports, networks, exemptions } = containerOf(model, "app");
    assert.deepEqual(ports, [
      { address: "127.0.0.1", published: 2222, internal: 22 },
      { address: "127.0.0.1", published: 53, internal: 53, protocol: "udp" },
    ]);
    assert.deepEqual(networks, [{ name: "edge-app", internal: false }]);
    assert.deepEqual(exemptions[1]?.value, ["edge"]);
  });

  it("needs one exemption for a port of both protocols, and for a folder at two paths", () => {
    const app = (value: readonly number[]) => ({
      app: {
        ports: ["53:53", "53:53/udp"],
        volumes: ["/srv/a:/a:ro", "/srv/a:/b:ro"],
        exemptions: [exempt("publishedPorts", value), exempt("hostPaths", ["/srv/a"])],
      },
    });
    for (const value of [[53], [53, 53]])
      assert.equal(containerOf(stackOf(app(value)), "app").ports.length, 2);
    assert.throws(() => stackOf(app([53, 54])), /the container uses \[53\], its exemptions allow/);
  });

  it("shares a network with each service that it names, and a way out with nobody", () => {
    const egress = { exemptions: [exempt("outsideNetworks", ["egress"])] };
    const model = stackOf({
      app: { links: ["cadvisor"], depends_on: ["cache"], ...egress },
      cache: egress,
      cadvisor: { enabled: true },
      n8n: { links: ["app"] },
    });
    const of = (name: string) => containerOf(model, name).networks.map((network) => network.name);
    assert.deepEqual(of("app").sort(), ["app-cache", "app-cadvisor", "egress-app", "n8n-app"]);
    assert.deepEqual(of("cache").sort(), ["app-cache", "egress-cache"]);
    assert.deepEqual(containerOf(model, "app").dependsOn, ["cache"]);
    assert.equal(
      containerOf(model, "app").upgrade?.untried,
      "needs cache, which a trial does not have",
    );
    for (const { members } of model.networks) assert.ok(members.length <= 2);
  });

  it("is refused where two pairs would share a network by its name", () => {
    assert.throws(
      () => stackOf({ a: { links: ["b-c"] }, "a-b": { links: ["c"] }, "b-c": {}, c: {} }),
      HardeningError,
    );
  });

  it("shares a volume that it names, and only its owner gives it away or copies it", () => {
    const model = stackOf({
      app: { user: "5:5", volumes: ["data:/data"] },
      reader: { volumes: ["app.data:/in:ro"] },
    });
    assert.deepEqual(containerOf(model, "reader").mounts, [
      {
        ...{ kind: "data", volume: "app-data", path: "/in" },
        ...{ chown: false, copy: "never", readOnly: true },
      },
    ]);
    assert.equal(containerOf(model, "reader").order, "start-first");
    const [volume] = stackView(model).volumes.filter(({ name }) => name === "app-data");
    assert.equal(volume?.owner, "5:5");
    assert.deepEqual(
      volume.mounts.map(({ container, readOnly }) => [container, readOnly]),
      [
        ["app", false],
        ["reader", true],
      ],
    );
  });

  it("reads Docker through a proxy of its own", () => {
    const model = stackOf({ app: { reads: ["containers"] } });
    const { environment, networks, dependsOn } = containerOf(model, "app");
    assert.deepEqual(environment, { DOCKER_HOST: "tcp://socket-proxy-app:2375" });
    assert.deepEqual(networks, [{ name: "app-socket-proxy", internal: true }]);
    assert.deepEqual(dependsOn, ["socket-proxy-app"]);
    const { dockerReads } = containerOf(model, "socket-proxy-app");
    assert.deepEqual(dockerReads, ["/_ping", "/containers/json"]);
  });
});

describe("secrets and variables", () => {
  const secrets = { key: "canary-key", "app-database": "canary-db" };

  it("are files of the service's user, and the address is filled in", () => {
    const { environment, mounts } = appOf(
      {
        ...{ port: 8080, host: "a.example.test" },
        environment: { URL: "${url}x", HOST: "${host}", PRICE: "5$$" },
        secrets: ["key", { source: "other", target: "api.txt" }],
      },
      { secrets: { key: "canary-key", other: "canary-other" } },
    );
    assert.deepEqual(environment, {
      URL: "http://a.example.test/x",
      HOST: "a.example.test",
      PRICE: "5$",
    });
    assert.deepEqual(
      mounts.map((mount) => mount.kind === "secrets" && [mount.path, mount.files]),
      [["/run/secrets", { key: { secret: "key" }, "api.txt": { secret: "other" } }]],
    );
  });

  it("are in the environment only with an exemption, whole or inside a text", () => {
    const app = {
      database: true,
      environment: { KEY: "${key}", DSN: "postgres://app:${database}@postgres/app?x=$$y" },
      exemptions: [exempt("environmentSecrets", ["DSN", "KEY"])],
    };
    const model = stackOf({ app }, { secrets });
    const { secretEnvironment, environment } = containerOf(model, "app");
    assert.deepEqual(environment, {});
    assert.deepEqual(secretEnvironment, {
      KEY: "key",
      DSN: "postgres://app:${app-database}@postgres/app?x=$$y",
    });
    assert.deepEqual(
      stackView(model).secrets.find(({ name }) => name === "app-database")?.readers,
      [
        { container: "postgres", by: "file", at: "/run/secrets/postgres/app" },
        { container: "app", by: "environment", at: "DSN" },
        { container: "app", by: "file", at: "/run/secrets/database" },
      ],
    );
  });

  it("belong to the program's services too, beside what these set themselves", () => {
    const model = stackOf(
      { n8n: { environment: { TZ: "Europe/Berlin" }, secrets: ["key"] } },
      { secrets: { key: "canary-key" } },
    );
    const { environment, mounts } = containerOf(model, "n8n");
    assert.equal(environment.TZ, "Europe/Berlin");
    assert.equal(environment.DB_TYPE, "postgresdb");
    assert.ok(
      mounts.some((mount) => mount.kind === "secrets" && mount.path === "/run/secrets/own"),
    );
    for (const [name, services] of [
      ["n8n", { n8n: { environment: { N8N_HOST: "a" } } }],
      ["postgres", { postgres: { environment: { POSTGRES_HOST_AUTH_METHOD: "trust" } } }],
    ] as const)
      assert.throws(
        () => stackOf(services),
        (error) =>
          error instanceof HardeningError &&
          /remove the line/.test(error.message) &&
          error.message.startsWith(`services.${name}.environment.`),
      );
  });
});

describe("the routes of a stack with services of its own", () => {
  const model = stackOf(
    {
      app: { port: 8080, login: { service: "auth", path: "/verify" }, aliases: ["b.test"] },
      api: { port: 1, host: "app.example.test", path: "/api", admin: true },
      auth: { port: 4180 },
      n8n: { login: "auth" },
    },
    {
      routes: {
        nas: {
          host: "nas.example.test",
          url: "https://192.0.2.9:5001",
          insecureSkipVerify: { reason: REASON },
        },
      },
      redirects: { "www.example.test": "example.test" },
    },
  );
  const config = parse(
    fileOf(containerOf(model, "traefik"), "/srv/traefik/dynamic/routes.yml"),
  ) as {
    readonly http: Readonly<
      Record<"routers" | "services" | "middlewares" | "serversTransports", Record<string, never>>
    >;
  };
  const { routers, services, middlewares, serversTransports } = config.http as unknown as Readonly<
    Record<string, Record<string, Record<string, unknown>>>
  >;
  const router = (name: string) => {
    const { rule, service, middlewares: all } = routers?.[name] ?? {};
    return [rule, service, (all as string[]).filter((one) => /admin|login|redirect/.test(one))];
  };

  it("have one router for each host name, so that a path has the longer rule", () => {
    assert.deepEqual(router("app"), ["Host(`app.example.test`)", "app", ["login_2"]]);
    assert.deepEqual(router("app_1"), ["Host(`b.test`)", "app", ["login_2"]]);
    assert.deepEqual(router("api"), [
      "Host(`app.example.test`) && (Path(`/api`) || PathPrefix(`/api/`))",
      "api",
      ["admin-only"],
    ]);
    assert.deepEqual(router("auth")[2], []);
  });

  it("ask who logs in, except at the paths for everybody, and let no visitor say it", () => {
    assert.deepEqual(router("n8n")[2], ["admin-only", "login_1"]);
    assert.deepEqual(router("n8n-public")[2], []);
    const { forwardAuth } = middlewares?.login_2 as { readonly forwardAuth: object };
    assert.deepEqual(Object.keys(forwardAuth), ["address", "authResponseHeaders"]);
    const { address, authResponseHeaders } = forwardAuth as {
      readonly address: string;
      readonly authResponseHeaders: readonly string[];
    };
    assert.equal(address, "http://auth:4180/verify");
    const removed = (
      middlewares?.["client-headers"] as {
        readonly headers: { readonly customRequestHeaders: Readonly<Record<string, string>> };
      }
    ).headers.customRequestHeaders;
    for (const header of authResponseHeaders) assert.equal(removed[header], "", header);
    assert.equal(removed["Remote_User"], "");
  });

  it("lead outside the stack, and from one host name to another", () => {
    assert.deepEqual(services?.nas, {
      loadBalancer: {
        servers: [{ url: "https://192.0.2.9:5001" }],
        serversTransport: "unchecked",
      },
    });
    assert.equal(serversTransports?.unchecked?.insecureSkipVerify, true);
    assert.deepEqual(router("redirect_1"), [
      "Host(`www.example.test`)",
      "noop@internal",
      ["redirect_1"],
    ]);
    assert.deepEqual(middlewares?.redirect_1, {
      redirectRegex: {
        regex: "^[^:]+://[^/]+/(.*)$",
        replacement: "http://example.test/${1}",
        permanent: true,
      },
    });
    for (const host of ["b.test", "nas.example.test", "www.example.test"])
      assert.ok(hostsOf(model.ingress).includes(host));
  });

  it("are weaker without their login, or with any certificate", () => {
    const open = stackOf({ app: { port: 8080, aliases: ["b.test"] }, auth: { port: 4180 } });
    const closed = stackOf({
      app: { port: 8080, aliases: ["b.test"], login: "auth" },
      auth: { port: 4180 },
    });
    const lines = (from: StackModel, to: StackModel): string[] =>
      changes(stackView(from), stackView(to)).map(
        ({ kind, subject, what }) => `${kind}: ${subject} ${what}`,
      );
    assert.deepEqual(lines(closed, open), ["weaker: app asks nobody to log in any more"]);
    assert.deepEqual(lines(open, closed), ["stricter: app asks http://auth:4180/ who may open it"]);
    const nas = (more: object) =>
      stackOf({}, { routes: { nas: { host: "nas.test", url: "https://192.0.2.9", ...more } } });
    assert.deepEqual(lines(stackOf({}), nas({ admin: true })), [
      "changed: nas opens https://192.0.2.9 as nas.test to administrators",
    ]);
    assert.deepEqual(lines(nas({ admin: true }), nas({ insecureSkipVerify: { reason: REASON } })), [
      "weaker: nas is open to everybody",
      "weaker: nas accepts any certificate from https://192.0.2.9",
    ]);
  });
});
