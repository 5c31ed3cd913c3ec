/** Starts the test registry, and reads its access log. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { OwnHost } from "./own-host";
import type { Program } from "./program";
import { until } from "./until";

/** One request as the registry's access log tells it. */
export interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly agent: string;
}

/** A `docker-registry` inside the tests' own host, plain HTTP, the same port inside and outside. */
export interface RegistryProcess {
  /** `127.0.0.1:<port>`, the first part of an image name. */
  readonly name: string;
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  /** All requests so far, of the program, the daemon and the tests, in order. */
  requests(): Promise<readonly LoggedRequest[]>;
  /** From now on connections are refused. */
  stop(): Promise<void>;
  /** Serves again after {@link stop}, on the same port. */
  start(): Promise<void>;
}

const ACCESS = /^\S+ - \S+ \[[^\]]*\] "(\S+) (\S+) [^"]*" (\d+) \d+ "[^"]*" "([^"]*)"$/gm;

export async function startRegistry(host: OwnHost): Promise<RegistryProcess> {
  let door = await host.open();
  const { port } = door;
  const name = `127.0.0.1:${port}`;
  const settings = join(host.directory, "registry.yml");
  await writeFile(
    settings,
    `version: 0.1
log: { level: error, accesslog: { disabled: false } }
storage: { filesystem: { rootdirectory: ${join(host.directory, "registry")} } }
http: { addr: "${name}", secret: tests }
`,
  );
  const url = `http://${name}`;
  const programs: Program[] = [];
  const serve = async (): Promise<void> => {
    programs.push(await host.spawn("registry", "docker-registry", ["serve", settings]));
    await until("docker-registry", async () => {
      const response = await fetch(`${url}/v2/`);
      await response.arrayBuffer();
      return response.ok || undefined;
    });
  };
  await serve();
  return {
    name,
    url,
    requests: async () => {
      const log = (await programs[0]?.output()) ?? "";
      return [...log.matchAll(ACCESS)].map(([, method = "", path = "", status, agent = ""]) => ({
        method,
        path,
        status: Number(status),
        agent,
      }));
    },
    stop: async () => {
      await door.close();
      await programs.at(-1)?.stop();
    },
    start: async () => {
      door = await host.open(port);
      await serve();
    },
  };
}
