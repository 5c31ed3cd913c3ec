import assert from "node:assert/strict";

import { containerModel, nameServers } from "../../../../components/hardened/model";
import { Exemption } from "../../../../components/hardened/policy";
import { CGROUP_ROOT } from "../../../../components/model";
import {
  compare,
  Declared,
  Drift,
  isNamedAfter,
  unsupportedLimits,
} from "../../../../tools/deploy/host/drift";
import { Inventory, LiveContainer, parseInventory } from "../../../../tools/deploy/host/inventory";
import { loadTarget } from "../../../../tools/deploy/pulumi/target";
import { liveRow, STACK, WHOLE } from "../fake-run";

const PIN = "nginx:1@sha256:" + "a".repeat(64);

const declared: Declared = containerModel({
  name: "homepage",
  image: PIN,
  user: "101:101",
  memoryMiB: 64,
  cpus: 0.25,
  exemptions: (
    [
      ["capabilities", ["CAP_CHOWN"]],
      ["publishedPorts", [80]],
      ["hostPaths", ["/sys"]],
    ] as const
  ).map(([control, value]) => ({ control, value, reason: "what this test compares" }) as Exemption),
  networks: [{ name: "traefik-homepage", internal: true }],
  mounts: [
    { kind: "files", volume: "homepage-files", path: "/srv/homepage", files: {} },
    { kind: "host", source: "/sys", path: "/sys" },
  ],
  tmpfs: { "/run": 1 },
  ports: [{ address: "127.0.0.1", published: 8080, internal: 80 }],
  health: { command: ["true"] },
});
const RUN = "rw,noexec,nosuid,nodev,size=1m,uid=101,gid=101";

/** What Docker prints about a container that is exactly as declared. */
const row = {
  id: "1".repeat(64),
  name: "/s-homepage-0123abc",
  image: PIN,
  user: "101:101",
  labels: {
    "pinned-stack.stack": "s",
    "hardened.role": "container",
    "pinned-stack.container": "homepage",
  } as Record<string, string>,
  state: { Status: "running", ExitCode: 0, Health: { Status: "healthy" } as object | null },
  mounts: [
    { Type: "volume", Name: "s-homepage-files-89ab012", Destination: "/srv/homepage", RW: false },
    { Type: "bind", Source: "/sys", Destination: "/sys", RW: false },
  ] as object[] | null,
  networks: { "s-traefik-homepage": {} } as Record<string, object> | null,
  host: {
    CapAdd: ["CHOWN"] as string[] | null,
    CapDrop: ["ALL"] as string[] | null,
    GroupAdd: null as string[] | null,
    SecurityOpt: ["no-new-privileges"] as string[] | null,
    Privileged: false,
    ReadonlyRootfs: true,
    PidsLimit: 200 as number | null,
    Memory: 64 * 1024 * 1024,
    MemorySwap: 64 * 1024 * 1024,
    NanoCpus: 250_000_000,
    Tmpfs: { "/run": RUN } as Record<string, string> | null,
    PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080" }] } as object | null,
    NetworkMode: "bridge",
    PidMode: "",
    IpcMode: "private",
    CgroupnsMode: "private",
    CgroupParent: "",
    Dns: ["127.0.0.1"] as string[] | null,
  },
};
type Row = typeof row;

const NETWORKS = [{ name: "traefik-homepage", internal: true }];

function inventory(containers: readonly Row[], internal = true): Inventory {
  return parseInventory(
    [
      JSON.stringify({ network: { id: "n", name: "s-traefik-homepage", internal } }),
      ...containers.map((container) => JSON.stringify({ container })),
      "",
    ].join("\n"),
  );
}

const changed = (change: (copy: Row) => void): Row => {
  const copy = structuredClone(row);
  change(copy);
  return copy;
};

const driftFrom = (from: Declared, ...containers: readonly Row[]): Drift[] =>
  compare("s", [from], NETWORKS, inventory(containers));
const driftOf = (...containers: readonly Row[]): Drift[] => driftFrom(declared, ...containers);

describe("drift", () => {
  it("is none on a host that is as declared", () => {
    assert.deepEqual(driftOf(row), []);
  });

  it("says of one that has never started only that: its start sets the limit of processes", () => {
    const created = changed((copy) => {
      copy.state = { Status: "created", ExitCode: 0, Health: null };
      copy.host.PidsLimit = null;
    });
    assert.deepEqual(
      driftFrom({ ...declared, id: created.id }, created).map(({ kind }) => kind),
      ["state"],
    );
  });

  it("says it of one that only has the name: nobody is going to start that", () => {
    const created = changed((copy) => {
      copy.state = { Status: "created", ExitCode: 0, Health: null };
      copy.host.PidsLimit = null;
    });
    assert.deepEqual(
      driftOf(created).map(({ kind }) => kind),
      ["state", "processes"],
    );
  });

  it("is none while the first health check is still under way", () => {
    const starting = changed((copy) => (copy.state.Health = { Status: "starting" }));
    assert.deepEqual(driftOf(starting), []);
  });

  it("leaves alone what an interrupted deployment left behind, which the next one removes", () => {
    const filler = changed((copy) => {
      copy.id = "2".repeat(64);
      copy.labels = { "hardened.role": "helper", "pinned-stack.stack": "s" };
      copy.state.Status = "created";
    });
    assert.deepEqual(driftOf(row, filler), []);
  });

  const kinds: readonly (readonly [Drift["kind"], (copy: Row) => void, string, string])[] = [
    ["image", (c) => (c.image = "nginx:1"), PIN, "nginx:1"],
    ["user", (c) => (c.user = ""), "101:101", ""],
    [
      "capabilities",
      (c) => (c.host.CapAdd = ["NET_ADMIN"]),
      "+CAP_CHOWN -ALL",
      "+CAP_NET_ADMIN -ALL",
    ],
    ["capabilities", (c) => (c.host.CapDrop = null), "+CAP_CHOWN -ALL", "+CAP_CHOWN -none"],
    ["groups", (c) => (c.host.GroupAdd = ["27", "4"]), "none", "27 4"],
    ["privileged", (c) => (c.host.Privileged = true), "false", "true"],
    ["read-only root", (c) => (c.host.ReadonlyRootfs = false), "true", "false"],
    ["security options", (c) => (c.host.SecurityOpt = null), "no-new-privileges:true", "none"],
    ["processes", (c) => (c.host.PidsLimit = null), "200", "no limit"],
    ["memory", (c) => (c.host.Memory = 0), "64 MiB, no swap", "no limit"],
    ["memory", (c) => (c.host.MemorySwap = -1), "64 MiB, no swap", "64 MiB, and swap"],
    ["cpus", (c) => (c.host.NanoCpus = 0), "0.25", "0"],
    ["namespaces", (c) => (c.host.PidMode = "host"), "own", "processes of host"],
    ["namespaces", (c) => (c.host.NetworkMode = "host"), "own", "network of the host"],
    [
      "networks",
      (c) => (c.networks = { "s-traefik-homepage": {}, bridge: {} }),
      "s-traefik-homepage",
      "bridge s-traefik-homepage",
    ],
    ["networks", (c) => (c.networks = null), "s-traefik-homepage", "none"],
    [
      "mounts",
      (c) => (c.mounts = c.mounts?.slice(0, 1) ?? null),
      "/sys:/sys:ro s-homepage-files:/srv/homepage:ro",
      "s-homepage-files:/srv/homepage:ro",
    ],
    ["tmpfs", (c) => (c.host.Tmpfs = null), `/run:${RUN}`, "none"],
    [
      "published ports",
      (c) => (c.host.PortBindings = { "80/tcp": [{ HostIp: "", HostPort: "8080" }] }),
      "127.0.0.1:8080->80/tcp",
      "0.0.0.0:8080->80/tcp",
    ],
    [
      "state",
      (c) => (c.state = { Status: "exited", ExitCode: 137, Health: null }),
      "running, healthy",
      "exited with code 137, no health check",
    ],
    [
      "state",
      (c) => (c.state.Health = { Status: "unhealthy" }),
      "running, healthy",
      "running, unhealthy",
    ],
  ];
  for (const [kind, change, expected, found] of kinds)
    it(`of the kind "${kind}" is found: ${found === "" ? "nothing" : found}`, () => {
      assert.deepEqual(driftOf(changed(change)), [{ where: "homepage", kind, expected, found }]);
    });

  it("says that a container is missing", () => {
    assert.deepEqual(driftOf(), [
      { where: "homepage", kind: "missing", expected: "a running container", found: "none" },
    ]);
  });

  it("does not mind limits that the kernel of the host cannot apply, and names them", () => {
    const unlimited = changed((copy) => {
      copy.host.PidsLimit = null;
      copy.host.MemorySwap = -1;
    });
    const live = {
      ...inventory([unlimited]),
      limits: { memory: true, swap: false, processes: false },
    };
    assert.deepEqual(compare("s", [declared], NETWORKS, live), []);
    assert.deepEqual(unsupportedLimits(live), ["swap", "processes"]);
    const more = { ...live, ...inventory([changed((copy) => (copy.host.Memory *= 2))]) };
    assert.deepEqual(
      compare("s", [declared], NETWORKS, { ...more, limits: live.limits }).map(
        ({ found }) => found,
      ),
      ["128 MiB"],
    );
  });

  it("of the socket's group is found where the host can tell the group", () => {
    const mount = {
      kind: "socket",
      source: "/var/run/docker.sock",
      path: "/var/run/docker.sock",
    } as const;
    const proxy: Declared = {
      ...declared,
      mounts: [mount],
      controls: { ...declared.controls, dockerSocket: true },
    };
    const live = inventory([
      changed((copy) => {
        copy.mounts = [{ Type: "bind", Source: mount.source, Destination: mount.path, RW: false }];
        copy.host.GroupAdd = ["991"];
      }),
    ]);
    assert.deepEqual(compare("s", [proxy], NETWORKS, live), []);
    assert.deepEqual(compare("s", [proxy], NETWORKS, { ...live, socketGroup: 991 }), []);
    assert.deepEqual(compare("s", [proxy], NETWORKS, { ...live, socketGroup: 992 }), [
      { where: "homepage", kind: "socket group", expected: "992", found: "991" },
    ]);
  });

  it("of a parent cgroup is found where the host says how it writes them", () => {
    const named: Declared = {
      ...declared,
      cgroup: { root: CGROUP_ROOT, stack: "s", name: "homepage" },
    };
    const live = inventory([
      changed((copy) => (copy.host.CgroupParent = "/pinned-stack/s/homepage")),
    ]);
    const on = (driver: string): Drift[] =>
      compare("s", [named], NETWORKS, { ...live, cgroups: { driver, version: "2" } });
    assert.deepEqual(compare("s", [named], NETWORKS, live), []);
    assert.deepEqual(on("cgroupfs"), []);
    assert.deepEqual(on("systemd"), [
      {
        where: "homepage",
        kind: "cgroup parent",
        expected: "pinnedstack-s-homepage.slice",
        found: "/pinned-stack/s/homepage",
      },
    ]);
    assert.deepEqual(compare("s", [declared], NETWORKS, live), [
      {
        where: "homepage",
        kind: "cgroup parent",
        expected: "the engine's",
        found: "/pinned-stack/s/homepage",
      },
    ]);
  });

  it("takes the cgroups of the host for declared only where they are", () => {
    const reader: Declared = {
      ...declared,
      controls: { ...declared.controls, hostCgroups: true },
    };
    const plain = inventory([row]);
    const sharing = inventory([changed((copy) => (copy.host.CgroupnsMode = "host"))]);
    const v2 = { driver: "systemd", version: "2" };
    const v1 = { driver: "cgroupfs", version: "1" };
    const found = (container: Declared, live: Inventory, cgroups: typeof v1) =>
      compare("s", [container], NETWORKS, { ...live, cgroups }).map(
        ({ kind, expected }) => `${kind}: ${expected}`,
      );
    assert.deepEqual(found(reader, sharing, v2), []);
    assert.deepEqual(found(declared, sharing, v2), ["namespaces: own"]);
    assert.deepEqual(found(reader, plain, v2), ["namespaces: cgroups of the host"]);
    // Every container shares that namespace on version 1, and the mounts count.
    assert.deepEqual(found(declared, sharing, v1), []);
    const folders = ["blkio", "cpu", "cpuacct", "memory", "pids"].map(
      (name) => `/sys/fs/cgroup/${name}`,
    );
    assert.deepEqual(found(reader, sharing, v1), [
      `mounts: ${[...folders.map((path) => `${path}:${path}:ro`), "/sys:/sys:ro", "s-homepage-files:/srv/homepage:ro"].join(" ")}`,
    ]);
    const mounted = inventory([
      changed((copy) => {
        copy.mounts = [
          ...(copy.mounts ?? []),
          ...folders.map((path) => ({ Type: "bind", Source: path, Destination: path, RW: false })),
        ];
      }),
    ]);
    assert.deepEqual(found(reader, mounted, v1), []);
    assert.match(found(declared, mounted, v1).join(), /^mounts: /);
  });

  it("goes by Docker's id where it is known which container was made", () => {
    const made = { ...declared, id: row.id };
    assert.deepEqual(compare("s", [made], NETWORKS, inventory([row])), []);
    const other = inventory([changed((copy) => (copy.id = "2".repeat(64)))]);
    assert.deepEqual(
      compare("s", [made], NETWORKS, other).map(({ kind }) => kind),
      ["missing", "undeclared"],
    );
  });

  it("names a container in the stack's networks that nobody declared", () => {
    const stranger = changed((copy) => {
      copy.id = "2".repeat(64);
      copy.name = "/stranger";
      copy.labels = {};
    });
    assert.deepEqual(driftOf(row, stranger), [
      {
        where: "stranger",
        kind: "undeclared",
        expected: "no such container",
        found: `stranger (${PIN}, running)`,
      },
    ]);
  });

  it("names the second of two containers for one declaration if it runs, not what a failed deployment has left", () => {
    const second = (status: string) =>
      changed((copy) => {
        copy.id = "2".repeat(64);
        copy.name = "/s-homepage-fedcba9";
        copy.state.Status = status;
      });
    const found = (status: string): string[] =>
      driftOf(second(status), row).map((one) => `${one.kind}: ${one.found}`);
    assert.match(found("running").join("\n"), /^undeclared: s-homepage-\w{7} \(.*, running\)$/);
    for (const status of ["created", "exited"]) assert.deepEqual(found(status), []);
  });

  it("sees a network that leads out, and one that was removed", () => {
    assert.deepEqual(compare("s", [], NETWORKS, inventory([], false)), [
      {
        where: "s-traefik-homepage",
        kind: "internal network",
        expected: "internal",
        found: "external",
      },
    ]);
    const nothing = parseInventory("");
    assert.deepEqual(compare("s", [], NETWORKS, nothing), [
      { where: "s-traefik-homepage", kind: "missing", expected: "a network", found: "none" },
    ]);
  });

  it("does not compare the image of a stack without a pin", () => {
    const bare = { ...declared, image: "nginx:1" };
    assert.deepEqual(compare("s", [bare], NETWORKS, inventory([row])), []);
  });

  for (const [name, base, fits] of [
    ["s-files", "s-files", true],
    ["s-files-0123abc", "s-files", true],
    ["s-files-0123abcd", "s-files", false],
    ["s-files-evil", "s-files", false],
    ["s-files2-0123abc", "s-files", false],
  ] as const)
    it(`takes ${name} ${fits ? "" : "not "}for ${base}`, () => {
      assert.equal(isNamedAfter(name, base), fits);
    });
});

describe("the inventory of a host", () => {
  it("gives what Docker leaves out as empty lists", () => {
    const bare = changed((copy) => {
      copy.mounts = null;
      copy.networks = null;
      copy.host.CapAdd = null;
    });
    const [container] = inventory([bare]).containers as [LiveContainer];
    assert.deepEqual([container.mounts, container.networks, container.host.CapAdd], [[], {}, []]);
    assert.equal(container.name, "s-homepage-0123abc");
  });
});

/** A container with everything that was not compared at first, and the image that it is made from. */
const process: Declared = containerModel({
  name: "n8n",
  image: PIN,
  environment: { PORT: "80", URL: "http://a/" },
  secretEnvironment: { KEY: "n8nEncryptionKey" },
  exemptions: [
    { control: "environmentSecrets", value: ["KEY"], reason: "what this test compares" },
  ],
  networks: [{ name: "traefik-homepage", internal: true }],
  command: ["serve", "--port 80"],
  health: { command: ["wget", "-q", "http://127.0.0.1/"] },
});
const detail = {
  Env: ["PORT=80", "URL=http://a/", "KEY=a=secret", "PATH=/bin", "NODE_ENV=production"],
  Entrypoint: ["tini", "--"] as string[] | null,
  Cmd: ["serve", "--port 80"] as string[] | null,
  Healthcheck: { Test: ["CMD", "wget", "-q", "http://127.0.0.1/"] } as object | null,
};
const image = {
  id: "sha256:i",
  config: { Env: ["PATH=/bin", "NODE_ENV=production"], Entrypoint: ["tini", "--"], Cmd: ["start"] },
};
const settings = {
  RestartPolicy: { Name: "unless-stopped", MaximumRetryCount: 0 },
  LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } },
  Devices: null as object[] | null,
  DeviceRequests: null as object[] | null,
  DeviceCgroupRules: null as string[] | null,
  ExtraHosts: null as string[] | null,
  Dns: [] as string[],
  Sysctls: null as Record<string, string> | null,
  Ulimits: [{ Name: "nofile", Soft: 4096, Hard: 4096 }] as object[] | null,
  UsernsMode: "",
  UTSMode: "",
  MaskedPaths: ["/proc/kcore"] as string[] | null,
};
type Detail = typeof detail;
type Settings = typeof settings;

function ofProcess(
  change: (copy: Detail, host: Settings & Row["host"]) => void,
  images: readonly object[] = [image],
): Drift[] {
  const copy = structuredClone(detail);
  const { controls } = process;
  const container = {
    ...structuredClone(row),
    user: controls.user,
    mounts: null,
    labels: { ...row.labels, "pinned-stack.container": "n8n" },
  };
  const host = {
    ...container.host,
    ...structuredClone(settings),
    CapAdd: null,
    Dns: [...nameServers(process)],
    PortBindings: null,
    Tmpfs: null,
    Memory: controls.memoryMiB * 1024 * 1024,
    MemorySwap: controls.memoryMiB * 1024 * 1024,
    NanoCpus: controls.cpus * 1e9,
  };
  change(copy, host);
  const live = parseInventory(
    [
      { network: { id: "n", name: "s-traefik-homepage", internal: true } },
      { container: { ...container, host } },
      { process: { id: row.id, image: image.id, config: copy } },
      ...images.map((one) => ({ image: one })),
    ]
      .map((one) => JSON.stringify(one))
      .join("\n"),
  );
  return compare("s", [process], NETWORKS, live);
}

describe("drift of what a container runs", () => {
  it("is none on a host that is as declared", () => {
    assert.deepEqual(
      ofProcess(() => undefined),
      [],
    );
  });

  const kinds: readonly (readonly [
    Drift["kind"],
    (copy: Detail, host: Settings & Row["host"]) => void,
    string,
    string,
  ])[] = [
    [
      "environment",
      (c) => c.Env.push("NODE_OPTIONS=--inspect=0.0.0.0:9229"),
      "no NODE_OPTIONS",
      "NODE_OPTIONS",
    ],
    ["environment", (c) => (c.Env[0] = "PORT=81"), "PORT=80", "PORT=81"],
    ["environment", (c) => (c.Env[0] = "PORT=8\n1"), "PORT=80", "PORT=8 1"],
    ["environment", (c) => c.Env.splice(1, 2), "URL=http://a/, KEY of a secret", "no URL, no KEY"],
    [
      "environment",
      (c) => (c.Env[4] = "NODE_ENV=development"),
      "NODE_ENV of the image",
      "another NODE_ENV",
    ],
    ["environment", (c) => c.Env.pop(), "NODE_ENV of the image", "no NODE_ENV"],
    ["entrypoint", (c) => (c.Entrypoint = ["sh"]), "tini --", "sh"],
    ["entrypoint", (c) => (c.Entrypoint = null), "tini --", "none"],
    ["command", (c) => (c.Cmd = ["serve", "--port", "80"]), "serve '--port 80'", "serve --port 80"],
    [
      "health check",
      (c) => (c.Healthcheck = { Test: ["CMD", "true"] }),
      "CMD wget -q http://127.0.0.1/",
      "CMD true",
    ],
    ["health check", (c) => (c.Healthcheck = null), "CMD wget -q http://127.0.0.1/", "NONE"],
    [
      "restart policy",
      (_, h) => (h.RestartPolicy = { Name: "on-failure", MaximumRetryCount: 3 }),
      "unless-stopped",
      "on-failure:3",
    ],
    ["restart policy", (_, h) => (h.RestartPolicy.Name = ""), "unless-stopped", "no"],
    [
      "log options",
      (_, h) => (h.LogConfig = { Type: "none", Config: {} as Settings["LogConfig"]["Config"] }),
      "json-file max-file=3 max-size=10m",
      "none",
    ],
    [
      "devices",
      (_, h) =>
        (h.Devices = [
          { PathOnHost: "/dev/fuse", PathInContainer: "/dev/fuse", CgroupPermissions: "rwm" },
        ]),
      "none",
      "/dev/fuse:/dev/fuse:rwm",
    ],
    [
      "devices",
      (_, h) => (h.DeviceRequests = [{ Driver: "", Count: -1, Capabilities: [["gpu"]] }]),
      "none",
      "gpu",
    ],
    ["devices", (_, h) => (h.DeviceCgroupRules = ["c 1:3 mr"]), "none", "c 1:3 mr"],
    ["extra hosts", (_, h) => (h.ExtraHosts = ["a:192.0.2.1"]), "none", "a:192.0.2.1"],
    ["name servers", (_, h) => (h.Dns = ["192.0.2.1"]), "127.0.0.1", "192.0.2.1"],
    [
      "sysctls",
      (_, h) => (h.Sysctls = { "net.ipv4.ip_forward": "1" }),
      "none",
      "net.ipv4.ip_forward=1",
    ],
    [
      "open files",
      (_, h) => (h.Ulimits = [{ Name: "nofile", Soft: 9, Hard: 99 }]),
      "4096",
      "9, at most 99",
    ],
    ["open files", (_, h) => (h.Ulimits = null), "4096", "no limit"],
    ["namespaces", (_, h) => (h.UsernsMode = "host"), "own", "users of the host"],
    ["namespaces", (_, h) => (h.UTSMode = "host"), "own", "host name of the host"],
    ["namespaces", (_, h) => (h.IpcMode = "shareable"), "own", "memory that others can join"],
    ["namespaces", (_, h) => (h.NetworkMode = "container:abc"), "own", "network of container:abc"],
    [
      "security options",
      (_, h) => (h.MaskedPaths = []),
      "no-new-privileges:true",
      "no-new-privileges:true systempaths:unconfined",
    ],
  ];
  for (const [kind, change, expected, found] of kinds)
    it(`of the kind "${kind}" is found: ${found.replace("\n", " ")}`, () => {
      assert.deepEqual(ofProcess(change), [{ where: "n8n", kind, expected, found }]);
    });

  it("never shows the value of a variable that is not declared in plain text", () => {
    const shown = JSON.stringify(
      ofProcess(({ Env: env }) => {
        env[2] = "KEY=canary-1";
        env[4] = "NODE_ENV=canary-2";
        env.push("OTHER=canary-3");
      }),
    );
    assert.match(shown, /OTHER/);
    assert.doesNotMatch(shown, /canary/);
  });

  it("compares only what is declared if the image has been removed", () => {
    const more = ({ Env: env }: Detail): void => void env.push("MORE=1");
    assert.deepEqual(ofProcess(more, []), []);
    assert.deepEqual(
      ofProcess((copy) => (copy.Env[0] = "PORT=81"), []).map(({ kind }) => kind),
      ["environment"],
    );
  });

  it("takes no command from the image where the entrypoint is declared, as Docker does", () => {
    const bare: Declared = containerModel({
      name: "n8n",
      image: PIN,
      entrypoint: ["sh"],
      networks: [],
      health: { command: ["true"] },
    });
    const live = (Cmd: string[] | null): Inventory =>
      parseInventory(
        [
          { container: { ...row, labels: { ...row.labels, "pinned-stack.container": "n8n" } } },
          {
            process: {
              id: row.id,
              image: image.id,
              config: { ...detail, Entrypoint: ["sh"], Cmd },
            },
          },
          { image },
        ]
          .map((one) => JSON.stringify(one))
          .join("\n"),
      );
    const kindsOf = (command: string[] | null): string[] =>
      compare("s", [bare], undefined, live(command))
        .map(({ kind }) => kind)
        .filter((kind) => kind === "command");
    assert.deepEqual(kindsOf(null), []);
    assert.deepEqual(kindsOf(["start"]), ["command"]);
  });
});

describe("drift around a container", () => {
  it("names a container in a namespace of the stack, and whose it is", () => {
    const spy = (host: Partial<Row["host"]>): Row => ({
      ...structuredClone(row),
      id: "2".repeat(64),
      name: "/spy",
      labels: {},
      host: { ...row.host, ...host },
    });
    const found = (host: Partial<Row["host"]>): string[] =>
      driftOf(row, spy(host)).map((one) => one.found);
    assert.deepEqual(found({ NetworkMode: `container:${row.id}` }), [
      `spy (${PIN}, running, in the network of homepage)`,
    ]);
    assert.deepEqual(
      found({
        PidMode: `container:${row.id.slice(0, 12)}`,
        IpcMode: "container:s-homepage-0123abc",
      }),
      [`spy (${PIN}, running, in the processes of homepage, in the memory of homepage)`],
    );
  });

  it("is none on the whole development stack", () => {
    const { model } = loadTarget(STACK, WHOLE);
    const rows = model.containers.map((container) => ({ container: liveRow(container) }));
    const live = parseInventory(rows.map((one) => JSON.stringify(one)).join("\n"));
    assert.deepEqual(
      compare(STACK, model.containers, undefined, live).filter(({ kind }) => kind !== "missing"),
      [],
    );
  });
});
