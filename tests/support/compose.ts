/** Docker Compose, where the docker command would find it as a plugin. */
import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

import type { Dockerd } from "./dockerd";
import { plainEnvironment, run, type Result } from "./run";

const FOLDERS = [
  join(process.env["DOCKER_CONFIG"] ?? join(homedir(), ".docker"), "cli-plugins"),
  "/usr/local/lib/docker/cli-plugins",
  "/usr/local/libexec/docker/cli-plugins",
  "/usr/lib/docker/cli-plugins",
  "/usr/libexec/docker/cli-plugins",
];

/** The plugin's path; undefined where there is none. */
export const composePlugin = (): string | undefined =>
  FOLDERS.map((folder) => join(folder, "docker-compose")).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** Runs `docker compose` on a daemon, as a program of its own. */
export function compose(
  { address, config }: Pick<Dockerd, "address" | "config">,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Result> {
  return run(composePlugin() ?? "docker-compose", args, {
    env: { ...plainEnvironment, DOCKER_HOST: address, DOCKER_CONFIG: config, ...env },
    timeout: 300_000,
  });
}
