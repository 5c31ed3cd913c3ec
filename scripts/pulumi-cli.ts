/** The Pulumi CLI as the commands use it: where it is, with which environment, and what keeps a real preview away. */
import { spawn, SpawnOptions } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

import { HostAccess } from "../host/address";
import { PROJECT_FOLDER } from "./cli";

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

/** Runs a program to its end; output is kept unless `stdio` sends it elsewhere. Exit code 127: it could not start. */
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
      ...(timeoutMs !== undefined && { timeout: timeoutMs }),
    });
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", (error) => {
      resolve({ code: 127, stdout, stderr: error.message });
    });
    child.on("close", (code, signal) => {
      resolve({ code: code ?? 1, stdout, stderr: signal === null ? stderr : `ended by ${signal}` });
    });
  });
}

/** A CLI that works, or why there is none. */
export async function findCli(
  env: NodeJS.ProcessEnv,
): Promise<{ readonly program: string } | { readonly missing: string }> {
  const own = join(PROJECT_FOLDER, "node_modules", ".bin", "pulumi");
  // The npm package downloads the CLI of its version at the first use.
  const tried = await run(own, ["version"], { env, timeoutMs: DOWNLOAD_MS });
  if (tried.code === 0) return { program: own };
  const elsewhere = (env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "" && !folder.includes("node_modules"))
    .map((folder) => join(folder, "pulumi"))
    .find((path) => existsSync(path));
  if (elsewhere !== undefined) return { program: elsewhere };
  return { missing: `Pulumi CLI: ${lastLine(tried)}` };
}

/** Lines for the provider plugins that are neither there nor to be had. */
export async function missingPlugins(program: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  const folder = join(env.PULUMI_HOME ?? join(homedir(), ".pulumi"), "plugins");
  const missing: string[] = [];
  for (const name of PLUGINS) {
    const version = packageVersion(name);
    if (existsSync(join(folder, `resource-${name}-v${version}`))) continue;
    const install = ["plugin", "install", "resource", name, version];
    const tried = await run(program, install, { env, timeoutMs: DOWNLOAD_MS });
    if (tried.code !== 0) missing.push(`Pulumi plugin ${name} ${version}: ${lastLine(tried)}`);
  }
  return missing;
}

export function packageVersion(name: (typeof PLUGINS)[number]): string {
  const path = join(PROJECT_FOLDER, "node_modules", "@pulumi", name, "package.json");
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
    asked.on("error", (error) => {
      resolve(`Docker engine: ${error.message}`);
    });
    asked.end();
  });
}

const lastLine = ({ stderr, stdout, code }: Finished): string =>
  `${stderr}\n${stdout}`
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .at(-1) ?? `it ended with code ${code}`;
