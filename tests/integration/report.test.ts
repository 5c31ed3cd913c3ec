import assert from "node:assert/strict";
import { mkdir, stat, writeFile, chown } from "node:fs/promises";
import { join, resolve } from "node:path";

import { stringify } from "yaml";

import { readStackFile } from "../../model/stack-file";
import { Model, synth } from "../../model/synth";
import { cisReport, CisResult } from "../../report/cis";
import { compose as composeFile } from "../../report/compose";
import { composeSecrets } from "../../report/compose-secrets";
import { factsFromInspect } from "../../report/facts-from-inspect";
import { StackView, stackView } from "../../report/stack-view";
import { recordedContainers } from "../../model/containers";
import { compose, composePlugin } from "../support/compose";
import { IMAGES } from "../support/requirements";
import { succeeded } from "../support/run";
import { useWorld, World } from "../support/world";

/** Throw-away secrets of stacks that live as long as their test. */
const SECRETS = {
  postgresPassword: "report-test-postgres",
  n8nDatabasePassword: "report-test-database",
  n8nEncryptionKey: "report-test-encryption-key",
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

/** What the daemon says about containers, by the name that others reach them by. */
type Inspected = Readonly<Record<string, Record<string, unknown>>>;

async function inspect(world: World, label: string, ...filters: string[]): Promise<Inspected> {
  const options = filters.map((filter) => `--filter=label=${filter}`);
  const ids = await world.docker.ask("ps", "--quiet", "--no-trunc", ...options);
  const list = JSON.parse(await world.docker.ask("inspect", ...ids.split("\n"))) as {
    readonly Config: { readonly Labels: Record<string, string> };
  }[];
  return Object.fromEntries(
    list.map((one) => [one.Config.Labels[label] ?? "", one as unknown as Record<string, unknown>]),
  );
}

describe("the report and the running stack", function () {
  this.timeout(400_000);
  // Before the world's own end: a daemon that goes first waits for each of sixteen containers.
  after(async () => {
    const ids = await world().docker.ask("ps", "--quiet");
    if (ids !== "") await world().docker.ask("rm", "--force", ...ids.split("\n"));
  });
  const world = useWorld({ images: Object.values(IMAGES), pulumi: true });
  let model: Model;
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
      "pinned-stack.role=service",
    );
    model = await synth(readStackFile("live", stack.project), { placeholders: true });
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
    const lines = (results: readonly CisResult[]): string[] =>
      results.map(
        ({ id, container, verdict, detail }) => `${id} ${container} ${verdict} ${detail}`,
      );
    assert.deepEqual(lines(seen.results), lines(view.cis.results));
    assert.equal(seen.results.length, 32 * 8);
    assert.equal(seen.findings, 0);
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
      const taken = await synth(readStackFile("taken", folder), { placeholders: true });
      await writeFile(join(folder, "compose.yaml"), composeFile(taken));
      for (const { name, secret, owner } of composeSecrets(recordedContainers(taken))) {
        const file = join(folder, "secrets", name);
        await writeFile(file, SECRETS[secret as keyof typeof SECRETS], { mode: 0o400 });
        const [uid, gid] = owner.split(":").map(Number);
        await chown(file, uid ?? 0, gid ?? 0);
      }
      const env = {
        DOCKER_SOCKET_GID: String((await stat(world().docker.socket)).gid),
        N8N_ENCRYPTION_KEY: SECRETS.n8nEncryptionKey,
      };
      const file = ["--file", join(folder, "compose.yaml")];
      const refused = await compose(world().docker, [...file, "config", "--quiet"]);
      assert.match(refused.stderr, /DOCKER_SOCKET_GID|N8N_ENCRYPTION_KEY/);
      succeeded("config", await compose(world().docker, [...file, "config", "--quiet"], env));
      succeeded("up", await compose(world().docker, [...file, "up", "--detach", "--wait"], env));
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

/** What both ways of making a container have in common, in one spelling. */
function settings(answer: unknown, prefix: string): unknown {
  const one = answer as Record<"Config" | "HostConfig", Record<string, unknown>>;
  const { Config, HostConfig } = one;
  const facts = factsFromInspect(answer);
  const sorted = (list: unknown): unknown[] => [...((list ?? []) as unknown[])].sort();
  const host = [
    "Memory",
    "MemorySwap",
    "NanoCpus",
    "PidsLimit",
    "ReadonlyRootfs",
    "Privileged",
    "IpcMode",
    "PidMode",
    "UTSMode",
    "UsernsMode",
    "CgroupParent",
    "ShmSize",
    "Tmpfs",
    "LogConfig",
    "RestartPolicy",
    "GroupAdd",
    "Ulimits",
    "OomKillDisable",
    "OomScoreAdj",
    "Runtime",
  ];
  return {
    ...Object.fromEntries(host.map((key) => [key, HostConfig[key]])),
    CapAdd: sorted(HostConfig["CapAdd"]),
    CapDrop: sorted(HostConfig["CapDrop"]),
    SecurityOpt: sorted(HostConfig["SecurityOpt"]),
    Init: HostConfig["Init"] === true,
    image: facts.image,
    user: facts.user,
    command: facts.command,
    // The published ports differ, because both run at once.
    environment: sorted(Config["Env"]).map((line) => String(line).replace(/:\d+\/$/, "")),
    health: Config["Healthcheck"],
    stopTimeout: Config["StopTimeout"],
    networks: facts.networks.map((name) => name.replace(prefix, "")).sort(),
    ports: facts.ports.map(({ address, internal, protocol }) => [address, internal, protocol]),
    // Secrets are files of the host here and a volume there; both are only read.
    mounts: facts.mounts
      .filter(({ target }) => !target.startsWith("/run/secrets/"))
      .map(({ kind, target, writable }) => `${kind} ${target} ${writable}`)
      .sort(),
    writableSecrets: facts.mounts.filter(
      ({ target, writable }) => target.startsWith("/run/secrets/") && writable,
    ),
  };
}
