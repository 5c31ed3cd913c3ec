/** The restrictions of the running containers, as the engine and the kernel tell them. */
import assert from "node:assert/strict";

import { outsideKind } from "../../../components/hardened/model";
import { HARDENED, type Controls } from "../../../components/hardened/policy";
import { type RestrictionRow } from "../../../components/outputs";
import { internalNetworks, services, type Inspected } from "../../support/inspect";
import { CANARIES, STACK, type Whole } from "./whole";

/** Everything that leaves the policy, by service. */
const EXEMPTIONS = {
  traefik: ["publishedPorts", "outsideNetworks"],
  "socket-proxy": ["dockerSocket"],
  homepage: [],
  portainer: ["healthCheck"],
  n8n: ["outsideNetworks", "environmentSecrets"],
  postgres: [],
  cadvisor: ["hostCgroups"],
};

const SOCKET = "/var/run/docker.sock";
/** On cgroup v1; these tests have not run on v2. */
const CGROUPS = "/sys/fs/cgroup/";
const MIB = 1024 * 1024;

export function restrictions(whole: () => Whole): void {
  const table = async (): Promise<readonly RestrictionRow[]> =>
    (await whole().deployment.stack.outputs())["restrictions"] as readonly RestrictionRow[];
  const containers = (): Promise<Readonly<Record<string, Inspected>>> =>
    services(whole().world, STACK);

  it("exempts exactly what is known to need it, each with a reason", async () => {
    const rows = await table();
    const exempt = rows.map(({ service, exemptions }) => [
      service,
      exemptions.map(({ control }) => control),
    ]);
    assert.deepEqual(Object.fromEntries(exempt), EXEMPTIONS);
    for (const { exemptions } of rows)
      for (const { reason } of exemptions) assert.ok(reason.length >= 10, reason);
  });

  it("runs every container as the restrictions table says, by the daemon's own account", async () => {
    const { world } = whole();
    const internal = await internalNetworks(world, STACK);
    const running = await containers();
    const rows = await table();
    const named = rows.flatMap((row) => row.containers.map((name) => [name, row] as const));
    assert.deepEqual(named.map(([name]) => name).sort(), Object.keys(running).sort());
    assert.equal(named.length, 7);
    for (const [name, row] of named) {
      const { user, memoryMiB, cpus, pidsLimit, exemptions } = row;
      const exempt = Object.fromEntries(exemptions.map(({ control, value }) => [control, value]));
      // Each connection of a visitor takes one.
      const openFiles = name === "traefik" ? 16_384 : HARDENED.openFiles;
      const expected = { ...HARDENED, user, memoryMiB, cpus, pidsLimit, openFiles, ...exempt };
      const container = running[name];
      assert.ok(container);
      assert.deepEqual(controlsOf(container, internal), expected, name);
    }
  });

  it("gives no container anything else that the policy has no word for", async () => {
    for (const [name, { HostConfig }] of Object.entries(await containers())) {
      const { Memory, MemorySwap, LogConfig, Devices } = HostConfig;
      assert.equal(HostConfig.Privileged, false, name);
      assert.deepEqual(HostConfig.CapDrop, ["ALL"], name);
      assert.equal(HostConfig.IpcMode, "private", name);
      assert.deepEqual(
        [HostConfig.PidMode, HostConfig.UTSMode, HostConfig.UsernsMode],
        ["", "", ""],
      );
      assert.deepEqual(Devices ?? [], [], name);
      assert.equal(MemorySwap, Memory, name);
      assert.equal(HostConfig.CgroupParent, `/pinned-stack/${STACK}/${name}`);
      assert.equal(HostConfig.RestartPolicy.Name, "unless-stopped", name);
      assert.deepEqual(LogConfig, {
        Type: "json-file",
        Config: { "max-file": "3", "max-size": "10m" },
      });
    }
  });

  it("leaves no process a capability, a way to gain one, or all system calls", async () => {
    const { world } = whole();
    for (const [name, { Id }] of Object.entries(await containers())) {
      const pids = (await world.docker.ask("top", Id, "-eo", "pid")).split("\n").slice(1);
      assert.ok(pids.length > 0);
      for (const pid of pids) {
        const { stdout } = await world.host.run("cat", [`/proc/${pid.trim()}/status`]);
        // A health check may have ended by now.
        if (stdout === "") continue;
        const status = Object.fromEntries(
          [...stdout.matchAll(/^(\w+):\s+(.*)$/gm)].map(([, k, v]) => [k, v]),
        ) as Record<string, string>;
        for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
          assert.equal(status[set], "0000000000000000", `${name}: ${set}`);
        assert.equal(status["NoNewPrivs"], "1", name);
        assert.equal(status["Seccomp"], "2", name);
        const uid = status["Uid"]?.split("\t")[0];
        assert.notEqual(uid, "0", name);
      }
    }
  });

  it("refuses to write to the root of any container, even to root", async () => {
    const { world } = whole();
    for (const [name, { Id, State }] of Object.entries(await containers())) {
      const outer = await world.host.run("touch", [`/proc/${State.Pid}/root/probe`]);
      assert.match(outer.stderr, /Read-only file system/, name);
      if (name === "portainer") continue; // It holds no program but itself.
      const inner = await world.docker.cli(["exec", Id, "touch", "/probe"]);
      assert.equal(inner.code, 1, name);
      assert.match(inner.stderr, /Read-only file system/, name);
    }
  });

  it("runs no program from a folder that can be written to", async () => {
    const { homepage, n8n } = await containers();
    for (const [container, folder] of [
      [homepage, "/var/cache/nginx"],
      [n8n, "/tmp"],
    ] as const) {
      const script = `cp /bin/busybox ${folder}/probe && chmod 700 ${folder}/probe && ${folder}/probe true`;
      const result = await whole().world.docker.cli([
        "exec",
        container?.Id ?? "",
        "sh",
        "-c",
        script,
      ]);
      assert.equal(result.code, 126, result.stderr);
      assert.match(result.stderr, /Permission denied/);
    }
  });
}

/** What the daemon enforces, in the words of the policy. */
function controlsOf(
  { Config, HostConfig, Mounts, NetworkSettings }: Inspected,
  internal: Readonly<Record<string, boolean>>,
): Controls {
  const host = Mounts.filter(({ Type }) => Type === "bind");
  assert.ok(host.every(({ RW }) => !RW));
  const [files, ...others] = HostConfig.Ulimits;
  assert.ok(files?.Name === "nofile" && files.Soft === files.Hard && others.length === 0);
  const networks = Object.keys(NetworkSettings.Networks).map((name) =>
    name.replace(`${STACK}-`, ""),
  );
  return {
    user: Config.User,
    capabilities: HostConfig.CapAdd ?? [],
    readOnlyRootfs: HostConfig.ReadonlyRootfs,
    noNewPrivileges: HostConfig.SecurityOpt?.includes("no-new-privileges:true") ?? false,
    dockerSocket: host.some(({ Destination }) => Destination === SOCKET),
    writableHostPaths: [],
    devices: (HostConfig.Devices ?? []).map(String),
    hostPaths: host
      .map(({ Source }) => Source)
      .filter((path) => path !== SOCKET && !path.startsWith(CGROUPS))
      .sort(),
    // Engines on cgroup v1 share the namespace with all containers; there, the mounts count.
    hostCgroups: host.some(({ Source }) => Source.startsWith(CGROUPS)),
    publishedPorts: Object.keys(HostConfig.PortBindings ?? {}).map((port) => parseInt(port)),
    outsideNetworks: networks.filter((name) => internal[name] !== true).map(outsideKind),
    environmentSecrets: Config.Env.filter((line) =>
      Object.values(CANARIES).some((secret) => line.includes(secret)),
    ).map((line) => line.split("=", 1)[0] ?? ""),
    healthCheck: Config.Healthcheck?.Test[0] === "CMD",
    memoryMiB: HostConfig.Memory / MIB,
    cpus: HostConfig.NanoCpus / 1e9,
    pidsLimit: HostConfig.PidsLimit ?? 0,
    openFiles: files.Soft,
  };
}
