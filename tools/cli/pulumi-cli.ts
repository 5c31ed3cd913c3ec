/** The Pulumi CLI as the commands use it: where it is, with which environment, and what keeps a real preview away. */
import { ChildProcess, spawn, SpawnOptions } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

import { HostAccess } from "../../host/address";
import { PROJECT_FOLDER } from "./command";

/** Plugins that the program needs, of the versions that its packages name. */
const PLUGINS = ["docker", "command"] as const;

/** How long a download may take before it counts as one that does not come, ms. */
const DOWNLOAD_MS = 180_000;

/**
 * The environment for the CLI. The `dev` stack's secrets are public, so it has the empty passphrase; others need theirs
 * from PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE. A Docker context or host of the shell is not for us.
 */
export function pulumiEnvironment(stack: string, from = process.env): NodeJS.ProcessEnv {
  const hasPassphrase =
    from.PULUMI_CONFIG_PASSPHRASE !== undefined || from.PULUMI_CONFIG_PASSPHRASE_FILE !== undefined;
  return {
    ...from,
    DOCKER_HOST: undefined,
    DOCKER_CONTEXT: undefined,
    PULUMI_SKIP_UPDATE_CHECK: "1",
    ...(stack === "dev" && !hasPassphrase && { PULUMI_CONFIG_PASSPHRASE: "" }),
  };
}

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** As timeout(1) has it. */
const TOO_LATE = 124;

/**
 * Runs a program to its end; output is kept unless `stdio` sends it elsewhere. Exit code 127: it could not start. With
 * `timeoutMs` it has no terminal, and is ended by then with all that it started: exit code 124.
 */
export function run(
  program: string,
  words: readonly string[],
  options: SpawnOptions & { readonly timeoutMs?: number } = {},
): Promise<Finished> {
  const { timeoutMs, ...rest } = options;
  return new Promise((resolve) => {
    const child = spawn(program, words, {
      cwd: PROJECT_FOLDER,
      ...rest,
      detached: timeoutMs !== undefined,
    });
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const stop =
      timeoutMs === undefined
        ? undefined
        : stopAfter(timeoutMs, child, () => {
            resolve({ code: TOO_LATE, stdout, stderr });
          });
    child.on("error", (error) => {
      stop?.();
      resolve({ code: 127, stdout, stderr: error.message });
    });
    child.on("close", (code, signal) => {
      stop?.();
      resolve({ code: code ?? 1, stdout, stderr: signal === null ? stderr : `ended by ${signal}` });
    });
  });
}

/**
 * Ends a process with its whole group, of which it is the first, after so many ms, and with Ctrl-C, which reaches the
 * terminal's own group only. Whoever left the group may hold on to the output: nobody waits for that. The answer calls
 * it off.
 */
function stopAfter(ms: number, child: ChildProcess, late: () => void): () => void {
  const end = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // All of them have ended by themselves.
    }
  };
  const timer = setTimeout(() => {
    end();
    child.stdout?.destroy();
    child.stderr?.destroy();
    late();
  }, ms);
  process.once("SIGINT", end).once("SIGTERM", end);
  return () => {
    clearTimeout(timer);
    process.off("SIGINT", end).off("SIGTERM", end);
  };
}

/**
 * A CLI that works, or why there is none: the npm package's own where it has been downloaded, then one on PATH. Only where
 * there is neither, the package downloads its own, which takes minutes or does not happen.
 */
export async function findCli(
  env: NodeJS.ProcessEnv,
): Promise<{ readonly program: string } | { readonly missing: string }> {
  const own = join(PROJECT_FOLDER, "node_modules", ".bin", "pulumi");
  const onPath = (env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "" && !folder.includes("node_modules"))
    .map((folder) => join(folder, "pulumi"))
    .filter((path) => existsSync(path));
  let why = "";
  for (const program of isDownloaded(env) ? [own, ...onPath] : [...onPath, own]) {
    const tried = await run(program, ["version"], { env, timeoutMs: DOWNLOAD_MS });
    if (tried.code === 0) return { program };
    why = whyNot(tried, DOWNLOAD_MS);
  }
  return {
    missing: `Pulumi CLI: ${why}; it is taken from PATH, or downloaded at first use with a connection to the internet`,
  };
}

/** Where the npm package keeps the CLI of its version (its lib/resolve.js). */
function isDownloaded(env: NodeJS.ProcessEnv): boolean {
  const version = env.PULUMI_VERSION ?? versionOf("pulumi");
  return existsSync(join(homeOf(env), "versions", version, "bin", "pulumi"));
}

const homeOf = (env: NodeJS.ProcessEnv): string => env.PULUMI_HOME ?? join(homedir(), ".pulumi");

/** Lines for the provider plugins that are neither there nor to be had, each within so many ms; without a CLI by none. */
export async function missingPlugins(
  program: string | undefined,
  env: NodeJS.ProcessEnv,
  withinMs = DOWNLOAD_MS,
): Promise<string[]> {
  const folder = join(homeOf(env), "plugins");
  const missing: string[] = [];
  for (const name of PLUGINS) {
    const version = versionOf(`@pulumi/${name}`);
    if (existsSync(join(folder, `resource-${name}-v${version}`))) continue;
    if (program === undefined) {
      missing.push(`Pulumi plugin ${name} ${version}: not in ${folder}; the CLI downloads it`);
      continue;
    }
    const install = ["plugin", "install", "resource", name, version];
    const tried = await run(program, install, { env, timeoutMs: withinMs });
    if (tried.code !== 0)
      missing.push(`Pulumi plugin ${name} ${version}: ${whyNot(tried, withinMs)}`);
  }
  return missing;
}

function versionOf(name: string): string {
  const path = join(PROJECT_FOLDER, "node_modules", name, "package.json");
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}

/** Why the engine of a local stack does not answer; undefined when it does. A remote one is not needed for a preview. */
export function missingEngine(access: HostAccess): Promise<string | undefined> {
  if (access.remote) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const asked = request(
      { socketPath: access.socketPath, path: "/_ping", timeout: 3000 },
      (answer) => {
        answer.resume();
        resolve(
          answer.statusCode === 200
            ? undefined
            : `Docker engine: ${access.socketPath} answers ${answer.statusCode ?? "nothing"}`,
        );
      },
    );
    asked.on("timeout", () => asked.destroy(new Error("no answer within 3 seconds")));
    asked.on("error", (error: NodeJS.ErrnoException) => {
      const way = WAYS[error.code ?? ""];
      resolve(
        `Docker engine: ${access.socketPath}: ${error.message}${way === undefined ? "" : `; ${way}`}`,
      );
    });
    asked.end();
  });
}

/** What helps when a socket cannot be used, by the error's code. */
const WAYS: Readonly<Partial<Record<string, string>>> = {
  ENOENT: "start Docker, or set pinned-stack:host to where it is",
  ECONNREFUSED: "start Docker",
  EACCES: "join the group docker, then log in again",
};

/** The last line of what it said, for something that should have been there after `withinMs`. */
function whyNot({ stderr, stdout, code }: Finished, withinMs: number): string {
  if (code === TOO_LATE) return `not downloaded within ${withinMs / 1000} s`;
  const lines = `${stderr}\n${stdout}`.split("\n").map((line) => line.trim());
  return lines.findLast((line) => line !== "") ?? `it ended with code ${code}`;
}
