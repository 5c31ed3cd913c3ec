/** Which command of the Pulumi CLI runs the program. */
import { readFileSync } from "node:fs";

/** Maximum number of ancestors to inspect: the program, the language host, the CLI, npm's wrapper, and some spare. */
const MAX_STEPS = 6;

/**
 * The subcommand of the Pulumi CLI that runs this program (`preview`, `up`, …), or `undefined` if unknown. The SDK only
 * tells whether this is a dry run, which is also true for the preview of `up`. Read from the command lines of the parent
 * processes in /proc (proc(5)), so it works only on Linux.
 */
export function pulumiCommand(
  parentOf: (pid: number) => Process | undefined = readProcess,
  self: number = process.pid,
): string | undefined {
  let pid = self;
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    const process = parentOf(pid);
    if (process === undefined) return undefined;
    const [program = "", ...args] = process.argv;
    if (/(?:^|\/)pulumi(?:\.exe)?$/.test(program)) return subcommand(args);
    pid = process.parent;
  }
  return undefined;
}

export interface Process {
  readonly parent: number;
  readonly argv: readonly string[];
}

/** Global flags that take a value as the next argument: `pulumi --help`, version 3.259. */
const WITH_VALUE = new Set(
  "-C --cwd --color --memprofilerate --otel-traces -v --verbose --profiling --tracing".split(" "),
);

function subcommand(args: readonly string[]): string | undefined {
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    if (WITH_VALUE.has(arg)) index++;
    // `update` is an alias of `up` (`pulumi up --help`).
    else if (!arg.startsWith("-")) return arg === "update" ? "up" : arg;
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
