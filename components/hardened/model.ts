/**
 * A container as plain data: what it runs, its restrictions, and the reasons for exemptions. {@link containerModel} creates
 * it; renderers (Docker, Compose), reports and checks read it. Pure. Secrets appear by name only.
 */
import { createHash } from "node:crypto";

import { CgroupName } from "../../host/cgroups";
import {
  Controls,
  controlsWith,
  Exemptible,
  Exemption,
  HardeningError,
  Limits,
  sameValue,
} from "./policy";

/** The content of a file: text, bytes, or the name of a secret. */
export type FileContent = string | { readonly base64: string } | { readonly secret: string };

/** A volume with generated files, mounted read-only. Changed content creates a new volume, except in one that is live. */
export interface FilesMount {
  /** `files` belong to root and are world-readable (0444); `secrets` are readable only by the container's user (0400). */
  readonly kind: "files" | "secrets";
  /** Name of the volume in the stack. In Docker it has a random suffix. */
  readonly volume: string;
  readonly path: string;
  /** By path relative to `path`. */
  readonly files: Readonly<Record<string, FileContent>>;
  /** Whether changed files replace the older ones in place while the container runs, because it notices them by itself. */
  readonly live?: boolean;
}

/** A persistent volume, which no deployment deletes. */
export interface DataMount {
  readonly kind: "data";
  readonly volume: string;
  readonly path: string;
  /** Whether the owner of the volume is changed to the container's user. */
  readonly chown: boolean;
  /**
   * How it is copied before a newer image may change it. `live`: while the container runs. `paused`: while it stands still,
   * for files that change together. `never`: the newer image changes nothing that the older one could not read. Default `live`.
   */
  readonly copy?: "live" | "paused" | "never";
  /** Of a volume that another container fills. Default false. */
  readonly readOnly?: boolean;
}

/** A bind mount of a host path. */
export interface HostMount {
  readonly kind: "host";
  readonly source: string;
  readonly path: string;
  /** Requires the exemption `writableHostPaths` instead of `hostPaths`. Default false. */
  readonly writable?: boolean;
}

/** The Docker socket. The container joins the group that may use it. */
export interface SocketMount {
  readonly kind: "socket";
  readonly source: string;
  readonly path: string;
}

export type Mount = FilesMount | DataMount | HostMount | SocketMount;

/** Whether the container can change what is mounted. */
export const isWritable = (mount: Mount): boolean =>
  (mount.kind === "data" && mount.readOnly !== true) ||
  (mount.kind === "host" && mount.writable === true);

export interface HealthCheck {
  /** Argument vector. Exit code 0 means healthy. Empty: the health check of the image. */
  readonly command: readonly string[];
  /** Seconds after the start in which failures do not count. Default 30. */
  readonly startSeconds?: number;
}

/**
 * What a user would ask of the container, beyond its health: a command inside it (exit code 0), or a page that answers below
 * 400 on its own loopback address.
 */
export type Question =
  { readonly command: readonly string[] } | { readonly port: number; readonly path: string };

export interface PublishedPort {
  /** Address on the host. */
  readonly address: string;
  readonly published: number;
  /** Port inside the container. */
  readonly internal: number;
  /** Default `tcp`. */
  readonly protocol?: "tcp" | "udp";
}

/** Without `m`: nobody has the capability to create further devices. */
export const DEVICE_PERMISSIONS = "rw";

export const protocolOf = ({ protocol = "tcp" }: PublishedPort): "tcp" | "udp" => protocol;

/** A device of the host, for reading and writing. */
export interface Device {
  readonly source: string;
  readonly path: string;
}

/** A network that a container joins. */
export interface NetworkModel {
  /** Name in the stack: `traefik-homepage`. */
  readonly name: string;
  /** Docker's `internal`: no connections to or from outside the host. */
  readonly internal: boolean;
}

/**
 * Options of Docker's bridge driver. An internal network gets no address of the host: with `internal` alone, its containers
 * reach every port of the host that listens on all addresses. The others get an interface with a known name.
 */
export const networkOptions = (
  stack: string,
  network: string,
  internal: boolean,
): Readonly<Record<string, string>> =>
  internal
    ? { "com.docker.network.bridge.inhibit_ipv4": "true" }
    : { "com.docker.network.bridge.name": bridgeName(stack, network) };

/** Limit of the kernel (IFNAMSIZ). */
const LONGEST_INTERFACE = 15;

/**
 * The host's interface for a network that is not internal: `ps-prod-edge`. Known before the network exists, so that a
 * firewall rule can name it. Long or unusual names are shortened and made unique by five digits of a hash.
 */
export function bridgeName(stack: string, network: string): string {
  const name = `ps-${stack}-${network}`;
  if (name.length <= LONGEST_INTERFACE && /^[\w-]+$/.test(name)) return name;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 5);
  return `ps-${hash}-${network}`.slice(0, LONGEST_INTERFACE);
}

/**
 * How a container is replaced. `start-first`: the new one must be healthy before the old one is removed. `stop-first`: the
 * old one is stopped first, because two cannot share a published port or a device, or write to the same volume; it is removed
 * when the new one works.
 */
export type ReplaceOrder = "start-first" | "stop-first";

/** Input of {@link containerModel}. Fields that are not set follow the policy or Docker's defaults. */
export interface ContainerSpec extends Partial<Limits> {
  /** Network alias: other containers reach it by this name. */
  readonly name: string;
  /** The service it belongs to. Default: `name`. */
  readonly service?: string;
  /** `name:tag@sha256:…` */
  readonly image: string;
  /** `uid:gid`. Default: the user of the policy. */
  readonly user?: string;
  readonly exemptions?: readonly Exemption[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * Variable name to secret name, or to a text with secrets in it ({@link secretsIn}). Requires an exemption, because
   * `docker inspect` shows the values.
   */
  readonly secretEnvironment?: Readonly<Record<string, string>>;
  readonly mounts?: readonly Mount[];
  /** tmpfs mounts that belong to the container's user: path to size in MiB. They count towards the memory limit. */
  readonly tmpfs?: Readonly<Record<string, number>>;
  /** Paths of `tmpfs` in which programs may be executed. Default none. */
  readonly executableTmpfs?: readonly string[];
  /** Requires an exemption. */
  readonly devices?: readonly Device[];
  /** Additional groups of the process, as numbers. */
  readonly groups?: readonly string[];
  readonly workingDir?: string;
  /** Whether Docker's own init is process 1. Default false. */
  readonly init?: boolean;
  /** A container without a health check requires an exemption. */
  readonly health?: HealthCheck;
  /** Asked once it is healthy; a new container without a good answer is not taken. Default: its health alone counts. */
  readonly question?: Question;
  readonly networks: readonly NetworkModel[];
  /** Requires an exemption. */
  readonly ports?: readonly PublishedPort[];
  /** Seconds between the stop signal and SIGKILL. Default 10. */
  readonly stopGraceSeconds?: number;
  /** Size of /dev/shm in MiB. Default: Docker's default, 64. */
  readonly shmMiB?: number;
  /** Name of its parent cgroup, for tools that identify containers by their cgroups. Default: the engine's own parent. */
  readonly cgroup?: CgroupName;
  /** Names of the containers that must be healthy before this one starts. */
  readonly dependsOn?: readonly string[];
}

export interface ContainerModel extends Required<
  Pick<
    ContainerSpec,
    | "name"
    | "service"
    | "image"
    | "exemptions"
    | "environment"
    | "secretEnvironment"
    | "mounts"
    | "tmpfs"
    | "networks"
    | "ports"
    | "stopGraceSeconds"
    | "dependsOn"
  >
> {
  /** The effective controls: the policy with the service's own user, limits and exemptions. */
  readonly controls: Controls;
  /** The same for every container, see {@link FIXED}. Recorded, so that a report shows when the program changes it. */
  readonly privileged: boolean;
  readonly capDrop: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly executableTmpfs?: readonly string[];
  readonly devices?: readonly Device[];
  readonly groups?: readonly string[];
  readonly workingDir?: string;
  readonly init?: boolean;
  readonly health?: Required<HealthCheck>;
  readonly question?: Question;
  readonly shmMiB?: number;
  readonly cgroup?: CgroupName;
  readonly order: ReplaceOrder;
}

/** Settings of every container that no service can change. Durations in seconds. */
export const FIXED = {
  privileged: false,
  capDrop: ["ALL"],
  restart: "unless-stopped",
  ipc: "private",
  logging: { driver: "json-file", options: { "max-size": "10m", "max-file": "3" } },
  /** A container is unhealthy after `retries` failed checks in a row. */
  health: { interval: 5, timeout: 5, retries: 5 },
} as const;

/** Inputs whose absence the provider takes for any value, so that it would keep the old one. Their removal replaces the container. */
export const KEPT_INPUTS = ["entrypoints", "command", "workingDir", "shmSize"] as const;

/**
 * Throws a {@link HardeningError} that lists every problem: those of {@link controlsWith}, a deviation from the policy
 * without an exemption, and an exemption that the container does not use.
 */
export function containerModel(spec: ContainerSpec): ContainerModel {
  const {
    name,
    service = name,
    image,
    exemptions = [],
    entrypoint,
    command,
    health,
    question,
    shmMiB,
    cgroup,
    workingDir,
    init,
    executableTmpfs = [],
    devices = [],
    groups = [],
  } = spec;
  const { mounts = [], ports = [] } = spec;
  const controls = controlsWith(service, spec, exemptions);
  checkExemptionsMatchUse(service, controls, spec);
  return {
    name,
    service,
    image,
    controls,
    privileged: FIXED.privileged,
    capDrop: FIXED.capDrop,
    exemptions,
    ...(entrypoint && { entrypoint }),
    ...(command && { command }),
    environment: spec.environment ?? {},
    secretEnvironment: spec.secretEnvironment ?? {},
    mounts,
    tmpfs: spec.tmpfs ?? {},
    ...(executableTmpfs.length > 0 && { executableTmpfs }),
    ...(devices.length > 0 && { devices }),
    ...(groups.length > 0 && { groups }),
    ...(workingDir !== undefined && { workingDir }),
    ...(init === true && { init }),
    ...(health && { health: { startSeconds: 30, ...health } }),
    ...(question && { question }),
    networks: spec.networks,
    ports,
    stopGraceSeconds: spec.stopGraceSeconds ?? 10,
    ...(shmMiB !== undefined && { shmMiB }),
    ...(cgroup && { cgroup }),
    dependsOn: spec.dependsOn ?? [],
    order:
      ports.length === 0 && devices.length === 0 && !mounts.some(isWritable)
        ? "start-first"
        : "stop-first",
  };
}

function checkExemptionsMatchUse(service: string, controls: Controls, spec: ContainerSpec): void {
  const { mounts = [], ports = [], networks, secretEnvironment = {}, health, devices = [] } = spec;
  const used: Partial<Pick<Controls, Exemptible>> = {
    publishedPorts: ports.map(({ internal }) => internal),
    outsideNetworks: networks
      .filter(({ internal }) => !internal)
      .map(({ name }) => outsideKind(name)),
    hostPaths: hostPathsOf(mounts, false),
    writableHostPaths: hostPathsOf(mounts, true),
    devices: devices.map(({ source }) => source),
    dockerSocket: mounts.some(({ kind }) => kind === "socket"),
    environmentSecrets: Object.keys(secretEnvironment),
    healthCheck: health !== undefined,
  };
  const problems = (Object.keys(used) as (keyof typeof used)[]).flatMap((control) => {
    const value = withoutDoubles(used[control] as Controls[Exemptible]);
    return sameValue(value, withoutDoubles(controls[control]))
      ? []
      : [
          `${service}: ${control}: the container uses ${JSON.stringify(value)}, its exemptions allow ${JSON.stringify(controls[control])}; exempt exactly what the container uses, with a reason`,
        ];
  });
  if (problems.length > 0) throw new HardeningError(problems);
}

/** One port may have both protocols, and one folder two paths. */
const withoutDoubles = (value: Controls[Exemptible]): Controls[Exemptible] =>
  Array.isArray(value) ? ([...new Set(value)] as Controls[Exemptible]) : value;

const hostPathsOf = (mounts: readonly Mount[], writable: boolean): string[] =>
  mounts.flatMap((mount) =>
    mount.kind === "host" && isWritable(mount) === writable ? [mount.source] : [],
  );

/** `edge` or `egress`, which an exemption names. Two containers must not share either: they could talk to each other. */
export const outsideKind = (network: string): string =>
  /^(edge|egress)-/.exec(network)?.[1] ?? network;

const VARIABLE = /\$(?:\$|\{([^{}$]*)\})/g;

/** The names of the secrets in a value of `secretEnvironment`, which is a name or a text such as `user:${password}`. */
export const secretsIn = (text: string): string[] =>
  text.includes("$")
    ? [...new Set([...text.matchAll(VARIABLE)].flatMap(([, name]) => name ?? []))]
    : [text];

/** A text with `${name}` replaced by its value, and `$$` by `$`. An unknown name stays as it is. */
export const fillText = (text: string, valueOf: (name: string) => string | undefined): string =>
  text.replace(VARIABLE, (whole, name: string | undefined) =>
    name === undefined ? "$" : (valueOf(name) ?? whole),
  );

/**
 * The name servers behind Docker's own, which still resolves the other containers. A container on internal networks has no
 * use for others, and engines before 23.0.11 would ask them from the host's network, so that data could leave (CVE-2024-29018).
 */
export const nameServers = ({ networks }: Pick<ContainerModel, "networks">): readonly string[] =>
  networks.length > 0 && networks.every(({ internal }) => internal) ? ["127.0.0.1"] : [];

/** Mount options of a tmpfs. With uid and gid, because it belongs to root otherwise. */
export function tmpfsOptions(sizeMiB: number, user: string, executable = false): string {
  const [uid = "0", gid = "0"] = user.split(":");
  return `rw,${executable ? "exec" : "noexec"},nosuid,nodev,size=${sizeMiB}m,uid=${uid},gid=${gid}`;
}

/** Mount options of each tmpfs, by path. */
export const tmpfsMounts = ({
  tmpfs,
  executableTmpfs = [],
  controls,
}: Pick<ContainerModel, "tmpfs" | "executableTmpfs" | "controls">): Record<string, string> =>
  Object.fromEntries(
    Object.entries(tmpfs).map(([path, size]) => [
      path,
      tmpfsOptions(size, controls.user, executableTmpfs.includes(path)),
    ]),
  );

/** A duration as Go prints it, which is how the provider reads it back: 90 seconds as "1m30s". */
export function goDuration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const rest = `${seconds % 60}s`;
  if (hours > 0) return `${hours}h${minutes % 60}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}
