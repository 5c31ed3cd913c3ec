/** Finds the Pulumi CLI, its plugins and the Docker Engine, and runs programs with a time limit. */
import { ChildProcess, spawn, SpawnOptions } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

import { HostAccess } from "../../host/address";
import { withoutPassphrase } from "../../host/passphrase";
import { PROJECT_FOLDER } from "./command";

/** Provider plugins of the program, in the versions of their npm packages. */
const PLUGINS = ["docker", "command"] as const;

/** Time limit of a download, ms. */
const DOWNLOAD_MS = 180_000;

/**
 * The environment of the CLI, without the Docker host and context of the user's shell. Stack `dev` has an empty passphrase,
 * because its secrets are public; other stacks need PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE.
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

export interface ProcessResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Exit code after a timeout, as of timeout(1). */
const TIMED_OUT = 124;

/**
 * Runs a program and captures its output, unless `stdio` redirects it. Exit code 127: it did not start. With `timeoutMs`
 * the program runs without a terminal and is killed with all its children after that time: exit code 124.
 */
export function run(
  program: string,
  args: readonly string[],
  options: SpawnOptions & { readonly timeoutMs?: number } = {},
): Promise<ProcessResult> {
  const { timeoutMs, ...rest } = options;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
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
        : killAfter(timeoutMs, child, () => {
            resolve({ code: TIMED_OUT, stdout, stderr });
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
 * Kills the process group that `child` leads, after `ms` or on Ctrl-C, which the terminal sends to its own group only.
 * Does not wait for the output: a process that left the group may keep it open. Returns a function that cancels.
 */
function killAfter(ms: number, child: ChildProcess, onTimeout: () => void): () => void {
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // The group has already exited.
    }
  };
  const timer = setTimeout(() => {
    kill();
    child.stdout?.destroy();
    child.stderr?.destroy();
    onTimeout();
  }, ms);
  process.once("SIGINT", kill).once("SIGTERM", kill);
  return () => {
    clearTimeout(timer);
    process.off("SIGINT", kill).off("SIGTERM", kill);
  };
}

/**
 * A CLI that runs, or why there is none. The npm package `pulumi` is a wrapper that downloads the CLI at first use, which
 * takes minutes, so a CLI on PATH is preferred until that has happened.
 */
export async function findCli(
  env: NodeJS.ProcessEnv,
): Promise<{ readonly program: string } | { readonly missing: string }> {
  const wrapper = join(PROJECT_FOLDER, "node_modules", ".bin", "pulumi");
  const onPath = (env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "" && !folder.includes("node_modules"))
    .map((folder) => join(folder, "pulumi"))
    .filter((path) => existsSync(path));
  const isDownloaded = existsSync(downloadedCli(env));
  let reason = "";
  for (const program of isDownloaded ? [wrapper, ...onPath] : [...onPath, wrapper]) {
    const result = await run(program, ["version"], {
      env: withoutPassphrase(env),
      timeoutMs: DOWNLOAD_MS,
    });
    if (result.code === 0) return { program };
    reason = failureReason(result, DOWNLOAD_MS);
  }
  return {
    missing: `Pulumi CLI: ${reason}; install it on PATH, or connect to the internet to download it at first use`,
  };
}

/** Where the wrapper keeps the CLI of its version (lib/resolve.js of the npm package `pulumi`). */
function downloadedCli(env: NodeJS.ProcessEnv): string {
  const version = env.PULUMI_VERSION ?? versionOf("pulumi");
  return join(homeOf(env), "versions", version, "bin", "pulumi");
}

/** The CLI itself instead of the npm wrapper: a signal would end the wrapper only and leave the CLI running. */
export function withoutWrapper(program: string, env: NodeJS.ProcessEnv): string {
  const cli = downloadedCli(env);
  return program.includes("node_modules") && existsSync(cli) ? cli : program;
}

const homeOf = (env: NodeJS.ProcessEnv): string => env.PULUMI_HOME ?? join(homedir(), ".pulumi");

/** One line for each provider plugin that is not installed and that `program` cannot download within `timeoutMs`. */
export async function missingPlugins(
  program: string | undefined,
  env: NodeJS.ProcessEnv,
  timeoutMs = DOWNLOAD_MS,
): Promise<string[]> {
  const folder = join(homeOf(env), "plugins");
  const missing: string[] = [];
  for (const name of PLUGINS) {
    const version = versionOf(`@pulumi/${name}`);
    if (existsSync(join(folder, `resource-${name}-v${version}`))) continue;
    if (program === undefined) {
      missing.push(
        `Pulumi plugin ${name} ${version}: not in ${folder}; the Pulumi CLI downloads it`,
      );
      continue;
    }
    const install = ["plugin", "install", "resource", name, version];
    const result = await run(program, install, { env: withoutPassphrase(env), timeoutMs });
    if (result.code !== 0)
      missing.push(`Pulumi plugin ${name} ${version}: ${failureReason(result, timeoutMs)}`);
  }
  return missing;
}

function versionOf(name: string): string {
  const path = join(PROJECT_FOLDER, "node_modules", name, "package.json");
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}

/** Why the Docker Engine of a local stack does not answer. Undefined if it does, and for a remote one: no preview needs it. */
export function engineProblem(access: HostAccess): Promise<string | undefined> {
  if (access.remote) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const ping = request(
      { socketPath: access.socketPath, path: "/_ping", timeout: 3000 },
      (answer) => {
        answer.resume();
        resolve(
          answer.statusCode === 200
            ? undefined
            : `Docker Engine: ${access.socketPath}: expected status 200, got ${answer.statusCode ?? "none"}`,
        );
      },
    );
    ping.on("timeout", () => ping.destroy(new Error("no answer within 3 seconds")));
    ping.on("error", (error: NodeJS.ErrnoException) => {
      const remedy = REMEDIES[error.code ?? ""];
      resolve(
        `Docker Engine: ${access.socketPath}: ${error.message}${remedy === undefined ? "" : `; ${remedy}`}`,
      );
    });
    ping.end();
  });
}

/** By the error code of the socket. */
const REMEDIES: Readonly<Partial<Record<string, string>>> = {
  ENOENT: "start Docker, or set its address in pinned-stack:host",
  ECONNREFUSED: "start Docker",
  EACCES: "add your user to the group docker, then log in again",
};

/** The last line of the output. */
function failureReason({ stderr, stdout, code }: ProcessResult, timeoutMs: number): string {
  if (code === TIMED_OUT) return `not downloaded within ${timeoutMs / 1000} s`;
  const lines = `${stderr}\n${stdout}`.split("\n").map((line) => line.trim());
  return lines.findLast((line) => line !== "") ?? `exit code ${code}`;
}
