/**
 * A container as plain data: what it runs, what it may do, and why. {@link containerModel} is the only maker; renderers
 * (Docker, Compose), reports and checks read it. Pure, and without a secret: secrets appear by name.
 */
import {
  Controls,
  controlsWith,
  Exemptible,
  Exemption,
  HardeningError,
  Limits,
  sameValue,
} from "./policy";

/** A file's content: text, bytes, or the secret of that name. */
export type FileContent = string | { readonly base64: string } | { readonly secret: string };

/** Files in a volume of their own, mounted read-only. Changed content makes a new volume. */
export interface FilesMount {
  /** `files` are readable by everybody in the container (0444, root); `secrets` only by the container's user (0400). */
  readonly kind: "files" | "secrets";
  /** Name of the volume inside the stack. Docker's name has a random suffix. */
  readonly volume: string;
  readonly path: string;
  /** By path below `path`. */
  readonly files: Readonly<Record<string, FileContent>>;
}

/** A volume that outlives every deployment. */
export interface DataMount {
  readonly kind: "data";
  readonly volume: string;
  readonly path: string;
  /** Whether a one-shot container gives the volume to the container's user; the image leaves it to another one. */
  readonly chown: boolean;
}

/** A path of the host, read-only. */
export interface HostMount {
  readonly kind: "host";
  readonly source: string;
  readonly path: string;
}

/** Docker's socket. The container joins the group that may use it. */
export interface SocketMount {
  readonly kind: "socket";
  readonly source: string;
  readonly path: string;
}

export type Mount = FilesMount | DataMount | HostMount | SocketMount;

export interface HealthCheck {
  /** Argument vector; exit code 0 is healthy. */
  readonly command: readonly string[];
  /** Failures in this time after the start do not count, seconds. Default 30. */
  readonly startSeconds?: number;
}

export interface PublishedPort {
  /** Address on the host. */
  readonly address: string;
  readonly published: number;
  /** Port inside the container, TCP. */
  readonly internal: number;
}

/** A network of the stack as a container joins it. */
export interface NetworkModel {
  /** Name inside the stack: `traefik-homepage`. */
  readonly name: string;
  /** Whether Docker keeps it inside the host. */
  readonly internal: boolean;
}

/**
 * How a container is replaced. `start-first`: the new one must be healthy before the old one is removed. `stop-first`: the
 * old one is removed first, because two cannot share a published port or write to the same volume.
 */
export type ReplaceOrder = "start-first" | "stop-first";

/** What a service says of a container; everything it leaves out is the policy or Docker's default. */
export interface ContainerSpec extends Partial<Limits> {
  /** Other containers reach it by this name. */
  readonly name: string;
  /** The service it belongs to. Default: `name`. */
  readonly service?: string;
  /** `name:tag@sha256:…` */
  readonly image: string;
  /** `uid:gid`. Default: the policy's. */
  readonly user?: string;
  readonly exemptions?: readonly Exemption[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Variables whose value is a secret, by its name. Each takes an exemption: `docker inspect` shows the value. */
  readonly secretEnvironment?: Readonly<Record<string, string>>;
  readonly mounts?: readonly Mount[];
  /** Writable folders in memory that belong to the user: path to size in MiB. They count towards the memory limit. */
  readonly tmpfs?: Readonly<Record<string, number>>;
  /** Leaving it out takes an exemption. */
  readonly health?: HealthCheck;
  readonly networks: readonly NetworkModel[];
  /** Each takes an exemption. */
  readonly ports?: readonly PublishedPort[];
  /** Seconds between the stop signal and SIGKILL. Default 10. */
  readonly stopGraceSeconds?: number;
  /** Size of /dev/shm, MiB. Default: Docker's 64. */
  readonly shmMiB?: number;
  /** Containers that must be healthy before it starts. */
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
  /** What really applies: the policy with the service's own limits and its exemptions. */
  readonly controls: Controls;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly health?: Required<HealthCheck>;
  readonly shmMiB?: number;
  readonly order: ReplaceOrder;
}

/** What every container gets and no service changes. Durations are in seconds. */
export const FIXED = {
  restart: "unless-stopped",
  ipc: "private",
  logging: { driver: "json-file", options: { "max-size": "10m", "max-file": "3" } },
  /** A container is unhealthy after `retries` failed checks in a row. */
  health: { interval: 5, timeout: 5, retries: 5 },
} as const;

/**
 * Throws a {@link HardeningError} with every problem: those of {@link controlsWith}, a control that the container leaves
 * without an exemption, an exemption for something it does not do.
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
    shmMiB,
  } = spec;
  const { mounts = [], ports = [] } = spec;
  const controls = controlsWith(service, spec, exemptions);
  refuseUnlessUsed(service, controls, spec);
  return {
    name,
    service,
    image,
    controls,
    exemptions,
    ...(entrypoint && { entrypoint }),
    ...(command && { command }),
    environment: spec.environment ?? {},
    secretEnvironment: spec.secretEnvironment ?? {},
    mounts,
    tmpfs: spec.tmpfs ?? {},
    ...(health && { health: { startSeconds: 30, ...health } }),
    networks: spec.networks,
    ports,
    stopGraceSeconds: spec.stopGraceSeconds ?? 10,
    ...(shmMiB !== undefined && { shmMiB }),
    dependsOn: spec.dependsOn ?? [],
    order:
      ports.length === 0 && !mounts.some(({ kind }) => kind === "data")
        ? "start-first"
        : "stop-first",
  };
}

function refuseUnlessUsed(service: string, controls: Controls, spec: ContainerSpec): void {
  const { mounts = [], ports = [], networks, secretEnvironment = {}, health } = spec;
  const used: Partial<Pick<Controls, Exemptible>> = {
    publishedPorts: ports.map(({ internal }) => internal),
    outsideNetworks: networks.filter(({ internal }) => !internal).map(({ name }) => name),
    hostPaths: mounts.flatMap((mount) => (mount.kind === "host" ? [mount.source] : [])),
    dockerSocket: mounts.some(({ kind }) => kind === "socket"),
    environmentSecrets: Object.keys(secretEnvironment),
    healthCheck: health !== undefined,
  };
  const problems = (Object.keys(used) as (keyof typeof used)[]).flatMap((control) => {
    const value = used[control] as Controls[Exemptible];
    return sameValue(value, controls[control])
      ? []
      : [
          `${service}: ${control} is ${JSON.stringify(value)} in the service and ${JSON.stringify(controls[control])} after its exemptions; give exactly that exemption with a reason`,
        ];
  });
  if (problems.length > 0) throw new HardeningError(problems);
}

/** With uid and gid, because a tmpfs over a folder of the image belongs to root otherwise. */
export function tmpfsOptions(sizeMiB: number, user: string): string {
  const [uid = "0", gid = "0"] = user.split(":");
  return `rw,noexec,nosuid,nodev,size=${sizeMiB}m,uid=${uid},gid=${gid}`;
}

/** Docker reads durations back as Go prints them: 90 seconds as "1m30s". */
export function goDuration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const rest = `${seconds % 60}s`;
  if (hours > 0) return `${hours}h${minutes % 60}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}
