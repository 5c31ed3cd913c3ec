/** What the tests of interrupted deployments need: a seeded choice, the processes of a command, and a host's inventory. */
import { spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { hostAccess } from "../../host/address";
import { plainEnvironment, run, succeeded, type Result } from "./run";
import type { World } from "./world";
import { homedir } from "node:os";
import { USER } from "./own-host";

/** Random numbers that are the same for the same seed (mulberry32). */
export class Seeded {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  pick<T>(list: readonly T[]): T {
    const found = list[Math.floor(this.next() * list.length)];
    if (found === undefined) throw new Error("nothing to choose from");
    return found;
  }
}

/** A command that runs, and what it has printed. */
export interface Running {
  readonly pid: number;
  /** Both streams in the order in which they came. */
  output(): string;
  /** Resolves when the output matches, and to false where the command ends without. */
  said(line: RegExp): Promise<boolean>;
  readonly ended: Promise<Result>;
  isOver(): boolean;
}

/** Starts a program of this machine. It is killed after `timeout` milliseconds. */
export function start(
  command: string,
  args: readonly string[],
  options: {
    readonly cwd: string;
    readonly env: NodeJS.ProcessEnv;
    readonly timeout?: number;
    readonly input?: string;
  },
): Running {
  const begun = performance.now();
  const { cwd, env, timeout = 400_000 } = options;
  const stdio = ["ignore", "pipe", "pipe"] as const;
  const child = spawn(command, args, {
    cwd,
    env,
    stdio: [...stdio],
    timeout,
    killSignal: "SIGKILL",
  });
  const { pid } = child;
  // Never 0, which is this process's own group to kill().
  if (pid === undefined) throw new Error(`${command} could not be started`);
  let [stdout, stderr, both] = ["", "", ""];
  let over = false;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    both += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    both += text;
  });
  const ended = new Promise<Result>((resolve) => {
    // Not "close": what a killed command leaves behind may keep its output open.
    child.on("exit", (code, signal) => {
      over = true;
      void pause(100).then(() => {
        const ms = Math.round(performance.now() - begun);
        resolve({ code: code ?? (signal === null ? 1 : 137), stdout, stderr, ms });
      });
    });
  });
  return {
    pid,
    output: () => both,
    said: async (line) => {
      while (!line.test(both)) {
        if (over) return line.test(both);
        await pause(20);
      }
      return true;
    },
    ended,
    isOver: () => over,
  };
}

/** What may be killed while a stack is deployed over SSH. */
export const TARGETS = ["node", "pulumi", "provider", "ssh master", "sshd session"] as const;
export type Target = (typeof TARGETS)[number];

interface Process {
  readonly pid: number;
  readonly argv: readonly string[];
}

/** A process of this machine with all that it has started, itself first. */
export async function processTree(root: number): Promise<readonly Process[]> {
  const children = new Map<number, Process[]>();
  let top: Process | undefined;
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "");
    const parent = Number(/\) \S (\d+) /.exec(stat)?.[1] ?? -1);
    const text = await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "");
    const process = { pid: Number(name), argv: text.split("\0").slice(0, -1) };
    if (process.pid === root) top = process;
    children.set(parent, [...(children.get(parent) ?? []), process]);
  }
  const all: Process[] = top === undefined ? [] : [top];
  for (const one of all) all.push(...(children.get(one.pid) ?? []));
  return all;
}

const program = ({ argv }: Process): string => basename(argv[0] ?? "");
const isProgramOfStack = (one: Process): boolean =>
  program(one) === "node" && one.argv.some((word) => word.includes("@pulumi/pulumi/cmd/run"));

/** Processes of this command that are of a kind, on this machine. Found by their parents, never by name alone. */
async function localTargets(target: Target, command: Running): Promise<number[]> {
  const tree = await processTree(command.pid);
  const of = (test: (one: Process) => boolean): number[] => tree.filter(test).map(({ pid }) => pid);
  if (target === "pulumi") return of((one) => program(one) === "pulumi");
  if (target === "provider") return of((one) => program(one).startsWith("pulumi-resource-"));
  // The deployment's own process, or that of the program where Pulumi runs it.
  const [first] = tree;
  if (first !== undefined && program(first) === "node") return [first.pid];
  return of(isProgramOfStack);
}

/** The process that keeps the connection which a deployment shares. It has no parent any more. */
async function sshMaster({ ssh }: World): Promise<number[]> {
  const [client = "ssh", ...words] = hostAccess({
    address: ssh.address,
    hostKey: ssh.hostKey,
  }).interpreter;
  const { stderr } = await run(
    client,
    [...words.slice(0, -2), "-O", "check", ...words.slice(-2, -1)],
    {
      env: { ...plainEnvironment, HOME: homedir() },
    },
  );
  const pid = /Master running \(pid=(\d+)\)/.exec(stderr)?.[1];
  return pid === undefined ? [] : [Number(pid)];
}

/** Process ids inside the own host, whose /proc shows nothing else. */
async function hostProcesses({ host }: World, pattern: string): Promise<number[]> {
  const script = `for one in /proc/[0-9]*; do
  line=$(tr '\\0' ' ' <"$one/cmdline" 2>/dev/null) || continue
  case $line in ${pattern}) echo "\${one#/proc/}";; esac
done`;
  const { stdout } = await host.run("sh", ["-c", script]);
  return stdout.split("\n").filter(Boolean).map(Number);
}

const SESSIONS = `"sshd: ${USER.name}"*|"sshd-session: ${USER.name}"*`;

/**
 * Kills one process of the kind as soon as there is one, by SIGKILL. False where the command ends first.
 *
 * @param choose the one of several
 */
export async function kill(
  world: World,
  command: Running,
  target: Target,
  choose: <T>(list: readonly T[]) => T,
): Promise<boolean> {
  while (!command.isOver()) {
    if (target === "sshd session") {
      const found = await hostProcesses(world, SESSIONS);
      if (found.length > 0) {
        await world.host.run("kill", ["-KILL", ...found.map(String)]);
        return true;
      }
    } else {
      const found =
        target === "ssh master" ? await sshMaster(world) : await localTargets(target, command);
      if (found.length > 0 && end(choose(found))) return true;
    }
    await pause(30);
  }
  return false;
}

function end(pid: number): boolean {
  try {
    process.kill(pid, "SIGKILL");
    return true;
  } catch {
    // It has just ended by itself.
    return false;
  }
}

/** Ends what a killed command has left on this machine, and waits for it. */
export async function endAll(processes: readonly Process[]): Promise<void> {
  for (const { pid, argv } of processes) {
    const now = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    // Another process may have its number by now.
    if (now === `${argv.join("\0")}\0`) end(pid);
  }
}

/** Everything a stack has on its host, in words that are the same for every clean deployment of it. */
export async function inventory(world: World, stack: string): Promise<Readonly<string[]>> {
  const { docker, host } = world;
  const mine = `label=pinned-stack.stack=${stack}`;
  // Pulumi's random ends, and Docker's ids.
  const plain = (line: string): string =>
    line.replace(/-[0-9a-f]{7}(?=$| )/g, "-*").replace(/ [0-9a-f]{64}$/, " without a name");
  const [containers, volumes, networks, files, databases] = await Promise.all([
    docker.ask("ps", "-a", "--format", "container {{.Names}} {{.State}}"),
    docker.ask("volume", "ls", "--format", "volume {{.Name}}"),
    docker.ask("network", "ls", "--format", "network {{.Name}}"),
    host.run("sh", [
      "-c",
      `cd ${USER.home} && find .cache/hardened -mindepth 1 2>/dev/null; find . -name '.partial-*'`,
    ]),
    databasesOf(world, mine),
  ]);
  return [
    ...[containers, volumes, networks].flatMap((text) => text.split("\n").filter(Boolean)),
    ...files.stdout
      .split("\n")
      .filter(Boolean)
      .map((path) => `file ${path}`),
    ...databases.map((name) => `database ${name}`),
    ...(await leftScripts(world)),
  ]
    .map(plain)
    .sort();
}

async function databasesOf({ docker }: World, mine: string): Promise<string[]> {
  const filters = ["--filter", mine, "--filter", "label=pinned-stack.container=postgres"];
  const id = (await docker.ask("ps", "-q", ...filters)).split("\n")[0] ?? "";
  if (id === "") return [];
  const words = ["exec", id, "psql", "-X", "-At", "-U", "postgres", "-c"];
  const { stdout } = succeeded(
    "psql",
    await docker.cli([...words, "SELECT datname FROM pg_database"]),
  );
  return stdout.split("\n").filter(Boolean);
}

/** Scripts that a deployment has left running on the host. */
export async function leftScripts(world: World): Promise<string[]> {
  const found = await hostProcesses(world, `"sh -c trap "*|"setsid "*|"sh -s"*`);
  return found.map(() => "script still running");
}
