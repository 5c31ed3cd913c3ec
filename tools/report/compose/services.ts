/**
 * Containers of the model as services of a Compose file. Plain files get into volumes by init containers: Compose cannot put an
 * inline file into a container with a read-only root. Secrets are mounted one by one. Pure.
 */
import { tmpfsOptions } from "../../../components/hardened/model";
import {
  ContainerModel,
  FileContent,
  FilesMount,
  FIXED,
  Mount,
} from "../../../components/hardened/model";
import { StackContainer, StackModel } from "../../../components/model";
import { CommandError } from "../../cli/command";

/** Compose replaces `$NAME` in every text of its file; two of them stand for one. */
export const plain = (text: string): string => text.replaceAll("$", "$$$$");

/** A value that whoever starts the stack has to give, and what Compose says when it is missing. */
const required = (variable: string, hint: string): string => `\${${variable}:?${hint}}`;

export const SOCKET_GROUP = "DOCKER_SOCKET_GID";

/** A container that fills a volume or gives it to a user, then ends. */
interface InitContainer {
  readonly name: string;
  readonly image: string;
  readonly mount: { readonly volume: string; readonly path: string };
  /** `uid:gid` that gets the volume; absent where the program never starts the container. */
  readonly chown?: string;
  readonly files: readonly {
    /** Of the inline file among the `configs` of the Compose file. */
    readonly name: string;
    readonly target: string;
    readonly content: string;
  }[];
}

/** Docker resets an empty volume to the image's owner whenever it creates a container. */
const NOT_EMPTY = { ".hardened": "The owner of this folder was set when the volume was made.\n" };

/** Throws a CommandError that names all files which are no text. */
export function initContainers(containers: readonly StackContainer[]): InitContainer[] {
  const bytes: string[] = [];
  const unique = uniqueNames();
  const filesOf = ({ volume, path }: InitContainer["mount"], files: FilesMount["files"]) =>
    Object.entries(files).map(([file, content]) => {
      const target = `${path}/${file}`;
      const text = textOf(content);
      if (text === undefined) bytes.push(target);
      const name = unique(`${volume}-${target.slice(1).replace(/[^A-Za-z0-9._-]+/g, "-")}`);
      return { name, target: plain(target), content: plain(text ?? "") };
    });
  const found = containers.flatMap(({ mounts, image, initImage, controls: { user: chown } }) =>
    mounts.flatMap((mount): InitContainer[] => {
      if (mount.kind === "files")
        return [{ name: `${mount.volume}-init`, image, mount, files: filesOf(mount, mount.files) }];
      if (mount.kind !== "data" || !mount.chown) return [];
      const files = filesOf(mount, NOT_EMPTY);
      return [{ name: `${mount.volume}-owner`, image: initImage, mount, chown, files }];
    }),
  );
  if (bytes.length > 0)
    throw new CommandError(
      `${bytes.join(", ")}: a Compose file holds no bytes, only texts; leave services.homepage.folder out for the export and mount your site yourself`,
    );
  return found;
}

/** Undefined for bytes that are no UTF-8. */
function textOf(content: FileContent): string | undefined {
  if (typeof content === "string") return content;
  const bytes = Buffer.from("base64" in content ? content.base64 : "", "base64");
  const text = bytes.toString("utf8");
  return Buffer.from(text, "utf8").equals(bytes) ? text : undefined;
}

/** Adds a number to a name that was there before. */
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
  // One that the program never starts has to end by itself here: it gives root what is root's already.
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

/** A secret that is supplied as a file; each reader has one of its own, because a file has one owner. */
export interface ComposeSecret {
  /** In the Compose file, and of the file: `n8n-database-password`. */
  readonly name: string;
  /** In the configuration. */
  readonly secret: string;
  /** Container. */
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

/** All of the stack. */
interface Context {
  readonly model: StackModel;
  readonly inits: readonly InitContainer[];
  readonly secrets: readonly ComposeSecret[];
}

/** A service with the restrictions of the program's container, setting by setting. */
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
    networks: networks.map((network) => network.name),
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
  // Only the host can tell the group of its socket.
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

/** What has to be there first: init containers that have ended, services that are healthy. */
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
