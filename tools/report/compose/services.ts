/**
 * Containers of the model as services of a Compose file. Compose cannot create inline files in a container with a read-only
 * root, so init containers copy them into volumes. Each secret is a mount of its own. Pure.
 */
import {
  ContainerModel,
  FileContent,
  FilesMount,
  FIXED,
  Mount,
  tmpfsOptions,
} from "../../../components/hardened/model";
import { StackContainer, StackModel } from "../../../components/model";
import { CommandError } from "../../cli/command";

/** Escapes `$`, because Compose interpolates `$NAME` in every string. */
export const plain = (text: string): string => text.replaceAll("$", "$$$$");

/** A required variable, with a hint for Compose's error message. */
const required = (variable: string, hint: string): string => `\${${variable}:?${hint}}`;

export const SOCKET_GROUP = "DOCKER_SOCKET_GID";

/** A container that copies files into a volume or changes its owner, then exits. */
interface InitContainer {
  readonly name: string;
  readonly image: string;
  readonly mount: { readonly volume: string; readonly path: string };
  /** The new owner of the volume, `uid:gid`. Absent if the deployed stack never starts the container. */
  readonly chown?: string;
  readonly files: readonly {
    /** Its name in `configs`. */
    readonly name: string;
    readonly target: string;
    readonly content: string;
  }[];
}

/** Keeps the owner: Docker resets that of an empty volume whenever it creates a container. */
const NOT_EMPTY = { ".hardened": "The owner of this folder was set when the volume was made.\n" };

/** Throws a CommandError that lists all files that are not text. */
export function initContainers(containers: readonly StackContainer[]): InitContainer[] {
  const binaries: string[] = [];
  const unique = uniqueNames();
  const filesOf = ({ volume, path }: InitContainer["mount"], files: FilesMount["files"]) =>
    Object.entries(files).map(([file, content]) => {
      const target = `${path}/${file}`;
      const text = textOf(content);
      if (text === undefined) binaries.push(target);
      const name = unique(`${volume}-${target.slice(1).replace(/[^A-Za-z0-9._-]+/g, "-")}`);
      return { name, target: plain(target), content: plain(text ?? "") };
    });
  const found = containers.flatMap(({ mounts, image, toolImage, controls: { user: chown } }) =>
    mounts.flatMap((mount): InitContainer[] => {
      if (mount.kind === "files")
        return [{ name: `${mount.volume}-init`, image, mount, files: filesOf(mount, mount.files) }];
      if (mount.kind !== "data" || !mount.chown) return [];
      const files = filesOf(mount, NOT_EMPTY);
      return [{ name: `${mount.volume}-owner`, image: toolImage, mount, chown, files }];
    }),
  );
  if (binaries.length > 0)
    throw new CommandError(
      `${binaries.join(", ")}: a Compose file cannot contain binary files; remove services.homepage.folder for the export, and mount the folder yourself`,
    );
  return found;
}

/** Undefined if the content is not UTF-8. */
function textOf(content: FileContent): string | undefined {
  if (typeof content === "string") return content;
  const bytes = Buffer.from("base64" in content ? content.base64 : "", "base64");
  const text = bytes.toString("utf8");
  return Buffer.from(text, "utf8").equals(bytes) ? text : undefined;
}

/** Appends a number to a name that is already taken. */
function uniqueNames(): (name: string) => string {
  const taken = new Set<string>();
  return (name) => {
    let free = name;
    for (let n = 2; taken.has(free); n++) free = `${name}-${n}`;
    taken.add(free);
    return free;
  };
}

export const initService = (
  { image, mount, chown, files }: InitContainer,
  platform: string,
): object => ({
  image,
  platform,
  user: "0:0",
  entrypoint: ["/bin/chown"],
  // The files belong to root already, so the default changes nothing, but the container exits.
  command: ["-R", chown ?? "0:0", plain(mount.path)],
  network_mode: "none",
  cap_drop: ["ALL"],
  ...(chown !== undefined && { cap_add: ["CAP_CHOWN", "CAP_DAC_READ_SEARCH"] }),
  security_opt: ["no-new-privileges:true"],
  ...(chown !== undefined && { cpus: 0.5 }),
  mem_limit: "64m",
  memswap_limit: "64m",
  restart: "no",
  configs: files.map(({ name: source, target }) => ({ source, target, mode: "0444" })),
  volumes: [{ type: "volume", source: mount.volume, target: plain(mount.path) }],
});

/** A secret in a file. Each reader has its own file, because a file has only one owner. */
export interface ComposeSecret {
  /** Name in the Compose file, and of the file: `n8n-database-password`. */
  readonly name: string;
  /** Name in the configuration. */
  readonly secret: string;
  /** Name of the container. */
  readonly reader: string;
  /** `uid:gid` of the reader. */
  readonly owner: string;
  readonly target: string;
}

export function composeSecrets(containers: readonly ContainerModel[]): ComposeSecret[] {
  const unique = uniqueNames();
  return containers.flatMap(({ name: reader, mounts, controls }) =>
    mounts.flatMap((mount) => {
      if (mount.kind !== "secrets") return [];
      return Object.entries(mount.files).flatMap(([file, content]) =>
        typeof content === "object" && "secret" in content
          ? {
              name: unique(`${reader}-${file.slice(file.lastIndexOf("/") + 1)}`),
              secret: content.secret,
              reader,
              owner: controls.user,
              target: `${mount.path}/${file}`,
            }
          : [],
      );
    }),
  );
}

interface Context {
  readonly model: StackModel;
  readonly inits: readonly InitContainer[];
  readonly secrets: readonly ComposeSecret[];
}

/** A service with all restrictions of the deployed container. */
export function composeService(container: ContainerModel, context: Context): object {
  const { name, image, entrypoint, command, controls, tmpfs, networks, ports } = container;
  const { stopGraceSeconds, shmMiB } = container;
  const environment = environmentOf(container);
  const volumes = container.mounts.flatMap(volumeOf);
  const secrets = context.secrets.filter(({ reader }) => reader === name);
  const after = dependencies(container, context);
  return {
    image,
    platform: context.model.platform,
    ...(entrypoint && { entrypoint: entrypoint.map(plain) }),
    ...(command && { command: command.map(plain) }),
    ...(Object.keys(environment).length > 0 && { environment }),
    ...restrictions(container),
    ...(shmMiB !== undefined && { shm_size: `${shmMiB}m` }),
    restart: FIXED.restart,
    logging: FIXED.logging,
    ...(volumes.length > 0 && { volumes }),
    ...(Object.keys(tmpfs).length > 0 && {
      tmpfs: Object.entries(tmpfs).map(
        ([path, size]) => `${plain(path)}:${tmpfsOptions(size, controls.user)}`,
      ),
    }),
    ...(secrets.length > 0 && {
      secrets: secrets.map(({ name: source, target }) => ({ source, target: plain(target) })),
    }),
    healthcheck: healthOf(container),
    ...(networks.length > 0
      ? { networks: networks.map((network) => network.name) }
      : { network_mode: "none" }),
    ...(ports.length > 0 && {
      ports: ports.map(({ address, published, internal }) => ({
        target: internal,
        published: String(published),
        host_ip: address,
        protocol: "tcp",
      })),
    }),
    stop_grace_period: `${stopGraceSeconds}s`,
    ...(Object.keys(after).length > 0 && { depends_on: after }),
  };
}

function restrictions({ controls, mounts }: ContainerModel): object {
  const { user, capabilities, readOnlyRootfs, noNewPrivileges } = controls;
  const { memoryMiB, cpus, pidsLimit, openFiles } = controls;
  // The group of the socket is known on the host only.
  const groups = mounts.flatMap((mount) =>
    mount.kind === "socket"
      ? [required(SOCKET_GROUP, `stat -c %g ${mount.source} on the host`)]
      : [],
  );
  return {
    user,
    ...(groups.length > 0 && { group_add: groups }),
    cap_drop: ["ALL"],
    ...(capabilities.length > 0 && { cap_add: capabilities }),
    read_only: readOnlyRootfs,
    ...(noNewPrivileges && { security_opt: ["no-new-privileges:true"] }),
    privileged: false,
    ipc: FIXED.ipc,
    init: false,
    mem_limit: `${memoryMiB}m`,
    memswap_limit: `${memoryMiB}m`,
    cpus,
    pids_limit: pidsLimit,
    ulimits: { nofile: { soft: openFiles, hard: openFiles } },
  };
}

const environmentOf = ({ environment, secretEnvironment }: ContainerModel): object =>
  Object.fromEntries([
    ...Object.entries(environment).map(([name, value]) => [name, plain(value)] as const),
    ...Object.keys(secretEnvironment).map(
      (name) => [name, required(name, "a secret of this stack")] as const,
    ),
  ]);

function volumeOf(mount: Mount): object[] {
  const target = plain(mount.path);
  switch (mount.kind) {
    case "secrets":
      return [];
    case "files":
      return [{ type: "volume", source: mount.volume, target, read_only: true }];
    case "data":
      return [{ type: "volume", source: mount.volume, target }];
    default:
      return [{ type: "bind", source: plain(mount.source), target, read_only: true }];
  }
}

function healthOf({ health }: ContainerModel): object {
  if (health === undefined) return { disable: true };
  const { interval, timeout, retries } = FIXED.health;
  return {
    test: ["CMD", ...health.command.map(plain)],
    interval: `${interval}s`,
    timeout: `${timeout}s`,
    retries,
    start_period: `${health.startSeconds}s`,
  };
}

/** `depends_on`: init containers that have exited, and services that are healthy. */
function dependencies({ mounts, dependsOn }: ContainerModel, { model, inits }: Context): object {
  const volumes = mounts.flatMap((mount) => ("volume" in mount ? [mount.volume] : []));
  const before = [
    ...inits
      .filter(({ mount }) => volumes.includes(mount.volume))
      .map(({ name }) => [name, "service_completed_successfully"] as const),
    ...model.containers
      .filter(({ name }) => dependsOn.includes(name))
      .map(({ name, health }) => [name, health ? "service_healthy" : "service_started"] as const),
  ];
  return Object.fromEntries(before.map(([name, condition]) => [name, { condition }]));
}
