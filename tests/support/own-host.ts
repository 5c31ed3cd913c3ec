/**
 * The tests' own host: a machine inside this one, made of namespaces (own-host.sh says how). It has its own
 * loopback, firewall, /run, /var/lib/docker and user; nothing of it is left when it stops or the tests are killed.
 */
import { spawn } from "node:child_process";
import { access, chmod, mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { openDoor, type Door } from "./door";
import { startInside, type Program } from "./program";
import { plainEnvironment, run, type Result, type RunOptions } from "./run";
import { until } from "./until";

/** The non-root user of the own host, a member of its group `docker`. */
export const USER = { name: "pinnedtest", id: 60123, home: "/run/home" } as const;

/** Inside, with {@link HostOptions.programs} first. */
const ENVIRONMENT: NodeJS.ProcessEnv = {
  ...plainEnvironment,
  PATH: `/usr/local/bin:${plainEnvironment["PATH"] ?? ""}`,
};

export interface OwnHost {
  /** Absolute path, short enough for sockets. The same inside and outside; removed at the end. */
  readonly directory: string;
  /** Starts a long-running program inside, as root; its output is kept in `<directory>/log/<name>`. */
  spawn(name: string, command: string, args: readonly string[]): Promise<Program>;
  /** Runs a program inside to its end, as root. */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<Result>;
  /** Makes a port of the own host's loopback reachable on this machine's, under the same number. 0: a free one. */
  open(port?: number): Promise<Door>;
  /** Kills everything inside and removes the directory. */
  stop(): Promise<void>;
}

export interface HostOptions {
  /** A registry's storage, seen at `<directory>/registry`; the original is never written to. */
  readonly imageStore?: string | undefined;
  /** A folder of programs that everyone inside finds first, in /usr/local/bin. */
  readonly programs?: string | undefined;
}

export async function startOwnHost(options: HostOptions = {}): Promise<OwnHost> {
  const { imageStore = "", programs = "" } = options;
  // Not the default temporary folder: that is often in memory, where Docker's overlay has no place.
  const directory = await mkdtemp("/var/tmp/pst-");
  await prepare(directory);
  const keeper = spawn(
    "sh",
    [
      join(__dirname, "own-host.sh"),
      directory,
      imageStore,
      programs,
      // For tests with much data, which are run by hand.
      process.env["PINNED_STACK_TEST_DISK"] ?? "",
    ],
    // A session of its own: Ctrl-C in a terminal ends the tests first and the host after them.
    { env: plainEnvironment, stdio: ["pipe", "pipe", "pipe"], detached: true },
  );
  const complaints: Buffer[] = [];
  keeper.stderr.on("data", (chunk: Buffer) => complaints.push(chunk));
  const ended = new Promise<void>((resolve) => {
    keeper.on("close", () => {
      resolve();
    });
  });
  const pid = await new Promise<string>((resolve, reject) => {
    createInterface(keeper.stdout).once("line", resolve);
    void ended.then(() => {
      reject(new Error(`own-host.sh: ${Buffer.concat(complaints).toString()}`));
    });
  });

  const enter = ["--target", pid, "--net", "--mount", "--pid", "--"];
  const relay = join(directory, "relay.sock");
  const doors: Door[] = [];
  const host: OwnHost = {
    directory,
    run: (command, args, options) =>
      run("nsenter", [...enter, command, ...args], { env: ENVIRONMENT, ...options }),
    spawn: (name, command, args) =>
      startInside(join(directory, "log", name), [...enter, command, ...args], ENVIRONMENT),
    open: async (port) => {
      const door = await openDoor(relay, port);
      doors.push(door);
      return door;
    },
    stop: async () => {
      await Promise.all(doors.map((door) => door.close()));
      keeper.stdin.end();
      await ended;
    },
  };
  try {
    const loader = require.resolve("tsx/cjs");
    await host.spawn("relay", process.execPath, ["-r", loader, join(__dirname, "relay.ts"), relay]);
    await until("the relay's socket", () => access(relay).then(() => true));
    return host;
  } catch (error) {
    await host.stop();
    throw error;
  }
}

/** The folders own-host.sh expects, and this machine's accounts with the test user added. */
async function prepare(directory: string): Promise<void> {
  // The user must get through to the files meant for it.
  await chmod(directory, 0o755);
  for (const name of "etc run docker registry upper work upper-lib work-lib".split(" "))
    await mkdir(join(directory, name));
  await mkdir(join(directory, "run", "sshd"));
  const { name, id, home } = USER;
  const passwd = `${name}:x:${id}:${id}:${name}:${home}:/bin/sh`;
  await derive(directory, "passwd", 0o644, (lines) => [...lines, passwd]);
  // No password fits "*"; "!" would lock the account and refuse keys too.
  await derive(directory, "shadow", 0o640, (lines) => [...lines, `${name}:*:::::::`]);
  await derive(directory, "group", 0o644, (lines) => [
    ...lines.filter((line) => !line.startsWith("docker:")),
    `${name}:x:${id}:`,
    `docker:x:${id + 1}:${name}`,
  ]);
}

async function derive(
  directory: string,
  file: string,
  mode: number,
  change: (lines: readonly string[]) => readonly string[],
): Promise<void> {
  const lines = (await readFile(join("/etc", file), "utf8")).split("\n").filter(Boolean);
  await writeFile(join(directory, "etc", file), `${change(lines).join("\n")}\n`, { mode });
}
