import assert from "node:assert/strict";

import { describeStack } from "../../components/describe";
import { HardeningError } from "../../components/hardened/policy";
import {
  DescribedStack,
  ServiceContext,
  ServiceDefinition,
} from "../../components/services/definition";
import { expectHardened, mountLine } from "../support/hardened";
import { containerOf, fileOf, modelOf, REASON, service, settingsOf } from "../support/small-stack";

const PAGES = { route: { target: 8080, admin: false } };
const ADMIN_PAGES = { route: { target: 9000, admin: true } };
const OFF = { enabled: false };
const HEALTH = { command: ["check"] };
const DATABASE = { name: "app", password: "appPassword" };
const OUTSIDE = (network: string) => ({
  exemptions: [{ control: "outsideNetworks", value: [network], reason: REASON } as const],
});

describe("a container of a described stack", () => {
  it("is the policy and what its service says", () => {
    const web = service("web", { user: "101:101", tmpfs: { "/tmp": 1 } });
    expectHardened(containerOf(modelOf([web]), "web"), {
      controls: { user: "101:101" },
      tmpfs: { "/tmp": 1 },
    });
  });

  it("may be one of several of its service, with an image of another for init containers", () => {
    const pair = service("pair", () => [
      { name: "pair-1", health: HEALTH, toolImage: "tools" },
      { name: "pair-2", health: HEALTH, afterStart: "echo started" },
    ]);
    const images = { pair: "pair:1", tools: "tools:1" };
    assert.deepEqual(
      modelOf([pair, service("tools")], { images }).containers.map(
        ({ name, service: of, image, toolImage, afterStart = "nothing" }) =>
          `${name} of ${of}: ${image} ${toolImage}, ${afterStart}`,
      ),
      [
        "pair-1 of pair: pair:1 tools:1, nothing",
        "pair-2 of pair: pair:1 pair:1, echo started",
        "tools of tools: tools:1 tools:1, nothing",
      ],
    );
  });

  it("takes the limits and exemptions of the stack over those of its service", () => {
    const own = { control: "capabilities", value: ["CAP_CHOWN"], reason: REASON } as const;
    const more = { control: "readOnlyRootfs", value: false, reason: REASON } as const;
    const web = service("web", { memoryMiB: 64, cpus: 1, exemptions: [own] });
    const model = modelOf([web], {
      services: { web: { limits: { memoryMiB: 512, pidsLimit: 50 }, exemptions: [more] } },
    });
    expectHardened(containerOf(model, "web"), {
      controls: {
        ...{ memoryMiB: 512, pidsLimit: 50, cpus: 1 },
        ...{ capabilities: ["CAP_CHOWN"], readOnlyRootfs: false },
      },
    });
  });

  it("names the volumes of its files after itself, those of its data after the service", () => {
    const web = service("web", () => [
      {
        name: "web-1",
        health: HEALTH,
        files: { config: { path: "/etc/web", files: { "web.conf": "x" } } },
        secrets: { keys: { path: "/run/keys", files: { key: "webKey" } } },
        data: { data: { path: "/data" }, logs: { path: "/logs", chown: true } },
        hostPaths: [{ source: "/sys", path: "/host/sys" }],
        dockerSocket: true,
        exemptions: [
          { control: "hostPaths", value: ["/sys"], reason: REASON },
          { control: "dockerSocket", value: true, reason: REASON },
        ],
      },
    ]);
    const host = { address: "unix:///run/user/1000/docker.sock" };
    assert.deepEqual(containerOf(modelOf([web], { host }), "web-1").mounts.map(mountLine), [
      "files web-1-config /etc/web: web.conf",
      "secrets web-1-keys /run/keys: key=webKey",
      "data web-data /data",
      "data web-logs /logs (chown)",
      "host /sys /host/sys",
      "socket /run/user/1000/docker.sock /var/run/docker.sock",
    ]);
  });

  it("publishes its ports on the stack's address", () => {
    const door = service("door", {
      ports: [{ published: 8080, internal: 80 }],
      exemptions: [
        { control: "publishedPorts", value: [80], reason: REASON },
        ...OUTSIDE("edge").exemptions,
      ],
    });
    const publish = { address: "192.0.2.1", http: 80, https: 443 };
    expectHardened(containerOf(modelOf([door], { publish }), "door"), {
      controls: { publishedPorts: [80], outsideNetworks: ["edge"] },
      networks: ["edge"],
      ports: ["192.0.2.1:8080:80"],
      order: "stop-first",
    });
  });

  it("is refused when it goes beyond its exemptions", () => {
    assert.throws(() => modelOf([service("web", { egress: true })]), HardeningError);
  });

  it("waits for its database, its socket proxy and what it names", () => {
    const app = service(
      "app",
      () => [
        { health: HEALTH, dependsOn: ["cache"] },
        { name: "app-worker", health: HEALTH },
      ],
      { database: DATABASE, dockerApi: ["info"] },
    );
    assert.deepEqual(
      modelOf([app]).containers.map(({ dependsOn }) => dependsOn),
      [["cache", "postgres", "socket-proxy-app"], []],
    );
  });
});

describe("the networks of a described stack", () => {
  const networksOf = (...definitions: readonly ServiceDefinition[]): string[] =>
    modelOf(definitions).networks.map(
      ({ name, internal, members }) =>
        `${name}${internal ? "" : " (outside)"}: ${members.join(" ")}`,
    );
  const [a, b] = [service("a"), service("b")];
  const linked = service("a", { links: ["b"] });
  const rows: readonly (readonly [string, readonly ServiceDefinition[], ...string[]])[] = [
    ["are none for services that do not talk", [a, b]],
    ["follow the links of a container", [linked, b], "a-b: a b"],
    ["follow the clients of a service", [a, service("b", {}, { clients: ["a"] })], "a-b: a b"],
    [
      "are one for a pair, whoever asks and however often",
      [linked, service("b", { links: ["a"] }, { clients: ["a"] })],
      "a-b: a b",
    ],
    [
      "lead to nothing that is not there",
      [service("a", { links: ["b"] }, { clients: ["c"], database: DATABASE })],
    ],
    [
      "connect a service with its database",
      [service("postgres"), service("app", {}, { database: DATABASE })],
      "app-postgres: app postgres",
    ],
    [
      "connect a client of Docker's API with its proxy",
      [
        service("a", {}, { dockerApi: ["info"] }),
        service("socket-proxy", { name: "socket-proxy-a" }),
      ],
      "a-socket-proxy: a socket-proxy-a",
    ],
    [
      "have the way out first",
      [linked, service("b", { egress: true, ...OUTSIDE("egress") })],
      ...["egress-b (outside): b", "a-b: a b"],
    ],
  ];
  for (const [title, definitions, ...lines] of rows)
    it(title, () => {
      assert.deepEqual(networksOf(...definitions), lines);
    });

  it("are joined by both ends", () => {
    const model = modelOf([linked, b]);
    for (const name of ["a", "b"]) expectHardened(containerOf(model, name), { networks: ["a-b"] });
  });
});

describe("the routes of a described stack", () => {
  const routesOf = (definitions: readonly ServiceDefinition[], adminAllow = ["192.0.2.0/24"]) =>
    modelOf(definitions, { adminAllow }).ingress.routes;
  const web = service("web", { contentSecurityPolicy: "default-src 'none'" }, PAGES);

  it("lead to the service's port, with the policy that its server sends", () => {
    assert.deepEqual(routesOf([web, service("db")]), [
      {
        service: "web",
        host: "web.example.test",
        target: "http://web:8080",
        container: "web",
        admin: false,
        probePath: "/",
        contentSecurityPolicy: "default-src 'none'",
      },
    ]);
  });

  it("may lead to a service inside Traefik, and have pages to check and to probe", () => {
    const route = { target: "api@internal", admin: true, healthPath: "/ok", probePath: "/version" };
    const [{ target, healthPath, probePath } = assert.fail()] = routesOf([
      service("door", {}, { route }),
    ]);
    assert.deepEqual([target, healthPath, probePath], ["api@internal", "/ok", "/version"]);
  });

  it("are open to administrators only where some network is allowed in", () => {
    const names = (adminAllow: string[]) =>
      routesOf([web, service("tool", {}, ADMIN_PAGES)], adminAllow).map((route) => route.service);
    assert.deepEqual(names(["192.0.2.0/24"]), ["web", "tool"]);
    assert.deepEqual(names([]), ["web"]);
  });

  it("may have other access at some paths, and depend on an option of the service", () => {
    const route = {
      ...({ target: 80, publicPaths: ["/hook/"] } as const),
      adminPaths: () => [{ path: "/setup" }] as const,
      admin: ({ open }: Readonly<Record<string, unknown>>) => open !== true,
    };
    const access = (open: boolean, adminAllow = ["192.0.2.0/24"]) =>
      modelOf([service("app", {}, { route })], {
        adminAllow,
        services: { app: { options: { open } } },
      }).ingress.routes.map(({ admin, publicPaths, adminPaths }) => [
        admin,
        publicPaths,
        adminPaths,
      ]);
    assert.deepEqual(access(false), [[true, ["/hook/"], undefined]]);
    assert.deepEqual(access(true), [
      [false, ["/hook/"], [{ path: "/setup", target: "http://app:80" }]],
    ]);
    // The paths for everybody remain.
    assert.deepEqual(access(false, []), [[true, ["/hook/"], undefined]]);
  });
});

describe("what a service knows of its stack", () => {
  it("is its own address and options, and what the services that are on offer and need", () => {
    let seen: ServiceContext | undefined;
    const web = service(
      "web",
      (context) => {
        seen = context;
        return [{ health: HEALTH }];
      },
      PAGES,
    );
    const uses = { database: DATABASE, dockerApi: ["info"] } as const;
    const others = [
      service("app", {}, { ...uses, ...ADMIN_PAGES }),
      service("old", {}, { ...uses, ...PAGES }),
    ];
    modelOf([web, ...others], {
      tls: { mode: "selfSigned" },
      publish: { address: "127.0.0.1", http: 80, https: 8443 },
      images: { web: "web:1" },
      services: { web: { options: { folder: "site" } }, old: OFF },
    });
    assert.ok(seen);
    const { routes, image, savedVolumes, ...rest } = seen;
    assert.deepEqual(savedVolumes(), []);
    assert.deepEqual(rest, {
      stack: "test",
      tls: { mode: "selfSigned" },
      publish: { address: "127.0.0.1", http: 80, https: 8443 },
      adminAllow: ["192.0.2.0/24"],
      options: { folder: "site" },
      url: "https://web.example.test:8443/",
      redirects: [],
      dockerClients: [{ service: "app", reads: ["info"] }],
      databases: [{ ...DATABASE, service: "app" }],
    });
    assert.deepEqual(
      routes.map((route) => route.service),
      ["web", "app"],
    );
    assert.equal(image.tag, "1");
  });

  it("has no address without a route", () => {
    const web = service("web", ({ url }) => [{ health: HEALTH, environment: { URL: url } }]);
    assert.deepEqual(containerOf(modelOf([web]), "web").environment, { URL: "" });
  });
});

describe("a file that lists the stack", () => {
  /** What such a file of the first of these services is told. */
  function told(
    others: readonly ServiceDefinition[],
    said: Parameters<typeof modelOf>[1] = {},
  ): DescribedStack {
    let seen: DescribedStack | undefined;
    const list = (stack: DescribedStack): string => {
      seen = stack;
      return "the list";
    };
    const files = { files: { path: "/srv", files: { "list.txt": list, "plain.txt": "plain" } } };
    const container = containerOf(modelOf([service("page", { files }), ...others], said), "page");
    assert.equal(fileOf(container, "/srv/list.txt"), "the list");
    assert.equal(fileOf(container, "/srv/plain.txt"), "plain");
    return seen ?? assert.fail("nobody asked for it");
  }

  it("knows every service that is on, with its address, image and day", () => {
    const { stack, services, containers } = told(
      [service("web", {}, PAGES), service("tool", {}, ADMIN_PAGES), service("old", {}, PAGES)],
      {
        images: { page: "page:1", web: "web:1", tool: "tool:1" },
        since: { web: "2026-01-31" },
        services: { old: OFF },
      },
    );
    assert.equal(stack, "test");
    assert.deepEqual(services, [
      { service: "page", image: "page:1", admin: false },
      {
        service: "web",
        image: "web:1",
        since: "2026-01-31",
        url: "http://web.example.test/",
        admin: false,
      },
      { service: "tool", image: "tool:1", url: "http://tool.example.test/", admin: true },
    ]);
    // A link that lets nobody in is not shown.
    const hooks = { route: { target: 80, admin: true, publicPaths: ["/hook/"] } } as const;
    const [, app] = told([service("app", {}, hooks)], { adminAllow: [] }).services;
    assert.deepEqual([app?.url, app?.admin], [undefined, true]);
    assert.deepEqual(
      containers.map(({ name }) => name),
      ["page", "web", "tool"],
    );
  });

  it("has no address of a page that nobody may see", () => {
    const { services } = told([service("tool", {}, ADMIN_PAGES)], { adminAllow: [] });
    assert.deepEqual(
      services.map(({ url }) => url),
      [undefined, undefined],
    );
  });
});

describe("a described stack", () => {
  it("leaves out what is off, with everything that is there only for it", () => {
    const old = service("old", { egress: true, ...OUTSIDE("egress"), links: ["web"] }, PAGES);
    const { images, containers, networks, ingress } = modelOf(
      [old, service("web", {}, { clients: ["old"] })],
      { services: { old: OFF } },
    );
    assert.deepEqual([images.length, containers.length, networks, ingress.routes], [1, 1, [], []]);
  });

  it("says what its images need, and what a proxy lets through", () => {
    const app = service(
      "app",
      {},
      {
        image: { diskMiB: 100, needs: ({ tag }) => ({ newestApi: Number(tag) }) },
        dockerApi: ["info"],
      },
    );
    const proxy = service("socket-proxy", { name: "socket-proxy-app" });
    const model = modelOf([app, proxy], {
      images: { app: "app:41", "socket-proxy": "proxy:1" },
      since: { app: "2026-01-31" },
      platform: "linux/arm64",
      requirePins: true,
      registries: { "b.test": { insecure: true }, "a.test": { insecure: true }, "c.test": {} },
    });
    const [{ reference, ...image } = assert.fail()] = model.images;
    assert.deepEqual(image, {
      service: "app",
      needs: { service: "app", image: "app:41", diskMiB: 100, newestApi: 41 },
      since: "2026-01-31",
    });
    assert.equal(reference.tag, "41");
    assert.deepEqual(
      model.containers.map(({ name, dockerReads }) => [name, dockerReads]),
      [
        ["app", undefined],
        ["socket-proxy-app", ["/_ping", "/info"]],
      ],
    );
    assert.deepEqual(
      [model.stack, model.platform, model.requirePins, model.insecureRegistries],
      ["test", "linux/arm64", true, ["a.test", "b.test"]],
    );
  });

  it("is not made from settings or images that nobody checked", () => {
    const web = service("web");
    assert.throws(() => describeStack(settingsOf([web]), {}, {}, [web]), {
      message: "images.web: was not checked before use",
    });
  });
});
