import assert from "node:assert/strict";
import { mkdir, stat, writeFile, chown } from "node:fs/promises";
import { join, resolve } from "node:path";

import { stringify } from "yaml";

import { readStackFile } from "../../config/file/read";
import { loadStack } from "../../tools/model/load";
import { cisReport, CisResult } from "../../tools/report/cis/cis";
import { composeExport } from "../../tools/report/compose/compose";
import { composeSecrets } from "../../tools/report/compose/services";
import { writeExport } from "../../tools/report/compose/write";
import { factsFromInspect } from "../support/facts-from-inspect";
import { StackView, stackView } from "../../tools/report/view/stack";
import { compose, composePlugin } from "../support/compose";
import { IMAGES } from "../support/requirements";
import { succeeded, type Result } from "../support/run";
import { useWorld, World } from "../support/world";
import { inspect, Inspected, raw, settings } from "./report-inspected";

/** Throw-away secrets of stacks that live as long as their test. */
const SECRETS = {
  postgresPassword: "report-test-postgres",
  n8nDatabasePassword: "report-test-database",
  n8nEncryptionKey: "report-test-encryption-key-0123456789",
  portainerPassword: "report-test-portainer",
};

const KEYS = Object.keys(IMAGES) as (keyof typeof IMAGES)[];
const SERVICE_OF = { socketProxy: "socket-proxy" } as Partial<Record<string, string>>;

async function configuration(world: World, port: number): Promise<Record<string, unknown>> {
  const pins = KEYS.map(async (key) => [SERVICE_OF[key] ?? key, await world.pinned(IMAGES[key])]);
  const values = {
    host: { address: world.docker.address },
    domain: "localhost",
    publish: { address: "127.0.0.1", http: port },
    images: Object.fromEntries((await Promise.all(pins)) as [string, string][]),
    registries: { [world.registry.name]: { insecure: true } },
    services: { cadvisor: { enabled: true } },
    adminAllow: ["0.0.0.0/0"],
  };
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [`pinned-stack:${key}`, value]),
  );
}

describe("the report and the running stack", function () {
  this.timeout(400_000);
  const world = useWorld({ images: Object.values(IMAGES), pulumi: true }, async ({ docker }) => {
    // A daemon that ends with sixteen containers running waits for each of them.
    const ids = await docker.ask("ps", "--quiet");
    if (ids !== "") await docker.ask("rm", "--force", ...ids.split("\n"));
  });
  let view: StackView;
  let running: Inspected;

  before(async () => {
    const stack = await world().stack({ project: resolve("."), stack: "live" });
    const config = await configuration(world(), await world().publishedPort());
    await stack.configure(stringify({ config }));
    for (const [name, secret] of Object.entries(SECRETS))
      await stack.setSecret(`pinned-stack:${name}`, secret);
    succeeded("up", await stack.up());
    running = await inspect(
      world(),
      "pinned-stack.container",
      "pinned-stack.stack=live",
      "hardened.role=container",
    );
    const { model } = loadStack(readStackFile("live", stack.project), { placeholders: true });
    view = stackView(model);
  });

  it("agree about every item of CIS section 5, container by container", () => {
    assert.deepEqual(Object.keys(running).sort(), view.containers.map(({ name }) => name).sort());
    const seen = cisReport(
      view.containers.map(({ name, exemptions }) => ({
        facts: factsFromInspect(running[name]),
        exemptions,
      })),
    );
    // What only a container that runs can tell is compared with the engine itself, below.
    const lines = (results: readonly CisResult[]): string[] =>
      results
        .filter(({ id }) => id !== "5.2" && id !== "5.3")
        .map(({ id, container, verdict, detail }) => `${id} ${container} ${verdict} ${detail}`);
    const ofServices = view.cis.results.filter(({ container }) => container in running);
    assert.deepEqual(lines(seen.results), lines(ofServices));
    assert.equal(lines(seen.results).length, 30 * Object.keys(running).length);
    assert.deepEqual(lines(seen.results.filter(({ verdict }) => verdict === "finding")), []);
    for (const { id, container, verdict } of seen.results) {
      const { AppArmorProfile, ProcessLabel } = raw(running[container]);
      if (id === "5.2")
        assert.equal(verdict, AppArmorProfile === "docker-default" ? "pass" : "finding", container);
      if (id === "5.3") assert.equal(verdict, ProcessLabel === "" ? "host" : "pass", container);
    }
    assert.deepEqual(
      [...new Set(ofServices.filter(({ id }) => /^5\.[23]$/.test(id)).map((one) => one.verdict))],
      ["host"],
    );
  });

  it("agree with the engine itself about capabilities and about what is mounted of the host", () => {
    const socket = `${world().docker.socket} read-only`;
    const HOST: Readonly<Record<string, readonly string[]>> = {
      traefik: [],
      "socket-proxy-portainer": [socket],
      homepage: [],
      portainer: [],
      n8n: [],
      postgres: [],
      cadvisor: ["blkio", "cpu", "cpuacct", "memory", "pids"].map(
        (name) => `/sys/fs/cgroup/${name} read-only`,
      ),
    };
    assert.deepEqual(
      view.containers.map(({ name }) => name),
      Object.keys(HOST),
    );
    for (const container of view.containers) {
      const { name, dockerSocket, hostPaths, writableHostPaths, capDrop, capabilities } = container;
      assert.equal(container.hostCgroups, name === "cadvisor", name);
      const { HostConfig, Mounts } = raw(running[name]);
      assert.deepEqual([HostConfig.CapDrop, HostConfig.CapAdd ?? []], [["ALL"], []], name);
      assert.deepEqual([capDrop, capabilities], [["ALL"], []], name);
      const binds = Mounts.filter(({ Type }) => Type === "bind");
      assert.deepEqual(
        binds.map(({ Source, RW }) => `${Source} ${RW ? "writable" : "read-only"}`).sort(),
        HOST[name],
        name,
      );
      assert.deepEqual(
        [dockerSocket, writableHostPaths, hostPaths.map((path) => `${path} read-only`).sort()],
        [name.startsWith("socket-proxy"), [], []],
        name,
      );
    }
  });

  it("find in a container that was made by hand all that it was given", async () => {
    const id = await world().docker.ask(
      ...["create", "--volume=/etc:/host/etc", "--volume=/proc:/host/proc:ro"],
      ...["--cap-add=SYS_ADMIN", "--restart=on-failure", "--publish=[::]:18080:8080"],
      ...["--security-opt=apparmor=unconfined", "--label=pinned-stack.container=by-hand"],
      await world().pinned(IMAGES.homepage),
    );
    const [made] = JSON.parse(await world().docker.ask("inspect", id)) as unknown[];
    await world().docker.ask("rm", id);
    const exemptions = [
      { control: "hostPaths", value: ["/proc", "/etc"], reason: "read from there, read-only" },
    ] as const;
    const { results } = cisReport([{ facts: factsFromInspect(made), exemptions }]);
    assert.deepEqual(
      results
        .filter(({ verdict }) => verdict === "finding")
        .map(({ id: item, detail }) => `${item} ${detail}`),
      [
        "5.2 runs without an AppArmor profile",
        "5.4 keeps Docker's default capabilities, adds CAP_SYS_ADMIN",
        "5.6 mounts /etc writable",
        "5.9 [::]:18080 to 8080",
        "5.11 has no memory limit",
        "5.12 has no CPU limit",
        "5.13 has a writable root file system",
        "5.14 18080 on all interfaces (::)",
        "5.15 restarts on-failure without a limit",
        "5.19 has only the default limits of Docker",
        "5.26 may gain privileges through set-uid programs",
        "5.27 has no health check",
        "5.29 may start any number of processes",
        "5.30 is on the default bridge",
      ],
    );
  });

  it("agree about networks and their members", async () => {
    const names = view.networks.map(({ name }) => `live-${name}`);
    const networks = JSON.parse(await world().docker.ask("network", "inspect", ...names)) as {
      readonly Name: string;
      readonly Internal: boolean;
    }[];
    assert.deepEqual(
      networks.map(({ Name, Internal }) => [Name, Internal]),
      view.networks.map(({ name, internal }) => [`live-${name}`, internal]),
    );
    for (const { name, members } of view.networks) {
      const joined = Object.entries(running).filter(([, one]) =>
        factsFromInspect(one).networks.includes(`live-${name}`),
      );
      assert.deepEqual(joined.map(([container]) => container).sort(), [...members].sort(), name);
    }
  });

  describe("as a Compose file", () => {
    let composed: Inspected;
    let up: () => Promise<Result>;

    before(async function () {
      if (composePlugin() === undefined) {
        console.log("skipped: no docker compose");
        this.skip();
      }
      // A stack of another name, so that both run beside each other.
      const config = await configuration(world(), await world().publishedPort());
      const folder = join(world().host.directory, "compose");
      await mkdir(join(folder, "secrets"), { recursive: true });
      const path = join(folder, "Pulumi.taken.yaml");
      await writeFile(path, stringify({ config }));
      const { model: taken } = loadStack(readStackFile("taken", folder), { placeholders: true });
      writeExport(folder, composeExport(taken));
      for (const { name, secret, owner } of composeSecrets(taken.containers)) {
        const file = join(folder, "secrets", name);
        await writeFile(file, SECRETS[secret as keyof typeof SECRETS], { mode: 0o400 });
        const [uid, gid] = owner.split(":").map(Number);
        await chown(file, uid ?? 0, gid ?? 0);
      }
      const env = {
        DOCKER_SOCKET_GID: String((await stat(world().docker.socket)).gid),
        N8N_ENCRYPTION_KEY: SECRETS.n8nEncryptionKey,
        CGROUP_PARENT: "/pinned-stack/taken/",
      };
      const file = ["--file", join(folder, "compose.yaml")];
      const refused = await compose(world().docker, [...file, "config", "--quiet"]);
      assert.match(refused.stderr, /DOCKER_SOCKET_GID|N8N_ENCRYPTION_KEY/);
      succeeded("config", await compose(world().docker, [...file, "config", "--quiet"], env));
      up = () => compose(world().docker, [...file, "up", "--detach", "--wait"], env);
      succeeded("up", await up());
      composed = await inspect(
        world(),
        "com.docker.compose.service",
        "com.docker.compose.project=taken",
      );
    });

    it("runs the same containers, healthy", () => {
      assert.deepEqual(Object.keys(composed).sort(), Object.keys(running).sort());
      for (const [name, one] of Object.entries(composed)) {
        const { State } = one as { State: { Status: string; Health?: { Status: string } } };
        const expected = name === "portainer" ? "running" : "healthy";
        assert.equal(State.Health?.Status ?? State.Status, expected, name);
      }
    });

    it("starts again over the data that it has", async () => {
      succeeded("up", await up());
    });

    it("gives each the settings that the program gives it", () => {
      for (const [name, one] of Object.entries(running))
        assert.deepEqual(settings(composed[name], "taken_"), settings(one, "live-"), name);
    });

    it("isolates the same networks", async () => {
      const names = view.networks.map(({ name }) => `taken_${name}`);
      const format = "--format={{.Name}} {{.Internal}}";
      const said = await world().docker.ask("network", "inspect", format, ...names);
      assert.deepEqual(
        said.split("\n"),
        view.networks.map(({ name, internal }) => `taken_${name} ${internal}`),
      );
    });
  });
});
