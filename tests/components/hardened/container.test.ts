import assert from "node:assert/strict";

import { HardenedContainer, HardenedContainerArgs } from "../../../components/hardened/container";
import { DataVolume } from "../../../components/hardened/data-volume";
import { FileVolume } from "../../../components/hardened/file-volume";
import { ContainerModel } from "../../../components/hardened/model";
import { Networks } from "../../../components/hardened/networks";
import { Controls, Exemption, HARDENED } from "../../../components/hardened/policy";
import { DockerHost } from "../../../host/docker-host";
import { HOST } from "../../support/hardened";
import {
  COMMAND,
  CONTAINER,
  inClear,
  only,
  record,
  Recording,
  Registered,
  shortName,
} from "../../support/pulumi-mocks";
import { REASON } from "../../support/small-stack";

/** Made inside the run, because volumes and networks are resources. */
type Said = (networks: Networks) => Partial<HardenedContainerArgs>;

const run = (
  said: Said = () => ({}),
  preview = false,
  cgroups = "systemd 2\n",
): Promise<Recording<HardenedContainer>> =>
  record(
    () => {
      const host = new DockerHost("test", {
        host: { address: "unix:///var/run/docker.sock" },
        registries: {},
      });
      const networks = new Networks("test", {}, {});
      return new HardenedContainer(
        "test-web",
        {
          image: "web:1",
          health: { command: ["check"] },
          networks: [networks.between("door", "web")],
          host,
          ...said(networks),
        },
        {},
      );
    },
    { preview, engine: { [COMMAND]: { stdout: cgroups } } },
  );

const containerOf = async (said?: Said, cgroups?: string): Promise<Registered> =>
  only((await run(said, false, cgroups)).resources, CONTAINER, "test-web");

const files = (): FileVolume =>
  new FileVolume(
    "test-files",
    { path: "/etc/web", files: { a: "plain" }, image: "web:1", host: HOST },
    {},
  );
const secrets = (): FileVolume =>
  new FileVolume(
    "test-keys",
    {
      path: "/run/keys",
      files: { key: { secret: "theKey", value: "canary-key" } },
      owner: "1:1",
      image: "web:1",
      host: HOST,
    },
    {},
  );
const data = (): DataVolume => new DataVolume("test-data", { path: "/data" }, {});
const PORT = { address: "127.0.0.1", published: 8080, internal: 80 };
const exempt = (exemption: Omit<Exemption, "reason">) => ({
  exemptions: [{ ...exemption, reason: REASON } as Exemption],
});

/** Every input of a container that sets nothing. */
const PLAIN = {
  image: "web:1",
  labels: [
    { label: "hardened.name", value: "test-web" },
    { label: "hardened.role", value: "container" },
  ],
  start: false,
  mustRun: false,
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
  networksAdvanced: [{ name: "test-door-web", aliases: ["test-web"] }],
  // Behind Docker's own name server. Nothing answers there, so no name is asked for outside.
  dns: ["127.0.0.1"],
  ports: [],
};

/** What is set, and the inputs that differ from {@link PLAIN}; one that is undefined is gone. */
type Row = readonly [Said, Readonly<Record<string, unknown>>];

/** A row for each field of a model; a new field does not compile without one. */
const FIELDS: Readonly<
  Record<keyof Omit<ContainerModel, "controls" | "privileged" | "capDrop">, Row>
> = {
  name: [
    () => ({ alias: "web" }),
    { networksAdvanced: [{ name: "test-door-web", aliases: ["web"] }] },
  ],
  service: [() => ({ service: "site" }), {}],
  image: [() => ({ image: "web:2" }), { image: "web:2" }],
  exemptions: [() => exempt({ control: "readOnlyRootfs", value: false }), { readOnly: false }],
  environment: [
    () => ({ environment: { ZONE: "a", BASE: "/srv" } }),
    { envs: ["BASE=/srv", "ZONE=a"] },
  ],
  secretEnvironment: [
    () => ({
      environment: { ZONE: "a" },
      secretEnvironment: { KEY: { secret: "theKey", value: "canary-key" } },
      ...exempt({ control: "environmentSecrets", value: ["KEY"] }),
    }),
    { envs: [{ secretValue: "KEY=canary-key" }, "ZONE=a"] },
  ],
  mounts: [
    () => ({ mounts: [files(), secrets(), data()] }),
    {
      volumes: [
        { volumeName: "test-files", containerPath: "/etc/web", readOnly: true },
        { volumeName: "test-keys", containerPath: "/run/keys", readOnly: true },
        { volumeName: "test-data", containerPath: "/data" },
      ],
    },
  ],
  tmpfs: [
    () => ({ user: "101:102", tmpfs: { "/tmp": 16, "/run": 1 } }),
    {
      user: "101:102",
      tmpfs: {
        "/tmp": "rw,noexec,nosuid,nodev,size=16m,uid=101,gid=102",
        "/run": "rw,noexec,nosuid,nodev,size=1m,uid=101,gid=102",
      },
    },
  ],
  executableTmpfs: [
    () => ({ tmpfs: { "/run": 1, "/tmp": 1 }, executableTmpfs: ["/run"] }),
    {
      tmpfs: {
        "/run": "rw,exec,nosuid,nodev,size=1m,uid=65532,gid=65532",
        "/tmp": "rw,noexec,nosuid,nodev,size=1m,uid=65532,gid=65532",
      },
    },
  ],
  devices: [
    () => ({
      devices: [{ source: "/dev/ttyUSB0", path: "/dev/tty" }],
      ...exempt({ control: "devices", value: ["/dev/ttyUSB0"] }),
    }),
    { devices: [{ hostPath: "/dev/ttyUSB0", containerPath: "/dev/tty", permissions: "rw" }] },
  ],
  groups: [() => ({ groups: ["44"] }), { groupAdds: ["44"] }],
  workingDir: [() => ({ workingDir: "/srv" }), { workingDir: "/srv" }],
  init: [() => ({ init: true }), { init: true }],
  networks: [
    (networks) => ({ networks: [networks.between("web", "database")] }),
    { networksAdvanced: [{ name: "test-web-database", aliases: ["test-web"] }] },
  ],
  ports: [
    () => ({ ports: [PORT], ...exempt({ control: "publishedPorts", value: [80] }) }),
    { ports: [{ ip: "127.0.0.1", external: 8080, internal: 80, protocol: "tcp" }] },
  ],
  stopGraceSeconds: [
    () => ({ stopGraceSeconds: 120 }),
    { stopTimeout: 120, destroyGraceSeconds: 120 },
  ],
  dependsOn: [() => ({ dependsOn: ["database"] }), {}],
  entrypoint: [() => ({ entrypoint: ["/bin/web"] }), { entrypoints: ["/bin/web"] }],
  command: [() => ({ command: ["--port", "80"] }), { command: ["--port", "80"] }],
  health: [
    () => ({ health: { command: ["check", "--deep"], startSeconds: 90 } }),
    {
      healthcheck: {
        ...PLAIN.healthcheck,
        tests: ["CMD", "check", "--deep"],
        startPeriod: "1m30s",
      },
    },
  ],
  // Asked by the script that starts it.
  question: [() => ({ question: { port: 80, path: "/" } }), {}],
  shmMiB: [() => ({ shmMiB: 128 }), { shmSize: 128 }],
  // Where the driver is systemd; see below.
  cgroup: [
    () => ({ cgroup: { root: "my-program", stack: "dev", name: "web" } }),
    { cgroupParent: "myprogram-dev-web.slice" },
  ],
  order: [
    () => ({ mounts: [data()] }),
    { volumes: [{ volumeName: "test-data", containerPath: "/data" }] },
  ],
};

/** The same for each control. */
const CONTROLS: Readonly<Record<keyof Controls, Row>> = {
  user: [() => exempt({ control: "user", value: "0:0" }), { user: "0:0" }],
  capabilities: [
    () => exempt({ control: "capabilities", value: ["CAP_CHOWN"] }),
    { capabilities: { drops: ["ALL"], adds: ["CAP_CHOWN"] } },
  ],
  readOnlyRootfs: [() => exempt({ control: "readOnlyRootfs", value: false }), { readOnly: false }],
  noNewPrivileges: [
    () => exempt({ control: "noNewPrivileges", value: false }),
    { securityOpts: undefined },
  ],
  dockerSocket: [
    () => ({
      mounts: [
        { kind: "socket", source: "/run/user/1/docker.sock", path: "/docker.sock", group: "998" },
      ],
      ...exempt({ control: "dockerSocket", value: true }),
    }),
    {
      groupAdds: ["998"],
      volumes: [
        { hostPath: "/run/user/1/docker.sock", containerPath: "/docker.sock", readOnly: true },
      ],
    },
  ],
  hostPaths: [
    () => ({
      mounts: [{ kind: "host", source: "/sys", path: "/host/sys" }],
      ...exempt({ control: "hostPaths", value: ["/sys"] }),
    }),
    { volumes: [{ hostPath: "/sys", containerPath: "/host/sys", readOnly: true }] },
  ],
  writableHostPaths: [
    () => ({
      mounts: [{ kind: "host", source: "/srv", path: "/data", writable: true }],
      ...exempt({ control: "writableHostPaths", value: ["/srv"] }),
    }),
    { volumes: [{ hostPath: "/srv", containerPath: "/data", readOnly: false }] },
  ],
  devices: FIELDS.devices,
  // On cgroup v2; see below.
  hostCgroups: [
    () => exempt({ control: "hostCgroups", value: true }),
    { cgroupnsMode: "host", volumes: [] },
  ],
  publishedPorts: FIELDS.ports,
  outsideNetworks: [
    (networks) => ({
      networks: [networks.edge()],
      ...exempt({ control: "outsideNetworks", value: ["edge"] }),
    }),
    { networksAdvanced: [{ name: "test-edge", aliases: ["test-web"] }], dns: undefined },
  ],
  environmentSecrets: FIELDS.secretEnvironment,
  healthCheck: [
    () => ({
      health: undefined as never,
      ...exempt({ control: "healthCheck", value: false }),
    }),
    // None from the image either.
    { healthcheck: { tests: ["NONE"] } },
  ],
  memoryMiB: [() => ({ memoryMiB: 64 }), { memory: 64, memorySwap: 64 }],
  cpus: [() => ({ cpus: 2 }), { cpus: "2.0" }],
  // By the script that starts it.
  pidsLimit: [() => ({ pidsLimit: 50 }), {}],
  openFiles: [
    () => ({ openFiles: 1024 }),
    { ulimits: [{ name: "nofile", soft: 1024, hard: 1024 }] },
  ],
};

describe("the Docker container of a model", () => {
  it("has every restriction of the policy and nothing else for one that sets nothing", async () => {
    assert.deepEqual((await containerOf()).inputs, PLAIN);
  });

  for (const [field, [said, differences]] of Object.entries({ ...FIELDS, ...CONTROLS }))
    it(`differs by ${field} in ${Object.keys(differences).join(", ") || "nothing"}`, async () => {
      const expected = Object.entries<unknown>({ ...PLAIN, ...differences });
      assert.deepEqual(
        (await containerOf(said)).inputs,
        Object.fromEntries(expected.filter(([, value]) => value !== undefined)),
      );
    });

  it("has a path as its parent cgroup where the driver is cgroupfs", async () => {
    const said: Said = () => ({ cgroup: { root: "my-program", stack: "dev", name: "web" } });
    const { inputs } = await containerOf(said, "cgroupfs 2\n");
    assert.equal(inputs.cgroupParent, "/my-program/dev/web");
  });

  it("reads each of the host's controllers through a mount of its own on cgroup v1", async () => {
    const said: Said = () => ({
      mounts: [files()],
      ...exempt({ control: "hostCgroups", value: true }),
    });
    const { inputs } = await containerOf(said, "cgroupfs 1\n");
    const folders = ["blkio", "cpu", "cpuacct", "memory", "pids"].map(
      (name) => `/sys/fs/cgroup/${name}`,
    );
    assert.deepEqual(inputs.volumes, [
      { volumeName: "test-files", containerPath: "/etc/web", readOnly: true },
      ...folders.map((path) => ({ hostPath: path, containerPath: path, readOnly: true })),
    ]);
    assert.equal(inputs.cgroupnsMode, "host");
  });

  it("asks how the engine manages cgroups only where it matters, and once", async () => {
    const commands = async (said?: Said): Promise<string[]> =>
      (await run(said)).resources
        .filter(({ type, name }) => type === COMMAND && name.endsWith("-cgroups"))
        .map(({ inputs }) => String(inputs.stdin));
    assert.deepEqual(await commands(), []);
    const asked = await commands(() => ({
      cgroup: { root: "my-program", stack: "dev", name: "web" },
      ...exempt({ control: "hostCgroups", value: true }),
    }));
    assert.equal(asked.length, 1);
    assert.match(
      asked[0] ?? "",
      /\ndocker info --format '\{\{\.CgroupDriver\}\} \{\{\.CgroupVersion\}\}'\n$/,
    );
  });

  it("has no network at all where it has none, not Docker's default one", async () => {
    const { inputs } = await containerOf(() => ({ networks: [] }));
    assert.deepEqual([inputs.networkMode, inputs.networksAdvanced], ["none", []]);
  });

  it("has the labels of its caller, its name for the one that replaces it, and its role", async () => {
    const { inputs } = await containerOf(() => ({ labels: { owner: "me" } }));
    assert.deepEqual(inputs.labels, [
      { label: "owner", value: "me" },
      { label: "hardened.name", value: "test-web" },
      { label: "hardened.role", value: "container" },
    ]);
  });

  const cpus = { 1: "1.0", 64: "64.0", 0.25: "0.25", 1.0001: "1.0", 0.3333: "0.333", 0.01: "0.01" };
  for (const [number, text] of Object.entries(cpus))
    it(`writes ${number} CPUs as "${text}", as the provider reads them back`, async () => {
      assert.equal((await containerOf(() => ({ cpus: Number(number) }))).inputs.cpus, text);
    });
});

describe("the replacement of a container", () => {
  const rows: readonly (readonly [string, Said])[] = [
    ["nothing is shared", () => ({ mounts: [files()] })],
    ["data is shared", FIELDS.order[0]],
    ["a port is shared", FIELDS.ports[0]],
  ];
  for (const [title, said] of rows)
    it(`is created stopped beside the old one where ${title}`, async () => {
      const { inputs, options } = await containerOf(said);
      const { replacementTrigger: trigger, ...others } = options;
      assert.equal(typeof trigger, "string");
      assert.deepEqual(others, {
        deleteBeforeReplace: false,
        replaceOnChanges: ["tmpfs", "init", "healthcheck"],
      });
      // Two of one name cannot exist side by side.
      assert.deepEqual([inputs.start, inputs.mustRun, inputs.name], [false, false, undefined]);
    });

  it("comes also when a setting goes that the provider would keep", async () => {
    const triggerOf = async (said: Partial<HardenedContainerArgs>): Promise<unknown> =>
      (await containerOf(() => said)).options.replacementTrigger;
    const settings = [
      {},
      { command: ["--verbose"] },
      { entrypoint: ["--verbose"] },
      { workingDir: "/srv" },
      { shmMiB: 64 },
    ];
    const triggers: unknown[] = [];
    for (const said of settings) triggers.push(await triggerOf(said));
    assert.equal(new Set(triggers).size, settings.length);
    assert.equal(await triggerOf({ memoryMiB: 99 }), triggers[0]);
  });

  it("waits for the files and the data", async () => {
    const { dependsOn } = await containerOf(() => ({ mounts: [files(), secrets(), data()] }));
    const waited = new Set(dependsOn.map(shortName));
    for (const name of ["Command test-files-fill", "Command test-keys-fill", "Volume test-data"])
      assert.ok(waited.has(name), `${name} is not among ${[...waited].join(", ")}`);
  });
});

describe("the start of a container", () => {
  const startOf = async (said?: Said): Promise<Registered> =>
    only((await run(said)).resources, COMMAND, "test-web-start");

  it("is a command of its own that runs again for each new container", async () => {
    const { inputs, dependsOn } = await startOf(() => ({ pidsLimit: 50 }));
    assert.deepEqual(inputs.triggers, ["test-web-id", ""]);
    assert.match(String(inputs.stdin), /^export new=test-web-id$/m);
    assert.match(String(inputs.stdin), /^pids=50$/m);
    assert.ok(dependsOn.map(shortName).includes("Container test-web"));
  });

  it("runs again where somebody says that it has stopped", async () => {
    const { inputs } = await startOf(() => ({ restarted: "2026-02-01" }));
    assert.deepEqual(inputs.triggers, ["test-web-id", "2026-02-01"]);
  });

  it("waits for what it is told to, which its container does not", async () => {
    const { resources } = await run((networks) => ({
      startAfter: [networks.between("x", "y").network],
    }));
    const waits = (type: string, name: string): readonly string[] =>
      only(resources, type, name).dependsOn.map(shortName);
    assert.ok(waits(COMMAND, "test-web-start").includes("Network test-x-y"));
    assert.ok(!waits(CONTAINER, "test-web").includes("Network test-x-y"));
  });
});

describe("what a container registers about itself", () => {
  for (const preview of [true, false])
    it(`is its model without secrets and contents of files, ${preview ? "in a preview" : "as deployed"}`, async () => {
      const said: Said = (networks) => ({
        mounts: [files(), secrets()],
        ...FIELDS.secretEnvironment[0](networks),
      });
      const recording = await run(said, preview);
      assert.doesNotMatch(inClear(recording), /canary/);
      const [{ model } = assert.fail()] = [...recording.outputs].flatMap(([urn, outputs]) =>
        urn.includes("hardened:docker:Container::") ? [outputs] : [],
      );
      const { mounts, secretEnvironment, controls } = model as ContainerModel;
      assert.deepEqual(
        mounts.map((mount) => ("files" in mount ? mount.files : {})),
        [{ a: "" }, { key: { secret: "theKey" } }],
      );
      assert.deepEqual(secretEnvironment, { KEY: "theKey" });
      assert.deepEqual(controls, { ...HARDENED, environmentSecrets: ["KEY"] });
    });
});
