/** This repository's program as a stack in the tests' own world, and what its commands printed. */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";

import { parse, stringify } from "yaml";

import type { PulumiStack } from "./pulumi";
import { IMAGES } from "./requirements";
import { succeeded, type Result } from "./run";
import type { World } from "./world";

/** Configuration by key, without the project's prefix. */
export type Values = Readonly<Record<string, unknown>>;

export interface DeploymentOptions {
  /** Stack name; not `dev`, which may hold public secrets. */
  readonly name: string;
  readonly values: Values;
  /** By key; those of own services as `secrets.<name>`. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Added to the environment of its commands. */
  readonly env?: NodeJS.ProcessEnv;
}

export interface Deployment {
  readonly name: string;
  readonly stack: PulumiStack;
  preview(...args: readonly string[]): Promise<Result>;
  up(...args: readonly string[]): Promise<Result>;
  destroy(...args: readonly string[]): Promise<Result>;
  /** Changes keys of the stack's configuration; undefined takes one away. */
  set(values: Values): Promise<void>;
  /** Replaces lines of `images`. */
  pin(images: Readonly<Record<string, string>>): Promise<void>;
  /** All that the commands above printed so far. */
  transcript(): string;
}

const PREFIX = "pinned-stack:";

/** How the stack reaches the world's daemon over SSH, the server's key checked. */
export const overSsh = ({ ssh }: World): Values => ({
  host: { address: ssh.address, hostKey: ssh.hostKey },
});

/** How it reaches it without. */
export const onSocket = ({ docker }: World): Values => ({ host: { address: docker.address } });

/** The stack's images as the program's configuration names them, pinned to what the world's registry has. */
export async function pinnedImages(
  world: World,
  services: readonly ServiceImage[] = Object.keys(SERVICE_IMAGES) as ServiceImage[],
): Promise<Record<string, string>> {
  const pins = services.map(
    async (name) => [name, await world.pinned(SERVICE_IMAGES[name])] as const,
  );
  return Object.fromEntries(await Promise.all(pins));
}

/** The images of the test bed, by the service that runs them. */
export const SERVICE_IMAGES = {
  traefik: IMAGES.traefik,
  "socket-proxy": IMAGES.socketProxy,
  homepage: IMAGES.homepage,
  portainer: IMAGES.portainer,
  n8n: IMAGES.n8n,
  postgres: IMAGES.postgres,
  cadvisor: IMAGES.cadvisor,
} as const;
export type ServiceImage = keyof typeof SERVICE_IMAGES;

/** Makes the stack with its configuration; nothing is deployed yet. */
export async function newDeployment(
  world: World,
  { name, values, secrets = {}, env = {} }: DeploymentOptions,
): Promise<Deployment> {
  const stack = await world.stack({ project: resolve("."), stack: name, env });
  const file = join(stack.project, `Pulumi.${name}.yaml`);
  const printed: string[] = [];
  const edit = async (change: (config: Record<string, unknown>) => void): Promise<void> => {
    const settings = parse(await readFile(file, "utf8")) as { config: Record<string, unknown> };
    change(settings.config);
    await stack.configure(stringify(settings));
  };
  const keep = async (result: Promise<Result>): Promise<Result> => {
    const { stdout, stderr } = await result;
    printed.push(stdout, stderr);
    return result;
  };

  await stack.configure(
    stringify({
      config: Object.fromEntries(Object.entries(values).map(([key, v]) => [PREFIX + key, v])),
    }),
  );
  for (const [key, secret] of Object.entries(secrets)) await stack.setSecret(PREFIX + key, secret);
  return {
    name,
    stack,
    preview: (...args) => keep(stack.preview(...args)),
    up: (...args) => keep(stack.up(...args)),
    destroy: (...args) => keep(stack.destroy(...args)),
    set: (changed) =>
      edit((config) => {
        for (const [key, value] of Object.entries(changed)) config[PREFIX + key] = value;
      }),
    pin: (images) =>
      edit((config) => {
        config[`${PREFIX}images`] = { ...(config[`${PREFIX}images`] as object), ...images };
      }),
    transcript: () => printed.join("\n"),
  };
}

/**
 * Runs a Node script, from the host's own files, inside a container's network; gives its standard output. The image needs
 * no program for it.
 */
export async function inNetworkOf(
  world: World,
  container: { readonly State: { readonly Pid: number } },
  script: string,
  ...args: readonly string[]
): Promise<string> {
  const enter = ["--target", `${container.State.Pid}`, "--net", "--", process.execPath, "-e"];
  const result = await world.host.run("nsenter", [...enter, script, ...args]);
  return succeeded("a script in a container's network", result).stdout;
}

/** A service of one's own with nginx, which answers with a line. */
export const site = (line: string) => ({
  user: "101:101",
  port: 8080,
  command: ["nginx", "-c", "/etc/site/nginx.conf", "-g", "daemon off;"],
  configs: [
    {
      target: "/etc/site/nginx.conf",
      content: `worker_processes 1;
error_log /dev/stderr notice;
pid /tmp/nginx.pid;
events { worker_connections 64; }
http {
  client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;
  server { listen 8080; location / { return 200 "${line}\\n"; } }
}
`,
    },
  ],
  tmpfs: ["/tmp:size=2m"],
  healthcheck: {
    test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/"],
    start_period: "10s",
  },
  memoryMiB: 64,
});
