/** Starts a Docker daemon in the tests' own host. */
import { mkdir, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { basename, join } from "node:path";
import { DEFAULT_ENGINE, type Engine } from "./engine";
import type { OwnHost } from "./own-host";
import type { Program } from "./program";
import { plainEnvironment, run, succeeded, type Result, type RunOptions } from "./run";
import { until } from "./until";

/** A Docker daemon inside the tests' own host; there its socket is the usual /var/run/docker.sock. */
export interface Dockerd {
  /** The socket's path as this machine sees it. */
  readonly socket: string;
  /** `unix://` and {@link socket}. */
  readonly address: string;
  /** A DOCKER_CONFIG folder without credentials and contexts. */
  readonly config: string;
  /** The docker command on this daemon. */
  cli(args: readonly string[], options?: RunOptions): Promise<Result>;
  /** Standard output of a docker command that must succeed, trimmed. */
  ask(...args: readonly string[]): Promise<string>;
  /** Ends the daemon and its containers, for tests of an engine that is away. */
  stop(): Promise<void>;
}

/** @param options the content of daemon.json */
export async function startDockerd(
  host: OwnHost,
  options: object = {},
  { folder, store }: Engine = DEFAULT_ENGINE,
): Promise<Dockerd> {
  const socket = join(host.directory, "run", "docker.sock");
  const config = join(host.directory, "docker-config");
  const settings = join(host.directory, "etc", "daemon.json");
  await mkdir(config);
  // A file in any case, or the daemon would read this machine's /etc/docker/daemon.json.
  const features = store && { "containerd-snapshotter": store === "containerd" };
  await writeFile(settings, `${JSON.stringify({ ...options, ...(features && { features }) })}\n`);
  const program: Program = await host.spawn("dockerd", "dockerd", [
    "--config-file",
    settings,
    "--host=unix:///var/run/docker.sock",
    "--group=docker",
    // systemd is out of reach from inside; own-host.sh removes the control groups of this parent.
    "--exec-opt=native.cgroupdriver=cgroupfs",
    `--cgroup-parent=/${basename(host.directory)}`,
    "--log-level=warn",
  ]);
  try {
    await until("dockerd", () => ping(socket), 30_000);
  } catch (error) {
    throw new Error(await program.output(), { cause: error });
  }
  const address = `unix://${socket}`;
  // The command of this engine, which is not always the machine's.
  const docker = folder === undefined ? "docker" : join(folder, "docker");
  const cli: Dockerd["cli"] = (args, options) =>
    run(docker, ["--host", address, ...args], {
      ...options,
      env: { ...plainEnvironment, DOCKER_CONFIG: config, ...options?.env },
    });
  const ask: Dockerd["ask"] = async (...args) =>
    succeeded(`docker ${args.join(" ")}`, await cli(args)).stdout.trim();
  if (store !== undefined) {
    const status = await ask("info", "--format={{range .DriverStatus}}{{index . 1}} {{end}}");
    if (status.includes("io.containerd.snapshotter") !== (store === "containerd"))
      throw new Error(`this engine does not use the ${store} image store: ${status}`);
  }
  return {
    socket,
    address,
    config,
    cli,
    ask,
    stop: () => program.stop(),
  };
}

const ping = (socketPath: string): Promise<true | undefined> =>
  new Promise((resolve, reject) => {
    request({ socketPath, path: "/_ping", timeout: 2000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? true : undefined);
    })
      .on("error", reject)
      .end();
  });
