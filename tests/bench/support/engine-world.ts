/** The tests' own world for a bench, and Pulumi programs in it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { parse, stringify } from "yaml";

import { missing, type Needs } from "../../support/requirements";
import { newStack, type PulumiOptions, type PulumiStack } from "../../support/pulumi";
import { startWorld, type World } from "../../support/world";

/** Docker's own address pools have room for 31 networks. */
const DAEMON = { "default-address-pools": [{ base: "10.202.0.0/16", size: 24 }] };

/** Runs a bench in a world of its own; says what the machine lacks where it cannot. */
export async function inWorld(needs: Needs, work: (world: World) => Promise<void>): Promise<void> {
  const absent = await missing(needs);
  if (absent.length > 0) throw new Error(`needs ${absent.join(", ")}`);
  const world = await startWorld(needs, DAEMON);
  try {
    await work(world);
  } finally {
    await world.stop();
  }
}

/** A stack of one of the programs in `programs/`, with the peak memory of its runs. */
export interface BenchStack extends PulumiStack {
  /** Of the program's own process in the newest run, MiB. */
  peakMiB(): number;
}

export type Program = "empty" | "plain" | "imports" | "synthetic";

export async function benchStack(
  world: World,
  program: Program,
  env: NodeJS.ProcessEnv,
): Promise<BenchStack> {
  const stack = await world.stack({
    project: resolve("."),
    stack: "bench",
    env: { ...env, ...MEMORY.env },
  });
  useProgram(stack, program);
  return { ...stack, peakMiB: MEMORY.newest };
}

/** A stack of one of the programs without a world to deploy it to. */
export async function newProgram(program: Program, options: PulumiOptions): Promise<PulumiStack> {
  const stack = await newStack(options);
  useProgram(stack, program);
  return stack;
}

/** Those that import nothing of this project are loaded as Pulumi loads a program by itself. */
const BARE: readonly Program[] = ["empty", "plain"];

function useProgram({ project }: PulumiStack, program: Program): void {
  // Pulumi looks for tsconfig.json beside the main file.
  const file = join(project, "Pulumi.yaml");
  const settings = parse(readFileSync(file, "utf8")) as object;
  const runtime = BARE.includes(program) && { runtime: "nodejs" };
  writeFileSync(file, stringify({ ...settings, ...runtime, main: "bench.ts" }));
  writeFileSync(join(project, "bench.ts"), `import "./tests/bench/support/programs/${program}";\n`);
}

/** The program's process writes its own peak to a file when it ends. */
export const MEMORY = ((): { env: NodeJS.ProcessEnv; newest: () => number } => {
  const folder = mkdtempSync(join(tmpdir(), "bench-memory-"));
  process.on("exit", () => {
    rmSync(folder, { recursive: true });
  });
  const hook = join(folder, "hook.cjs");
  writeFileSync(
    hook,
    `process.on("exit", () => {
  const peak = String(process.resourceUsage().maxRSS);
  require("node:fs").writeFileSync(${JSON.stringify(folder)} + "/" + Date.now() + "-" + process.pid, peak);
});
`,
  );
  return {
    env: { NODE_OPTIONS: `--require=${hook}` },
    newest: () => {
      const [newest] = readdirSync(folder)
        .filter((file) => /^\d/.test(file))
        .sort()
        .reverse();
      return newest === undefined
        ? NaN
        : Math.round(Number(readFileSync(join(folder, newest), "utf8")) / 1024);
    },
  };
})();
