/**
 * Real versions of n8n on a real PostgreSQL 16, with an owner, a workflow, a credential and executions: upgrades that work,
 * and upgrades that break the data in place of the running one although they worked on the copy of it. By hand, because it
 * takes about half an hour: PINNED_STACK_VERSIONS=1.
 */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

import { inventory, type Running } from "../../support/faults";
import { faultStack, sqlByNode, type FaultStack } from "../../support/faults-stack";
import { startOutside, type Outside } from "../../support/outside";
import type { ProbeReport } from "../../support/probe";
import type { Program } from "../../support/program";
import { IMAGES, N8N_2 } from "../../support/requirements";
import { succeeded } from "../../support/run";
import { runnersStandIn } from "../../support/runners-stand-in";
import { until } from "../../support/until";
import { useWorld } from "../../support/world";

const N8N_1 = "n8nio/n8n:1.123.81";
const RUNNERS = N8N_2.replace("n8nio/n8n", "n8nio/runners");
/** The real one; the stand-in for 16 is older than n8n 2 accepts. */
const POSTGRES_16 = "library/postgres:16.2-alpine";

const COUNTER = `require("node:http").createServer((question, answer) => { console.log("call", question.url); answer.end(); }).listen(8080)`;
/** Every second it calls the counter, with the number of its execution. */
const schedule = (address: string): object => ({
  name: "Every second",
  nodes: [
    {
      id: "every",
      name: "Every second",
      type: "n8n-nodes-base.scheduleTrigger",
      typeVersion: 1.2,
      position: [0, 0],
      parameters: { rule: { interval: [{ field: "seconds", secondsInterval: 1 }] } },
    },
    {
      id: "call",
      name: "Call",
      type: "n8n-nodes-base.httpRequest",
      typeVersion: 4.2,
      position: [200, 0],
      parameters: { url: `=http://${address}:8080/{{ $execution.id }}`, options: {} },
    },
  ],
  connections: { "Every second": { main: [[{ node: "Call", type: "main", index: 0 }]] } },
  settings: {},
  active: false,
});

/** Whether this is not a copy, which has one network alone. */
const IN_PLACE = "/testbed/busybox grep -q eth1: /proc/net/dev";
const READY = `node -e 'fetch("http://127.0.0.1:5678/healthz/readiness").then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))'`;
/** Its own migrations, all of them; then it crashes. */
const MIGRATES_AND_CRASHES = `if ${IN_PLACE}; then
"$@" & until ${READY}; do /testbed/busybox sleep 0.2; done
echo this image is broken on purpose >&2; kill -9 $!; exit 1
fi; exec "$@"`;
/** Some of its own migrations. */
const CRASHES_HALF_WAY = `if ${IN_PLACE}; then
${sqlByNode("CREATE TABLE IF NOT EXISTS faults_begun AS SELECT count(*) AS done FROM migrations")}
"$@" &
until ${sqlByNode("SELECT 1 / CASE WHEN (SELECT count(*) FROM migrations) > (SELECT done + 3 FROM faults_begun) THEN 1 ELSE 0 END")}; do :; done >/dev/null
echo this image is broken on purpose >&2; kill -9 $!; exit 1
fi; exec "$@"`;

interface DeployOptions {
  readonly args?: readonly string[];
  /** What happens while it runs. */
  readonly during?: (running: Running) => Promise<void>;
}

describe("n8n from version to version", function () {
  this.timeout(900_000);
  const asked = process.env["PINNED_STACK_VERSIONS"] === "1";
  if (!asked) {
    it("is asked for by PINNED_STACK_VERSIONS=1", function () {
      this.skip();
    });
    return;
  }
  const world = useWorld({
    images: [IMAGES.traefik, IMAGES.n8n, N8N_1, N8N_2, POSTGRES_16],
    pulumi: true,
  });
  let stack: FaultStack;
  let outside: Outside;
  let counter: Program;
  let clean: readonly string[];
  const print = (line: string): void => {
    console.log(`      ${line}`);
  };

  before(async () => {
    await runnersStandIn(world().registry.url, N8N_2, RUNNERS);
    outside = await startOutside(world().host);
    const words = ["netns", "exec", "outside", process.execPath, "-e", COUNTER];
    counter = await world().host.spawn("counter", "ip", words);
    stack = await faultStack(world(), "versions", {
      images: {
        traefik: await world().pinned(IMAGES.traefik),
        n8n: await world().pinned(IMAGES.n8n),
        postgres: await world().pinned(POSTGRES_16),
      },
      services: { homepage: { enabled: false }, portainer: { enabled: false } },
    });
    await stack.owner.activate(schedule(outside.address));
    await until("the first calls", async () => (await calls()).length > 2 || undefined, 60_000);
    clean = await inventory(world(), stack.name);
  });

  /** Numbers of the executions that called, in order. */
  const calls = async (): Promise<string[]> =>
    [...(await counter.output()).matchAll(/^call \/(\d+)$/gm)].map(([, id = ""]) => id);

  const sql = async (server: string, text: string): Promise<string> => {
    const words = ["exec", server, "psql", "-X", "-At", "-U", "postgres", "-d", "n8n", "-c", text];
    return succeeded("psql", await world().docker.cli(words)).stdout.trim();
  };
  const containers = async (...filters: readonly string[]): Promise<readonly string[][]> => {
    const words = filters.flatMap((filter) => ["--filter", `label=${filter}`]);
    const format = "{{.ID}} {{.Image}}";
    const lines = (await world().docker.ask("ps", ...words, "--format", format)).split("\n");
    return lines.filter(Boolean).map((line) => line.split(" "));
  };
  const server = async (): Promise<string> =>
    (
      await containers(`pinned-stack.stack=${stack.name}`, "pinned-stack.container=postgres")
    )[0]?.[0] ?? "";
  const executions = async (): Promise<number> =>
    Number(await sql(await server(), "SELECT count(*) FROM execution_entity"));

  /** Deploys what is configured; the service's interruption is printed. */
  async function deployed(
    what: string,
    expected: number,
    { args = [], during = () => Promise.resolve() }: DeployOptions = {},
  ): Promise<Running> {
    const before = await executions();
    const probe = stack.probe("n8n");
    const running = stack.begin("deploy", ...args);
    await during(running);
    const { code, ms } = await running.ended;
    const report = await probe.stop();
    print(`${what}: exit code ${code}, ${Math.round(ms / 1000)} s, ${gap(report)}`);
    assert.equal(code, expected, running.output());
    await stack.hasData();
    const after = await executions();
    assert.ok(after >= before, `${before} executions before, ${after} after`);
    return running;
  }

  const configure = async (n8n: string): Promise<void> => stack.use({ n8n });
  const variantOf = async (image: string, script: string, tag: string): Promise<string> =>
    `${world().registry.name}/${image}@${await world().variant(image, { script }, tag)}`;
  /** The images that work, deployed: finishes what a failed deployment has left. */
  async function settled(n8n: string): Promise<void> {
    await configure(n8n);
    const { code, stdout, stderr } = await stack.begin("deploy").ended;
    assert.equal(code, 0, stdout + stderr);
    await stack.hasData();
    assert.deepEqual(await inventory(world(), stack.name), clean);
    const drift = await stack.command("drift");
    assert.equal(drift.code, 0, drift.stdout + drift.stderr);
  }

  it("runs no workflow in a copy, which has no internet access", async () => {
    await configure(
      `${world().registry.name}/${IMAGES.n8n}@${await world().variant(IMAGES.n8n, "rebuild", "1.64.2-again")}`,
    );
    const running = stack.begin("deploy");
    const seen: string[] = [];
    const ways: string[] = [];
    const callsBefore = (await calls()).length;
    await running.said(/on a copy of its data$/m);
    await watch(running, seen, ways);
    const { code } = await running.ended;
    assert.equal(code, 0, running.output());
    // The copy has run long enough for a dozen of executions, in the end with its API.
    assert.ok(seen.length >= 5, `${seen.length} looks at the copy`);
    assert.deepEqual([...new Set(seen)].length, 1, `executions in the copy: ${seen.join(", ")}`);
    assert.ok(ways.length > 0);
    assert.deepEqual([...new Set(ways)], ["no way"]);
    const all = await calls();
    assert.ok(all.length > callsBefore + 5, "the running one has gone on");
    assert.equal(new Set(all).size, all.length, "two executions with the same number");
    print(
      `${all.length - callsBefore} calls by the running one during the deployment, none twice; ${seen.length} looks at the copy: ${seen[0] ?? ""} executions each time`,
    );
    await stack.hasData();
  });

  /** Looks at the copy as long as it is there: how many executions it has, and whether it reaches the counter. */
  async function watch(running: Running, seen: string[], ways: string[]): Promise<void> {
    while (!running.isOver() && !running.output().includes("n8n: works on a copy")) {
      await pause(200);
      const trial = await containers("hardened.role=trial");
      const scratch = trial.find(([, image = ""]) => image.includes("/postgres"))?.[0];
      const copy = trial.find(([, image = ""]) => image.includes("/n8n"))?.[0];
      if (scratch === undefined || copy === undefined) continue;
      seen.push(await sql(scratch, "SELECT count(*) FROM execution_entity").catch(() => "gone"));
      const script = `fetch("http://${outside.address}:8080/copy", { signal: AbortSignal.timeout(2000) }).then(() => console.log("a way out"), () => console.log("no way"))`;
      const { code, stdout } = await world().docker.cli(["exec", copy, "node", "-e", script]);
      if (code === 0) ways.push(stdout.trim());
    }
    const last = seen.at(-1);
    if (last === "gone") seen.pop();
    // The same question, in the same way, finds the way out of the running one.
    const [live] = await containers(
      `pinned-stack.stack=${stack.name}`,
      "pinned-stack.container=n8n",
    );
    const script = `fetch("http://${outside.address}:8080/live").then(() => console.log("a way out"))`;
    const asked = await world().docker.cli(["exec", live?.[0] ?? "", "node", "-e", script]);
    if (asked.code === 0) assert.equal(asked.stdout.trim(), "a way out");
  }

  for (const [what, script] of [
    ["migrates and then crashes", MIGRATES_AND_CRASHES],
    ["crashes in the middle of its migrations", CRASHES_HALF_WAY],
  ] as const)
    it(`comes back from 1.123.81 that ${what}`, async () => {
      const good = stack.images["n8n"] ?? "";
      await configure(await variantOf(N8N_1, script, `1.123.81-${what.length}`));
      await deployed(`1.64.2 → 1.123.81 that ${what}`, 3);
      assert.equal((await stack.running())["n8n"], good);
      await settled(good);
    });

  it("is not replaced where the disk is full when its data is copied", async () => {
    const good = stack.images["n8n"] ?? "";
    await configure(await world().pinned(N8N_1));
    const fillers = "/var/lib/docker/filler-";
    // Again and again: the end of the trial frees what its copies took.
    const fill = async (running: Running): Promise<void> => {
      await running.said(/n8n: works on a copy of its data/);
      for (let n = 0; !running.isOver() && !/RETURNED|what failed/.test(running.output()); n++) {
        const script = `free=$(df -Pk /var/lib/docker | awk 'NR == 2 { print $4 }'); [ "$free" -lt 2100 ] || fallocate -l $((free - 2048))k ${fillers}${n}`;
        await world().host.run("sh", ["-c", script]);
        await pause(100);
      }
      // There is room again when the deployment returns.
      await empty();
    };
    const empty = () => world().host.run("sh", ["-c", `rm -f ${fillers}*`]);
    try {
      const what = "1.64.2 → 1.123.81, disk full during the copy";
      const running = await deployed(what, 3, { during: fill });
      assert.match(running.output(), /could not be copied|[Nn]o space left/);
    } finally {
      await empty();
    }
    assert.equal((await stack.running())["n8n"], good);
    await settled(good);
  });

  it("goes from 1.64.2 to 1.123.81", async () => {
    await configure(await world().pinned(N8N_1));
    await deployed("1.64.2 → 1.123.81", 0);
    clean = await inventory(world(), stack.name);
  });

  it("goes on to 2.40.7, whose code runs in task runners", async () => {
    await stack.stack.setSecret("pinned-stack:n8nRunnersToken", "canary-runners-token-4c1d");
    await stack.use({
      n8n: await world().pinned(N8N_2),
      "n8n-runners": await world().pinned(RUNNERS),
    });
    // n8n is given one more secret.
    await deployed("1.123.81 → 2.40.7", 0, { args: ["--allow-weaker"] });
    const drift = await stack.command("drift");
    assert.equal(drift.code, 0, drift.stdout + drift.stderr);
  });
});

const gap = ({ requests, failures, longestGap }: ProbeReport): string =>
  `${failures} of ${requests} requests failed, longest gap ${(longestGap / 1000).toFixed(1)} s`;
