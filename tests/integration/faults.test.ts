/**
 * Deployments that are killed at random moments, over SSH, of a stack with data. Whatever was killed and when: the next
 * `npm run deploy` succeeds without a manual step, n8n has all its data, and nothing is left behind.
 *
 * PINNED_STACK_KILLS: how many processes are killed, default 3. PINNED_STACK_SEED: where the random choice begins, by default
 * where the first kills are of different kinds; a failed round prints the seed that repeats it alone, with PINNED_STACK_KILLS=1.
 */
import assert from "node:assert/strict";
import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { inspect } from "node:util";

import {
  endAll,
  inventory,
  kill,
  leftScripts,
  processTree,
  Seeded,
  TARGETS,
  type Running,
  type Target,
} from "../support/faults";
import {
  ALL_IMAGES,
  faultStack,
  type Changed,
  type FaultStack,
  type Kind,
} from "../support/faults-stack";
import { until } from "../support/until";
import { useWorld } from "../support/world";

const KILLS = Number(process.env["PINNED_STACK_KILLS"] ?? 3);
const FIRST_SEED = Number(process.env["PINNED_STACK_SEED"] ?? 133);
const OUTPUT = "test-output/faults";

/** What is printed when a stage of the change of a service begins. The newest line that matches one tells the stage. */
const stagesOf = (service: string) => ({
  checks: /^\d+:\d\d checks/m,
  plan: /^\d+:\d\d plan/m,
  images: /^\d+:\d\d images/m,
  update: /^\d+:\d\d deployment$|^Updating /m,
  dump: /dumping the databases/,
  trial: /: starting \S+ on a copy|tables from \S+ into a scratch server/,
  start: new RegExp(`starting the new \\S+-${service}\\n|-${service}-start creating replacement`),
  cleanup: /removing the old \S+$| deleting original/m,
  health: /^\d+:\d\d health/m,
  return: /^\d+:\d\d return to deployment/m,
});
type Stage = keyof ReturnType<typeof stagesOf>;

interface Moment {
  readonly command: "deploy" | "up";
  readonly target: Target;
  readonly stage: Stage;
  /** Milliseconds after the stage has begun. */
  readonly delay: number;
}

interface Round {
  readonly seed: number;
  readonly service: Changed;
  readonly kind: Kind;
  /** One for each command that is killed; the first is the one that makes the change. */
  readonly moments: readonly Moment[];
}

const STATEFUL: readonly Changed[] = ["n8n", "postgres"];

/** What a seed stands for. */
function roundOf(seed: number): Round {
  const random = new Seeded(seed * 7919);
  const service = random.pick<Changed>([
    ...(["n8n", "n8n", "postgres", "portainer", "traefik", "homepage"] as const),
  ]);
  const kind = random.pick<Kind>(["digest", "version", "crashes", "crashes later"]);
  const stages = (of: "deploy" | "up"): Stage[] => [
    ...(of === "deploy" ? (["checks", "plan", "images"] as const) : []),
    "update",
    ...(STATEFUL.includes(service) ? (["dump"] as const) : []),
    ...(service === "homepage" ? [] : (["trial"] as const)),
    ...(kind === "crashes" && service !== "homepage" ? [] : (["start", "start", "start"] as const)),
    ...(kind === "crashes" || kind === "crashes later"
      ? of === "deploy" && kind === "crashes later"
        ? (["return"] as const)
        : []
      : (["cleanup"] as const)),
  ];
  const moment = (): Moment => {
    const command = random.pick(["deploy", "up"] as const);
    const stage = random.pick(stages(command));
    return {
      command,
      target: random.pick(TARGETS),
      stage,
      delay: Math.round(random.next() ** 2 * 8000),
    };
  };
  const moments = [moment()];
  while (moments.length < 5 && random.next() < 0.6) moments.push(moment());
  return { seed, service, kind, moments };
}

function rounds(): Round[] {
  const all: Round[] = [];
  let kills = 0;
  for (let seed = FIRST_SEED; kills < KILLS; seed++) {
    const round = roundOf(seed);
    all.push(round);
    kills += round.moments.length;
  }
  return all;
}

/** Where a command is that has printed this so far. */
function stageOf(output: string, service: string): Stage | "begin" {
  const begun = Object.entries(stagesOf(service)).map(([stage, line]) => {
    const all = [...output.matchAll(new RegExp(line, "gm"))];
    return { stage: stage as Stage, at: all.at(-1)?.index ?? -1 };
  });
  const last = begun.reduce((a, b) => (b.at >= a.at ? b : a));
  return last.at < 0 ? "begin" : last.stage;
}

interface Kill {
  readonly target: Target;
  readonly wanted: Stage;
  /** Where the command really was. */
  readonly stage: string;
  readonly hit: boolean;
}

const text = ({ service, kind, moments }: Round): string =>
  `${service} (${kind}): SIGKILL ${moments
    .map(
      ({ command, target, stage, delay }) =>
        `${target} ${delay} ms into ${stage} of ${command === "up" ? "pulumi up" : "npm run deploy"}`,
    )
    .join(", then ")}`;

describe("a deployment of which something is killed", function () {
  this.timeout(900_000);
  const world = useWorld({ images: ALL_IMAGES, pulumi: true });
  const kills: Kill[] = [];
  /** What killed commands may have left running. */
  const left: Awaited<ReturnType<typeof processTree>>[number][] = [];
  let stacks = 0;
  let stack: FaultStack | undefined;
  /** Of a clean deployment. */
  let clean: readonly string[] = [];

  beforeEach(async () => {
    if (stack !== undefined) return;
    stacks += 1;
    stack = await faultStack(world(), `faults${stacks}`);
    clean = await inventory(world(), stack.name);
  });

  afterEach(async function () {
    await endAll(left.splice(0));
    if (this.currentTest?.state !== "failed" || stack === undefined) return;
    // What one round has spoilt must not spoil the others.
    const lost = stack;
    stack = undefined;
    await removeAll(lost.name);
  });

  after(() => {
    if (kills.length > 0) console.log(table(kills));
  });

  async function removeAll(name: string): Promise<void> {
    const { docker } = world();
    for (const [list, remove] of [
      [
        ["ps", "-aq"],
        ["rm", "-f", "-v"],
      ],
      [
        ["volume", "ls", "-q"],
        ["volume", "rm", "-f"],
      ],
      [
        ["network", "ls", "-q", "--filter", `name=${name}`],
        ["network", "rm"],
      ],
    ] as const) {
      const found = (await docker.ask(...list)).split("\n").filter(Boolean);
      if (found.length > 0) await docker.cli([...remove, ...found]);
    }
  }

  for (const round of rounds())
    it(`seed ${round.seed}: ${text(round)}`, async () => {
      const log: string[] = [];
      try {
        await play(round, log);
      } catch (error) {
        log.push(`--- ${text(round)}\n--- ${inspect(error)}`);
        await mkdir(OUTPUT, { recursive: true });
        await writeFile(`${OUTPUT}/seed-${round.seed}.log`, log.join("\n"));
        throw new Error(
          `to repeat it: PINNED_STACK_KILLS=1 PINNED_STACK_SEED=${round.seed}\n${log.join("\n").slice(-12_000)}`,
          { cause: error },
        );
      }
    });

  async function play(round: Round, log: string[]): Promise<void> {
    assert.ok(stack);
    const { seed, service, kind, moments } = round;
    const random = new Seeded(seed);
    const good = { ...stack.images };
    await stack.change(service, kind);
    const broken = kind === "crashes" || kind === "crashes later";
    const here: Kill[] = [];
    for (const moment of moments)
      here.push(await killed(stack.begin(moment.command), moment, service, random, log));
    // The one deployment that has to put everything right, of images that work.
    if (broken) await stack.use(good);
    const { code, waited } = await deployUntilFree(log);
    assert.equal(code, 0);
    await stack.hasData();
    for (const [name, image] of Object.entries(await stack.running()))
      if (name in stack.images) assert.equal(image, stack.images[name], name);
    await check(log);
    kills.push(...here);
    await mkdir(OUTPUT, { recursive: true });
    await appendFile(`${OUTPUT}/kills.jsonl`, `${JSON.stringify({ ...round, here, waited })}\n`);
  }

  /** A command until it ends, of which something is killed. What it leaves running goes on by itself. */
  async function killed(
    running: Running,
    { target, stage, delay }: Moment,
    service: Changed,
    random: Seeded,
    log: string[],
  ): Promise<Kill> {
    const came = await running.said(stagesOf(service)[stage]);
    if (came) await pause(delay);
    const at = stageOf(running.output(), service);
    left.push(...(await processTree(running.pid)));
    const hit = came && (await kill(world(), running, target, (list) => random.pick(list)));
    if (hit) log.push(`--- killed ${target} at ${at}`);
    const { code, ms } = await running.ended;
    log.push(running.output(), `--- exit code ${code} after ${ms} ms`);
    return { target, wanted: stage, stage: at, hit };
  }

  /**
   * `npm run deploy`, again where it says that another process is at work, which may be what a killed one has left running.
   * Gives the number of such refusals.
   */
  async function deployUntilFree(log: string[]): Promise<{ code: number; waited: number }> {
    assert.ok(stack);
    for (let waited = 0; ; waited++) {
      const running = stack.begin("deploy");
      const { code, ms } = await running.ended;
      log.push(running.output(), `--- the next deployment: exit code ${code} after ${ms} ms`);
      if (code !== 1 || waited > 30 || !/wait until it/.test(running.output()))
        return { code, waited };
      await pause(3000);
    }
  }

  async function check(log: string[]): Promise<void> {
    assert.ok(stack);
    const { name } = stack;
    await until(
      "the end of all scripts on the host",
      async () => (await leftScripts(world())).length === 0 || undefined,
    );
    const now = await inventory(world(), name);
    log.push(`--- inventory\n${now.join("\n")}`);
    assert.deepEqual(now, clean);
    const { code, stdout, stderr } = await stack.command("drift");
    assert.equal(code, 0, stdout + stderr);
  }
});

/** Kills by target and the stage in which they really came. */
function table(kills: readonly Kill[]): string {
  const hits = kills.filter(({ hit }) => hit);
  const stages = [...new Set(hits.map(({ stage }) => stage))];
  const rows = TARGETS.map((target) => [
    target,
    ...stages.map((stage) =>
      String(hits.filter((one) => one.target === target && one.stage === stage).length),
    ),
  ]);
  const lines = [["killed", ...stages], ...rows].map((row) =>
    row.map((cell, index) => cell.padEnd(index === 0 ? 14 : 9)).join(" "),
  );
  const missed = kills.length - hits.length;
  return [...lines, `${hits.length} kills; ${missed} commands ended before their moment`].join(
    "\n",
  );
}
