/** What a machine needs for the integration tests, so that a suite is skipped by name where something is missing. */
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { CHROMIUM } from "./browser";
import { DEFAULT_ENGINE, type Engine } from "./engine";
import { pulumiBinaries, pulumiPlugins } from "./pulumi";
import { plainEnvironment, run } from "./run";

export interface Needs {
  /** Images as `repository:tag` that the test registry must have. */
  readonly images?: readonly string[];
  /** The Pulumi CLI and its plugins. */
  readonly pulumi?: boolean;
  readonly browser?: boolean;
  /** The host's engine. Default {@link DEFAULT_ENGINE}. */
  readonly engine?: Engine;
}

/** The test registry's storage: Debian's default folder of docker-registry, or PINNED_STACK_TEST_IMAGES. */
export const imageStore = process.env["PINNED_STACK_TEST_IMAGES"] ?? "/var/lib/docker-registry";

/** What the storage is expected to hold, as `repository:tag`: the seven services' images or stand-ins for them. */
export const IMAGES = {
  traefik: "library/traefik:v3.6.4",
  socketProxy: "tecnativa/docker-socket-proxy:v0.4.1",
  homepage: "library/nginx:1.27-alpine",
  portainer: "portainer/portainer-ce:2.19.5",
  n8n: "n8nio/n8n:1.64.2",
  postgres: "library/postgres:16-alpine",
  cadvisor: "cadvisor/cadvisor:v0.49.1",
} as const;

/** n8n with task runners, in its own scenario. The test makes its runners from it: runners-stand-in.ts. */
export const N8N_2 = "n8nio/n8n:2.40.7";
/** For it. A stand-in for 16 may be older than n8n 2 accepts. */
export const POSTGRES_17 = "library/postgres:17-alpine";

/** In its own scenario. */
export const RESTIC = "restic/restic:0.18.1";

/** The programs of the tests' own host. */
const PROGRAMS =
  "unshare nsenter ip iptables docker-registry sshd ssh ssh-agent ssh-add ssh-keygen".split(" ");
const ENGINE_PROGRAMS = ["dockerd", "containerd", "docker"];

/** Names everything that is missing on this machine, in the words of a package list; empty when nothing is. */
export async function missing(needs: Needs = {}): Promise<readonly string[]> {
  const checks: Promise<string | undefined>[] = PROGRAMS.map(async (name) =>
    (await onPath(name)) ? undefined : name,
  );
  const file = async (path: string, name: string): Promise<string | undefined> =>
    (await can(path)) ? undefined : name;
  checks.push(...engineChecks(needs.engine ?? DEFAULT_ENGINE));
  if (needs.images?.length) checks.push(file("/bin/busybox", "busybox-static"));
  for (const image of needs.images ?? []) {
    const [repository = "", tag = ""] = image.split(":");
    const link = `docker/registry/v2/repositories/${repository}/_manifests/tags/${tag}/current/link`;
    checks.push(file(join(imageStore, link), `image ${image} in ${imageStore}`));
  }
  if (needs.pulumi === true) {
    checks.push(
      file(join(pulumiBinaries, "pulumi"), `Pulumi CLI in ${pulumiBinaries}`),
      file(join(pulumiBinaries, "pulumi-language-nodejs"), "pulumi-language-nodejs"),
      ...["docker-v5.2.0", "command-v1.2.1"].map((plugin) =>
        file(join(pulumiPlugins, `resource-${plugin}`), `plugin resource-${plugin}`),
      ),
    );
  }
  if (needs.browser === true) checks.push(file(CHROMIUM, "chromium"));
  if (process.getuid?.() === 0) checks.push(namespaces());
  else checks.push(Promise.resolve("root"));
  return (await Promise.all(checks)).filter((name) => name !== undefined);
}

function engineChecks({ folder, recent }: Engine): Promise<string | undefined>[] {
  if (folder === undefined)
    return ENGINE_PROGRAMS.map(async (name) => ((await onPath(name)) ? undefined : name));
  const isThere = async (): Promise<string | undefined> => {
    const { stdout } = await run(join(folder, "dockerd"), ["--version"]);
    const [, version] = /version v?(\d+)\./.exec(stdout) ?? [];
    return version !== undefined && (recent !== true || Number(version) >= 29)
      ? undefined
      : `Docker Engine${recent === true ? " 29 or newer" : ""} in ${folder}`;
  };
  return [isThere()];
}

/** Root inside a container is often not allowed to make them. */
async function namespaces(): Promise<string | undefined> {
  const { code } = await run("unshare", ["--net", "--mount", "--pid", "--fork", "true"]);
  return code === 0 ? undefined : "right to make namespaces (unshare --net --mount --pid)";
}

async function onPath(program: string): Promise<boolean> {
  const folders = (plainEnvironment["PATH"] ?? "").split(delimiter);
  const found = await Promise.all(folders.map((folder) => can(join(folder, program))));
  return found.includes(true);
}

const can = (path: string): Promise<boolean> =>
  access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
