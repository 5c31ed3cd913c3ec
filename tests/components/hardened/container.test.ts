import assert from "node:assert/strict";

import { FileVolume } from "../../../components/hardened/file-volume";
import { Exemption, HardeningError } from "../../../components/hardened/policy";
import {
  ContainerSpec,
  goDuration,
  HardenedContainer,
  replaceOrder,
} from "../../../components/hardened/container";
import { Networks } from "../../../components/hardened/networks";
import { CONTAINER } from "../../../tools/model/synth";
import { only, record, Recorded } from "../../support/pulumi-mocks";
import { IMAGES } from "../../support/raw-config";
import { remoteImage, STACK } from "../../support/service-args";

const REASON = "needed for this test and judged there";

/** Says of a container only what a test is about; made inside the run because networks are resources. */
type Said = (networks: Networks) => Partial<ContainerSpec>;

const CHECKED = { health: { command: ["check"] } };

const run = (said: Said = () => ({}), health: Pick<ContainerSpec, "health"> = CHECKED) =>
  record(() => {
    const networks = new Networks(STACK, {});
    return new HardenedContainer(
      STACK,
      {
        name: "web",
        image: remoteImage("homepage"),
        ...health,
        networks: [networks.link("traefik", "web")],
        after: [],
        ...said(networks),
      },
      {},
    );
  });

const containerOf = async (said?: Said): Promise<Recorded> =>
  only((await run(said)).resources, CONTAINER, "test-web");

const problemsOf = async (said: Said): Promise<readonly string[]> => {
  try {
    await run(said);
  } catch (error) {
    assert.ok(error instanceof HardeningError, String(error));
    return error.problems;
  }
  return [];
};

/** Every input of a container that says nothing but its name, image, health check and network. */
const PLAIN = {
  image: IMAGES.homepage,
  labels: [
    { label: "pinned-stack.stack", value: "test" },
    { label: "pinned-stack.service", value: "web" },
    { label: "pinned-stack.container", value: "web" },
    { label: "pinned-stack.role", value: "service" },
    { label: "pinned-stack.pids-limit", value: "200" },
  ],
  envs: [],
  stopTimeout: 10,
  destroyGraceSeconds: 10,
  user: "65532:65532",
  capabilities: { drops: ["ALL"], adds: [] },
  readOnly: true,
  securityOpts: ["no-new-privileges:true"],
  privileged: false,
  ipcMode: "private",
  init: false,
  memory: 256,
  memorySwap: 256,
  cpus: "0.5",
  ulimits: [{ name: "nofile", soft: 4096, hard: 4096 }],
  restart: "unless-stopped",
  logDriver: "json-file",
  logOpts: { "max-size": "10m", "max-file": "3" },
  volumes: [],
  tmpfs: {},
  healthcheck: {
    tests: ["CMD", "check"],
    interval: "5s",
    timeout: "5s",
    retries: 5,
    startPeriod: "30s",
  },
  wait: true,
  waitTimeout: 60,
  networksAdvanced: [{ name: "test-traefik-web", aliases: ["web"] }],
  ports: [],
};

const without = (...keys: readonly (keyof typeof PLAIN)[]): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(PLAIN).filter(([key]) => !(keys as readonly string[]).includes(key)),
  );

describe("a hardened container", () => {
  it("that says nothing gets the whole policy and nothing else", async () => {
    const container = await containerOf();
    assert.deepEqual(container.inputs, PLAIN);
    assert.deepEqual(container.options, {
      parent: "test-web",
      deleteBeforeReplace: false,
      replaceOnChanges: ["tmpfs", "init", "healthcheck", "#initerror"],
      dependsOn: [],
    });
  });

  it("that says everything gets exactly that", async () => {
    const { resources, value } = await run((networks) => {
      const image = remoteImage("traefik");
      return {
        service: "site",
        measures: { user: "101:102", memoryMiB: 64, cpus: 2, pidsLimit: 50, openFiles: 1024 },
        exemptions: [
          { control: "capabilities", value: ["CAP_CHOWN"], reason: REASON },
          { control: "publishedPorts", value: [80, 443], reason: REASON },
          { control: "outsideNetworks", value: ["edge"], reason: REASON },
          { control: "hostPaths", value: ["/sys"], reason: REASON },
          { control: "dockerSocket", value: true, reason: REASON },
          { control: "environmentSecrets", value: ["KEY"], reason: REASON },
        ],
        entrypoint: ["/bin/web"],
        command: ["--port", "80"],
        environment: { ZONE: "a", BASE: "/srv" },
        secretEnvironment: { KEY: "canary" },
        files: [
          new FileVolume(
            "test-web-files",
            { stack: STACK, service: "web", path: "/etc/web", files: { a: "b" }, image },
            {},
          ),
        ],
        data: [{ volume: "test-web-data", path: "/data" }],
        hostPaths: [{ host: "/sys", path: "/host/sys" }],
        dockerSocket: { path: "/run/user/1000/docker.sock", group: "998" },
        scratchMiB: { "/tmp": 16, "/run": 1 },
        health: { command: ["check", "--deep"], startSeconds: 90 },
        networks: [networks.edge(), networks.link("web", "database")],
        ports: [
          { address: "127.0.0.1", published: 8080, internal: 80 },
          { address: "127.0.0.1", published: 8443, internal: 443 },
        ],
        stopGraceSeconds: 120,
        shmMiB: 128,
        after: [image],
      };
    });
    const container = only(resources, CONTAINER, "test-web");
    assert.deepEqual(container.inputs, {
      name: "test-web",
      image: IMAGES.homepage,
      labels: [
        { label: "pinned-stack.stack", value: "test" },
        { label: "pinned-stack.service", value: "site" },
        { label: "pinned-stack.container", value: "web" },
        { label: "pinned-stack.role", value: "service" },
        { label: "pinned-stack.pids-limit", value: "50" },
      ],
      entrypoints: ["/bin/web"],
      command: ["--port", "80"],
      envs: { secret: ["BASE=/srv", "KEY=canary", "ZONE=a"] },
      stopTimeout: 120,
      destroyGraceSeconds: 120,
      shmSize: 128,
      user: "101:102",
      capabilities: { drops: ["ALL"], adds: ["CAP_CHOWN"] },
      readOnly: true,
      securityOpts: ["no-new-privileges:true"],
      privileged: false,
      ipcMode: "private",
      init: false,
      memory: 64,
      memorySwap: 64,
      cpus: "2.0",
      ulimits: [{ name: "nofile", soft: 1024, hard: 1024 }],
      restart: "unless-stopped",
      logDriver: "json-file",
      logOpts: { "max-size": "10m", "max-file": "3" },
      volumes: [
        { volumeName: "test-web-files", containerPath: "/etc/web", readOnly: true },
        { volumeName: "test-web-data", containerPath: "/data" },
        { hostPath: "/sys", containerPath: "/host/sys", readOnly: true },
        {
          hostPath: "/run/user/1000/docker.sock",
          containerPath: "/var/run/docker.sock",
          readOnly: true,
        },
      ],
      groupAdds: ["998"],
      tmpfs: {
        "/tmp": "rw,noexec,nosuid,nodev,size=16m,uid=101,gid=102",
        "/run": "rw,noexec,nosuid,nodev,size=1m,uid=101,gid=102",
      },
      healthcheck: {
        tests: ["CMD", "check", "--deep"],
        interval: "5s",
        timeout: "5s",
        retries: 5,
        startPeriod: "1m30s",
      },
      wait: true,
      waitTimeout: 120,
      networksAdvanced: [
        { name: "test-edge", aliases: ["web"] },
        { name: "test-web-database", aliases: ["web"] },
      ],
      ports: [
        { ip: "127.0.0.1", external: 8080, internal: 80, protocol: "tcp" },
        { ip: "127.0.0.1", external: 8443, internal: 443, protocol: "tcp" },
      ],
    });
    assert.deepEqual(container.options, {
      parent: "test-web",
      deleteBeforeReplace: true,
      replaceOnChanges: ["tmpfs", "init", "healthcheck", "#initerror"],
      dependsOn: ["test-traefik", "test-web-files-loader"],
    });
    assert.equal(value.order, "stop first");
    assert.equal(value.restrictions.service, "site");
    assert.deepEqual(value.restrictions.containers, ["web"]);
  });

  it("loses exactly the controls that it is exempt from", async () => {
    const container = await containerOf(() => ({
      exemptions: [
        { control: "user", value: "0:0", reason: REASON },
        { control: "readOnlyRootfs", value: false, reason: REASON },
        { control: "noNewPrivileges", value: false, reason: REASON },
      ],
    }));
    assert.deepEqual(container.inputs, {
      ...without("securityOpts"),
      user: "0:0",
      readOnly: false,
    });
  });

  it("without a health check has none from its image either, and is not waited for", async () => {
    const { resources } = await run(
      () => ({ exemptions: [{ control: "healthCheck", value: false, reason: REASON }] }),
      {},
    );
    assert.deepEqual(only(resources, CONTAINER).inputs, {
      ...without("wait", "waitTimeout"),
      healthcheck: { tests: ["NONE"] },
    });
  });

  it("is a component of its own that holds the container", async () => {
    const { resources } = await run();
    const component = only(resources, "pinned-stack:index:HardenedContainer");
    assert.deepEqual([component.name, component.custom, component.inputs], ["test-web", false, {}]);
  });

  const cpus: readonly (readonly [number, string])[] = [
    [1, "1.0"],
    [64, "64.0"],
    [0.5, "0.5"],
    [0.25, "0.25"],
    [1.0001, "1.0"],
    [0.3333, "0.333"],
    [0.01, "0.01"],
  ];
  for (const [number, text] of cpus)
    it(`writes ${number} CPUs as the provider reads them back, "${text}"`, async () => {
      const { inputs } = await containerOf(() => ({ measures: { cpus: number } }));
      assert.equal(inputs.cpus, text);
    });
});

describe("a container that does what its exemptions do not say", () => {
  const exempt = (...exemptions: Exemption[]): { exemptions: readonly Exemption[] } => ({
    exemptions,
  });
  const AFTER = "after its exemptions; give exactly that exemption with a reason";
  const ports = [{ address: "127.0.0.1", published: 8080, internal: 80 }];
  const rows: readonly (readonly [Said, ...string[]])[] = [
    [() => ({ ports }), `web: publishedPorts is [80] in the service and [] ${AFTER}`],
    [
      () => ({
        ports,
        ...exempt({ control: "publishedPorts", value: [80, 443], reason: REASON }),
      }),
      `web: publishedPorts is [80] in the service and [80,443] ${AFTER}`,
    ],
    [
      (networks) => ({ networks: [networks.edge()] }),
      `web: outsideNetworks is ["edge"] in the service and [] ${AFTER}`,
    ],
    [
      (networks) => ({
        networks: [networks.edge(), networks.egress()],
        ...exempt({ control: "outsideNetworks", value: ["edge"], reason: REASON }),
      }),
      `web: outsideNetworks is ["edge","egress"] in the service and ["edge"] ${AFTER}`,
    ],
    [
      () => ({ hostPaths: [{ host: "/", path: "/host" }] }),
      `web: hostPaths is ["/"] in the service and [] ${AFTER}`,
    ],
    [
      () => ({ dockerSocket: { path: "/var/run/docker.sock", group: "1" } }),
      `web: dockerSocket is true in the service and false ${AFTER}`,
    ],
    [
      () => ({ secretEnvironment: { KEY: "canary" } }),
      `web: environmentSecrets is ["KEY"] in the service and [] ${AFTER}`,
    ],
    [
      () => exempt({ control: "healthCheck", value: false, reason: REASON }),
      `web: healthCheck is true in the service and false ${AFTER}`,
    ],
    [
      () => exempt({ control: "dockerSocket", value: true, reason: REASON }),
      `web: dockerSocket is false in the service and true ${AFTER}`,
    ],
    [
      (networks) => ({
        ports,
        networks: [networks.egress()],
        secretEnvironment: { KEY: "canary" },
      }),
      `web: publishedPorts is [80] in the service and [] ${AFTER}`,
      `web: outsideNetworks is ["egress"] in the service and [] ${AFTER}`,
      `web: environmentSecrets is ["KEY"] in the service and [] ${AFTER}`,
    ],
    [
      () => ({ measures: { user: "0:0" } }),
      "web: user: root (0:0) takes an exemption with a reason",
    ],
  ];
  for (const [said, ...lines] of rows)
    it(`is refused: ${lines.join(" and ").slice(0, 110)}`, async () => {
      assert.deepEqual(await problemsOf(said), lines);
    });

  it("is refused without a health check and without an exemption for that", async () => {
    await assert.rejects(
      run(() => ({}), {}),
      { message: `web: healthCheck is false in the service and true ${AFTER}` },
    );
  });

  it("is named by its service, and repeats no secret", async () => {
    assert.deepEqual(
      await problemsOf(() => ({ service: "site", secretEnvironment: { KEY: "canary" } })),
      [`site: environmentSecrets is ["KEY"] in the service and [] ${AFTER}`],
    );
  });
});

describe("the order of a replacement", () => {
  const ports = [{ address: "127.0.0.1", published: 80, internal: 80 }];
  const data = [{ volume: "data", path: "/data" }];
  const rows: readonly (readonly [string, Pick<ContainerSpec, "ports" | "data">, string])[] = [
    ["neither ports nor data", {}, "start first"],
    ["empty lists", { ports: [], data: [] }, "start first"],
    ["a published port", { ports }, "stop first"],
    ["data", { data }, "stop first"],
    ["both", { ports, data }, "stop first"],
  ];
  for (const [title, spec, order] of rows)
    it(`is ${order} with ${title}`, () => {
      assert.equal(replaceOrder(spec.ports, spec.data), order);
    });

  it("gives a fixed name only to a container that stops first", async () => {
    const first = await containerOf();
    assert.equal("name" in first.inputs, false);
    assert.equal(first.options.deleteBeforeReplace, false);
    const stops = await containerOf(() => ({ data }));
    assert.equal(stops.inputs.name, "test-web");
    assert.equal(stops.options.deleteBeforeReplace, true);
  });
});

describe("a duration", () => {
  const rows: readonly (readonly [number, string])[] = [
    [0, "0s"],
    [5, "5s"],
    [59, "59s"],
    [60, "1m0s"],
    [90, "1m30s"],
    [120, "2m0s"],
    [3600, "1h0m0s"],
    [3725, "1h2m5s"],
  ];
  for (const [seconds, text] of rows)
    it(`of ${seconds} seconds is written as Go prints it, ${text}`, () => {
      assert.equal(goDuration(seconds), text);
    });
});
