import { readFileSync } from "node:fs";

/** How many processes up: program ← language host ← engine ← npm's wrapper. */
const FURTHEST = 6;

/**
 * The subcommand of the Pulumi CLI that runs this program (`preview`, `up`, …), or undefined where it cannot be told.
 * The SDK says only whether this is a dry run, and `up` begins with one; an `up` shall not ask any registry for the sake
 * of a warning. Read from the parents' command lines (proc(5)); other systems than Linux have none.
 */
export function engineCommand(
  parentOf: (pid: number) => Process | undefined = readProcess,
  self: number = process.pid,
): string | undefined {
  let pid = self;
  for (let steps = 0; steps < FURTHEST; steps++) {
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

/** Flags of the CLI itself that take their value as the next word: `pulumi --help`, version 3.259. */
const WITH_VALUE = new Set([
  "-C",
  "--cwd",
  "--color",
  "--memprofilerate",
  "--otel-traces",
  "-v",
  "--verbose",
  "--profiling",
  "--tracing",
]);

function subcommand(words: readonly string[]): string | undefined {
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (WITH_VALUE.has(word)) index++;
    // `pulumi up --help` names this alias, the only one of a command that is asked for here.
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
