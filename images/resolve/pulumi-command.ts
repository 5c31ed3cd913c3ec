import { readFileSync } from "node:fs";

/** How many processes to look up: program, language host, engine, npm's wrapper, and some. */
const MAX_STEPS = 6;

/**
 * The subcommand of the Pulumi CLI that runs this program (`preview`, `up`, …), or `undefined` if unknown. The SDK tells
 * only whether this is a dry run, and `up` starts with one; but `up` must not ask registries just for a warning. Read from
 * the parents' command lines (proc(5)), which only Linux has.
 */
export function pulumiCommand(
  parentOf: (pid: number) => Process | undefined = readProcess,
  self: number = process.pid,
): string | undefined {
  let pid = self;
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    const process = parentOf(pid);
    if (process === undefined) return undefined;
    const [program = "", ...words] = process.argv;
    if (/(?:^|\/)pulumi(?:\.exe)?$/.test(program)) return subcommand(words);
    pid = process.parent;
  }
  return undefined;
}

export interface Process {
  readonly parent: number;
  readonly argv: readonly string[];
}

/** Global flags that take their value as the next word: `pulumi --help`, version 3.259. */
const WITH_VALUE = new Set(
  "-C --cwd --color --memprofilerate --otel-traces -v --verbose --profiling --tracing".split(" "),
);

function subcommand(words: readonly string[]): string | undefined {
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (WITH_VALUE.has(word)) index++;
    // The only alias of a command that callers ask for (`pulumi up --help`).
    else if (!word.startsWith("-")) return word === "update" ? "up" : word;
  }
  return undefined;
}

function readProcess(pid: number): Process | undefined {
  try {
    const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
    const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return parent === undefined ? undefined : { argv, parent: Number(parent) };
  } catch {
    return undefined;
  }
}
