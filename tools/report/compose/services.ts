/**
 * Containers of the model as services of a Compose file. Compose cannot write inline files into a container with a read-only
 * root, so plain files lie beside the Compose file. Each plain file and each secret is a mount of its own. Pure.
 */
import { createHash } from "node:crypto";

import {
  ContainerModel,
  DEVICE_PERMISSIONS,
  FileContent,
  FIXED,
  Mount,
  isWritable,
  nameServers,
  protocolOf,
  tmpfsMounts,
} from "../../../components/hardened/model";
import { cgroupParent, CgroupName } from "../../../host/cgroups";
import { StackContainer, StackModel } from "../../../components/model";

/** Escapes `$`, because Compose interpolates `$NAME` in every string. */
const plain = (text: string): string => text.replaceAll("$", "$$$$");

/** A required variable, with a hint for Compose's error message. */
const required = (variable: string, hint: string): string => `\${${variable}:?${hint}}`;

export const SOCKET_GROUP = "DOCKER_SOCKET_GID";
/** Start of the names of parent cgroups. Default: as the driver systemd needs it. */
export const CGROUP_PARENT = "CGROUP_PARENT";

/** A container that gives a new data volume to the user of its service, then exits. */
interface OwnerContainer {
  readonly name: string;
  readonly service: string;
  readonly image: string;
  readonly volume: string;
  readonly path: string;
  /** The new owner of the volume, `uid:gid`. */
  readonly owner: string;
}

export const ownerContainers = (containers: readonly StackContainer[]): OwnerContainer[] =>
  containers.flatMap(({ service, mounts, toolImage: image, controls: { user: owner } }) =>
    mounts.flatMap((mount) =>
      mount.kind === "data" && mount.chown
        ? [
            {
              ...{ name: `${mount.volume}-owner`, service, image, owner },
              ...{ volume: mount.volume, path: mount.path },
            },
          ]
        : [],
    ),
  );

/**
 * Only the volume's own folder: a new volume has nothing in it, and what the service wrote belongs to it already. So
 * CAP_CHOWN is enough, even where folders are closed to others.
 */
export const ownerService = (
  { image, owner, volume, path }: OwnerContainer,
  platform: string,
): object => ({
  image,
  platform,
  user: "0:0",
  entrypoint: ["/bin/chown"],
  command: [owner, plain(path)],
  network_mode: "none",
  cap_drop: ["ALL"],
  cap_add: ["CAP_CHOWN"],
  read_only: true,
  security_opt: ["no-new-privileges:true"],
  cpus: 0.5,
  mem_limit: "64m",
  memswap_limit: "64m",
  pids_limit: 10,
  restart: "no",
  volumes: [{ type: "volume", source: volume, target: plain(path), volume: NO_COPY }],
});

/** Otherwise Docker gives an empty volume the owner that the folder has in the image, whenever it creates a container. */
const NO_COPY = { nocopy: true } as const;

/** A plain file beside the Compose file, which Compose mounts read-only. */
export interface ComposeConfig {
  /** Name in the Compose file, and of the file: `traefik-config-etc-traefik-traefik.yml`. */
  readonly name: string;
  /** Name of the container. */
  readonly reader: string;
  readonly target: string;
  readonly content: string | Uint8Array;
}

export function composeConfigs(containers: readonly ContainerModel[]): ComposeConfig[] {
  const unique = uniqueNames();
  return containers.flatMap(({ name: reader, mounts }) =>
    mounts.flatMap((mount) =>
      mount.kind === "files"
        ? Object.entries(mount.files).map(([file, content]) => {
            const target = `${mount.path}/${file}`;
            const inName = target.slice(1).replace(/[^A-Za-z0-9._-]+/g, "-");
            return {
              name: unique(`${mount.volume}-${inName}`),
              reader,
              target,
              content: contentOf(content),
            };
          })
        : [],
    ),
  );
}

/** Compose creates a container anew when a label changes, but not when only the content of a mounted file does. */
const FILES_LABEL = "pinned-stack.files";

const digestOf = (configs: readonly ComposeConfig[]): string => {
  const hash = createHash("sha256");
  for (const { target, content } of configs)
    hash.update(`${target}\0`).update(content).update("\0");
  return hash.digest("hex").slice(0, 12);
};

const contentOf = (content: FileContent): string | Uint8Array =>
  typeof content === "string"
    ? content
    : Buffer.from("base64" in content ? content.base64 : "", "base64");

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
  readonly owners: readonly OwnerContainer[];
  readonly configs: readonly ComposeConfig[];
  readonly secrets: readonly ComposeSecret[];
}

/** A service with all restrictions of the deployed container. */
export function composeService(container: ContainerModel, context: Context): object {
  const { name, image, entrypoint, command, networks, ports } = container;
  const { stopGraceSeconds, shmMiB, workingDir, devices = [] } = container;
  const tmpfs = Object.entries(tmpfsMounts(container));
  const environment = environmentOf(container);
  const volumes = container.mounts.flatMap(volumeOf);
  const secrets = context.secrets.filter(({ reader }) => reader === name);
  const configs = context.configs.filter(({ reader }) => reader === name);
  const after = dependencies(container, context);
  const servers = nameServers(container);
  return {
    image,
    platform: context.model.platform,
    ...(entrypoint && { entrypoint: entrypoint.map(plain) }),
    ...(command && { command: command.map(plain) }),
    ...(workingDir !== undefined && { working_dir: plain(workingDir) }),
    ...(Object.keys(environment).length > 0 && { environment }),
    ...restrictions(container),
    ...(shmMiB !== undefined && { shm_size: `${shmMiB}m` }),
    restart: FIXED.restart,
    logging: FIXED.logging,
    ...(volumes.length > 0 && { volumes }),
    ...(tmpfs.length > 0 && {
      tmpfs: tmpfs.map(([path, options]) => `${plain(path)}:${options}`),
    }),
    ...(devices.length > 0 && {
      devices: devices.map(({ source, path }) => plain(`${source}:${path}:${DEVICE_PERMISSIONS}`)),
    }),
    ...(configs.length > 0 && {
      labels: { [FILES_LABEL]: digestOf(configs) },
      configs: configs.map(({ name: source, target }) => ({ source, target: plain(target) })),
    }),
    ...(secrets.length > 0 && {
      secrets: secrets.map(({ name: source, target }) => ({ source, target: plain(target) })),
    }),
    ...given("healthcheck", healthOf(container)),
    ...(networks.length > 0
      ? { networks: networks.map((network) => network.name) }
      : { network_mode: "none" }),
    ...(servers.length > 0 && { dns: servers }),
    ...(ports.length > 0 && {
      ports: ports.map((port) => ({
        target: port.internal,
        published: String(port.published),
        host_ip: port.address,
        protocol: protocolOf(port),
      })),
    }),
    stop_grace_period: `${stopGraceSeconds}s`,
    ...(Object.keys(after).length > 0 && { depends_on: after }),
  };
}

const given = (key: string, value: object | undefined): object =>
  value === undefined ? {} : { [key]: value };

function restrictions(container: ContainerModel): object {
  const {
    controls,
    mounts,
    cgroup,
    init = false,
    groups: own = [],
    privileged,
    capDrop,
  } = container;
  const { user, capabilities, readOnlyRootfs, noNewPrivileges } = controls;
  const { memoryMiB, cpus, pidsLimit, openFiles } = controls;
  // The group of the socket is known on the host only.
  const groups = [
    ...own,
    ...mounts.flatMap((mount) =>
      mount.kind === "socket"
        ? [required(SOCKET_GROUP, `stat -c %g ${mount.source} on the host`)]
        : [],
    ),
  ];
  return {
    user,
    ...(groups.length > 0 && { group_add: groups }),
    cap_drop: capDrop,
    ...(capabilities.length > 0 && { cap_add: capabilities }),
    read_only: readOnlyRootfs,
    ...(noNewPrivileges && { security_opt: ["no-new-privileges:true"] }),
    privileged,
    ipc: FIXED.ipc,
    ...(controls.hostCgroups && { cgroup: "host" }),
    ...(cgroup && { cgroup_parent: composeCgroup(cgroup) }),
    init,
    mem_limit: `${memoryMiB}m`,
    memswap_limit: `${memoryMiB}m`,
    cpus,
    pids_limit: pidsLimit,
    ulimits: { nofile: { soft: openFiles, hard: openFiles } },
  };
}

/** The driver is known on the host only. A path may end like a slice, so one variable is enough. */
function composeCgroup(cgroup: CgroupName): string {
  const slice = cgroupParent(cgroup, { driver: "systemd" });
  const name = slice.slice(slice.lastIndexOf("-") + 1);
  return `\${${CGROUP_PARENT}:-${slice.slice(0, -name.length)}}${name}`;
}

const environmentOf = ({ environment, secretEnvironment }: ContainerModel): object =>
  Object.fromEntries([
    ...Object.entries(environment).map(([name, value]) => [name, plain(value)] as const),
    // A text with secrets in it is set as a whole.
    ...Object.keys(secretEnvironment).map(
      (name) => [name, required(name, "a secret of this stack")] as const,
    ),
  ]);

function volumeOf(mount: Mount): object[] {
  const target = plain(mount.path);
  switch (mount.kind) {
    case "secrets":
    case "files":
      return [];
    case "data":
      return [
        {
          type: "volume",
          source: mount.volume,
          target,
          ...(!isWritable(mount) && { read_only: true }),
          ...(mount.chown && { volume: NO_COPY }),
        },
      ];
    default:
      return [
        {
          type: "bind",
          source: plain(mount.source),
          target,
          ...(!isWritable(mount) && { read_only: true }),
        },
      ];
  }
}

function healthOf({ health }: ContainerModel): object | undefined {
  if (health === undefined) return { disable: true };
  if (health.command.length === 0) return undefined;
  const { interval, timeout, retries } = FIXED.health;
  return {
    test: ["CMD", ...health.command.map(plain)],
    interval: `${interval}s`,
    timeout: `${timeout}s`,
    retries,
    start_period: `${health.startSeconds}s`,
  };
}

/** `depends_on`: owner containers that have exited, and services that are healthy. */
function dependencies({ mounts, dependsOn }: ContainerModel, { model, owners }: Context): object {
  const volumes = mounts.flatMap((mount) => ("volume" in mount ? [mount.volume] : []));
  const before = [
    ...owners
      .filter(({ volume }) => volumes.includes(volume))
      .map(({ name }) => [name, "service_completed_successfully"] as const),
    ...model.containers
      .filter(({ name }) => dependsOn.includes(name))
      .map(({ name, health }) => [name, health ? "service_healthy" : "service_started"] as const),
  ];
  return Object.fromEntries(before.map(([name, condition]) => [name, { condition }]));
}
