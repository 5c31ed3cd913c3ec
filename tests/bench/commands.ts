/** What a person waits for before anything is asked: the start of the program, and commands that need no network. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { columns } from "../../tools/cli/command";
import { commandWords } from "../support/project-command";
import { missing } from "../support/requirements";
import { plainEnvironment, run, succeeded, type Result } from "../support/run";
import type { Bench } from "./run";
import { newProgram } from "./support/engine-world";
import { inTurns, median, twoDigits } from "./support/measure";

const ROUNDS = 5;

export const bench: Bench = {
  title: `the start of the program and of commands, median of ${ROUNDS} runs`,
  run: async (print) => {
    const command = (
      name: Parameters<typeof commandWords>[0],
      ...args: readonly string[]
    ): (() => Promise<Result>) => {
      const words = [...commandWords(name), ...args];
      return () =>
        run(process.execPath, words, { env: { ...plainEnvironment, HOME: "/nonexistent" } });
    };
    const contenders = [
      { name: "node -e 0", work: () => run(process.execPath, ["-e", "0"]) },
      { name: "npm run pin -- --help", work: command("pin", "--help") },
      { name: "npm run report", work: command("report") },
      { name: "npm run report -- --format cis", work: command("report", "--format", "cis") },
      {
        name: "npm run report -- --format compose",
        work: command("report", "--format", "compose", "--output", "test-output/compose"),
      },
    ];
    const times = await inTurns(ROUNDS, contenders);
    print(
      columns([
        ["without npm's own start", "s"],
        ...contenders.map(({ name }, index) => [name, twoDigits(times[index] ?? NaN)]),
      ]),
    );
    print(`\n${await imports()}`);
  },
};

/** As Pulumi loads it: TypeScript compiled on the way, the SDK and both providers' packages with it. */
async function imports(): Promise<string> {
  const absent = (await missing({ pulumi: true })).filter((name) => /pulumi|plugin/i.test(name));
  if (absent.length > 0) return `the program under Pulumi: needs ${absent.join(", ")}`;
  const directory = mkdtempSync(join(tmpdir(), "bench-imports-"));
  try {
    const stack = await newProgram("imports", { project: resolve("."), directory, stack: "bench" });
    await stack.configure("config: {}\n");
    const loaded: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const { stdout } = succeeded("pulumi preview", await stack.preview());
      loaded.push(Number(/loaded after (\d+) ms/.exec(stdout)?.[1]));
    }
    return `the program's modules are loaded ${twoDigits(median(loaded) / 1000)} s after the start of its process`;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
