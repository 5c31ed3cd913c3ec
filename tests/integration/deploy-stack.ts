/** A stack in the tests' own world, deployed by the project's own commands. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

import type { VariantName } from "../support/image-variant";
import { answer, startProbe, type Probe, type ProbeOptions } from "../support/probe";
import { commandWords } from "../support/project-command";
import type { PulumiStack } from "../support/pulumi";
import { IMAGES } from "../support/requirements";
import { run, succeeded, type Result } from "../support/run";
import type { World } from "../support/world";

const KEYS = {
  traefik: "traefik",
  "socket-proxy": "socketProxy",
  homepage: "homepage",
  portainer: "portainer",
  n8n: "n8n",
  postgres: "postgres",
  cadvisor: "cadvisor",
} as const;
type Service = keyof typeof KEYS;

type CommandName = Parameters<typeof commandWords>[0];

export interface DeployStack {
  readonly name: string;
  readonly stack: PulumiStack;
  /** The images as the configuration names them; change one, then configure. */
  readonly images: Partial<Record<Service, string>>;
  /** Writes the stack file, with further lines where wanted. */
  configure(...more: readonly string[]): Promise<void>;
  /** From now on the images as they are count as good. */
  accept(): void;
  /** The good images again, in the configuration alone. */
  reset(): Promise<void>;
  /** The good images again, deployed: each scenario begins with a stack as it should be. Rejects. */
  settle(): Promise<void>;
  /** Runs one of the project's commands: `deploy`, `drift`, `doctor`. */
  command(name: CommandName, ...args: readonly string[]): Promise<Result>;
  /**
   * As {@link command}, with a chance to do something once a line was printed. Rejects when the line never comes, when the
   * action fails, and after four minutes.
   */
  commandUntil(
    name: CommandName,
    args: readonly string[],
    line: RegExp,
    action: (pid: number) => Promise<void> | void,
  ): Promise<Result>;
  /** Requests through Traefik. Default: for the homepage, every 100 ms. */
  probe(options?: Partial<ProbeOptions>): Probe;
  /** The answer of Traefik to one request for a host name. */
  ask(host: string, path?: string): Promise<string>;
  /** `name@sha256:…` of a variant of a service's image. */
  variant(service: Service, kind: VariantName): Promise<string>;
  /** The images that run, by container. */
  running(): Promise<Readonly<Record<string, string>>>;
  /** Whether a deployment has left its lock. */
  isLocked(): Promise<boolean>;
  /** Changes a file of the project for a while; gives what undoes it. Rejects when the text does not exist. */
  patch(file: string, from: string, to: string): Promise<() => Promise<void>>;
}

const COMMAND_MS = 240_000;

let count = 0;

const keyOf = (line: string): string => line.trim().split(":")[1] ?? "";
const said = (lines: readonly string[], key: string): boolean =>
  lines.some((line) => line.startsWith(`  pinned-stack:${key}:`));

/** A stack of its own for a suite, deployed. Each scenario begins with it as it should be. */
export function useDeployStack(world: () => World): () => {
  readonly world: World;
  readonly stack: DeployStack;
  /** What the first deployment printed. */
  readonly first: Result;
} {
  let stack: DeployStack;
  let first: Result;
  before(async () => {
    stack = await deployStack(world());
    first = succeeded("deploy", await stack.command("deploy", "--yes"));
  });
  afterEach(async function () {
    // A scenario that fails must not take those after it with it.
    if (this.currentTest?.state === "failed") await stack.settle();
    else await stack.reset();
  });
  return () => ({ world: world(), stack, first });
}

/** What a stack has beside its {@link Service}s. */
export interface More {
  /** By service, as the configuration names them. */
  readonly images?: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
  /** Further lines of the stack file, always. */
  readonly lines?: readonly string[];
}

/** Two services are enough for most cases, and up in seconds. */
export async function deployStack(
  world: World,
  enabled: readonly Service[] = ["traefik", "homepage"],
  { images: moreImages = {}, secrets: moreSecrets = {}, lines: always = [] }: More = {},
): Promise<DeployStack> {
  count += 1;
  const name = `t${count}`;
  const stack = await world.stack({ project: resolve("."), stack: name });
  const port = await world.publishedPort();
  const images: Partial<Record<Service, string>> = {};
  for (const service of enabled) images[service] = await world.pinned(IMAGES[KEYS[service]]);
  Object.assign(images, moreImages);
  const has = (service: Service): string => String(enabled.includes(service));
  const secrets: string[] = [];
  const salt: string[] = [];
  const configure = async (...given: readonly string[]): Promise<void> => {
    const more = [...given, ...always.filter((line) => !said(given, keyOf(line)))];
    await stack.configure(
      [
        ...salt,
        "config:",
        `  pinned-stack:host: { address: "${world.ssh.address}", hostKey: "${world.ssh.hostKey}" }`,
        "  pinned-stack:domain: example.test",
        `  pinned-stack:publish: { address: 127.0.0.1, http: ${port} }`,
        ...(said(more, "checkTags") ? [] : ["  pinned-stack:checkTags: false"]),
        ...(said(more, "registries")
          ? []
          : [`  pinned-stack:registries: { "${world.registry.name}": { insecure: true } }`]),
        ...(said(more, "services")
          ? []
          : [
              `  pinned-stack:services: { n8n: { enabled: ${has("n8n")} }, portainer: { enabled: ${has("portainer")} } }`,
            ]),
        "  pinned-stack:images:",
        ...Object.entries(images).map(([service, image]) => `    ${service}: ${image}`),
        ...secrets,
        ...more,
        "",
      ].join("\n"),
    );
  };
  await configure();
  // One that nothing uses, so that the file has its salt from the beginning, as a stack with secrets has.
  const keys = ["acmeDnsToken"];
  if (enabled.includes("n8n"))
    keys.push("postgresPassword", "n8nDatabasePassword", "n8nEncryptionKey");
  if (enabled.includes("portainer")) keys.push("portainerPassword");
  for (const key of keys) await stack.setSecret(`pinned-stack:${key}`, `canary-${key}-0123456789`);
  for (const [key, text] of Object.entries(moreSecrets))
    await stack.setSecret(`pinned-stack:${key}`, text);
  const lines = (await readFile(join(stack.project, `Pulumi.${name}.yaml`), "utf8")).split("\n");
  // Encrypted secrets stay in the file over all its changes.
  for (const [index, line] of lines.entries())
    if (/Token:|Password:|EncryptionKey:|Credentials:/.test(line))
      secrets.push(line, lines[index + 1] ?? "");
  salt.push(...lines.filter((line) => line.startsWith("encryptionsalt:")));
  let good = { ...images };
  const reset = async (): Promise<void> => {
    for (const service of Object.keys(images) as Service[])
      if (good[service] === undefined) Reflect.deleteProperty(images, service);
    Object.assign(images, good);
    await configure();
  };
  const words = (command: CommandName, args: readonly string[]): string[] => [
    ...commandWords(command),
    "--stack",
    name,
    ...args,
  ];
  const command: DeployStack["command"] = (program, ...args) =>
    run(process.execPath, words(program, args), {
      cwd: stack.project,
      env: stack.env,
      timeout: COMMAND_MS,
    });
  return {
    name,
    stack,
    images,
    configure,
    accept: () => {
      good = { ...images };
    },
    reset,
    settle: async () => {
      await reset();
      succeeded("deploy", await command("deploy", "--yes"));
    },
    command,
    commandUntil: async (program, args, line, action) => {
      const started = performance.now();
      const child = spawn(process.execPath, words(program, args), {
        cwd: stack.project,
        env: stack.env,
        stdio: ["ignore", "pipe", "pipe"],
        timeout: COMMAND_MS,
        killSignal: "SIGKILL",
      });
      let [stdout, stderr] = ["", ""];
      let acting: Promise<unknown> | undefined;
      // Never 0, which is this process's own group to kill().
      const { pid } = child;
      if (pid === undefined) throw new Error(`${program} could not be started`);
      const look = (): void => {
        if (acting !== undefined || !line.test(stdout + stderr)) return;
        acting = Promise.resolve(action(pid)).then(
          () => undefined,
          (error: unknown) => error ?? "failed",
        );
      };
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
        look();
      });
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr += text;
        look();
      });
      const [code] = (await once(child, "close")) as [number | null];
      const said = `${stdout}${stderr}`;
      if (acting === undefined) throw new Error(`${String(line)} was never printed\n${said}`);
      const failure = await acting;
      if (failure !== undefined) throw new Error(said, { cause: failure });
      return { code: code ?? 1, stdout, stderr, ms: Math.round(performance.now() - started) };
    },
    probe: (options) =>
      startProbe({ url: `http://127.0.0.1:${port}/`, host: "example.test", ...options }),
    ask: (host, path = "/") => answer(`http://127.0.0.1:${port}${path}`, host),
    variant: async (service, kind) => {
      const image = IMAGES[KEYS[service]];
      const digest = await world.variant(image, kind, `${image.split(":")[1] ?? ""}-${kind}`);
      return `${world.registry.name}/${image}@${digest}`;
    },
    running: async () => {
      const ids = await world.docker.ask(
        "ps",
        "-q",
        "--filter",
        `label=pinned-stack.stack=${name}`,
        "--filter",
        "label=hardened.role=container",
      );
      const format = '{{index .Config.Labels "pinned-stack.container"}} {{.Config.Image}}';
      const lines = await world.docker.ask("inspect", "--format", format, ...ids.split("\n"));
      return Object.fromEntries(
        lines
          .split("\n")
          .filter(Boolean)
          .map((line) => line.split(" ") as [string, string]),
      );
    },
    isLocked: async () => {
      const locks = await world.docker.ask(
        "volume",
        "ls",
        "-q",
        "--filter",
        "label=pinned-stack.lock",
      );
      return locks.split("\n").includes(`${name}-deployment-lock`);
    },
    patch: async (file, from, to) => {
      const path = join(stack.project, file);
      const text = await readFile(path, "utf8");
      if (!text.includes(from)) throw new Error(`${file} has no ${JSON.stringify(from)}`);
      await writeFile(path, text.replace(from, to));
      return () => writeFile(path, text);
    },
  };
}
