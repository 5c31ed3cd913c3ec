/** The facts of a container that the CIS rules judge. Pure. */
import { CGROUP_V1_PATHS, cgroupParent } from "../../../host/cgroups";
import {
  ContainerModel,
  FIXED,
  isWritable,
  protocolOf,
  PublishedPort,
} from "../../../components/hardened/model";

/** The input of the CIS rules: from the model, or in tests from `docker inspect`. */
export interface ContainerFacts {
  readonly name: string;
  readonly image: string;
  /** Entrypoint and command that override those of the image. */
  readonly command: readonly string[];
  /** `uid:gid` */
  readonly user: string;
  /** `ALL` or `CAP_…`. Docker grants fourteen by default. */
  readonly capDrop: readonly string[];
  /** `CAP_…` */
  readonly capAdd: readonly string[];
  readonly privileged: boolean;
  readonly readOnlyRootfs: boolean;
  readonly securityOpts: readonly string[];
  /** AppArmor profile and SELinux label. Undefined in the model; empty if a running container has none. */
  readonly appArmor?: string;
  readonly seLinux?: string;
  /** Bytes. 0: no limit. */
  readonly memory: number;
  /** Cores. 0: no limit. */
  readonly cpus: number;
  readonly cpuShares: number;
  /** 0: no limit. */
  readonly pidsLimit: number;
  /** Names, such as `nofile`. */
  readonly ulimits: readonly string[];
  readonly mounts: readonly MountFacts[];
  /** Paths on the host. */
  readonly devices: readonly string[];
  /** Names of networks, or the mode `host` or `none`. */
  readonly networks: readonly string[];
  /** `host`, `private` and the like. Empty: Docker's default. */
  readonly namespaces: Readonly<Record<"pid" | "ipc" | "uts" | "user", string>>;
  readonly cgroupParent: string;
  readonly restart: { readonly policy: string; readonly retries: number };
  readonly ports: readonly (Omit<PublishedPort, "protocol"> & { readonly protocol: string })[];
  readonly healthCheck: boolean;
}

export interface MountFacts {
  readonly kind: "volume" | "host path";
  /** Path on the host, or name of the volume. */
  readonly source: string;
  readonly target: string;
  readonly writable: boolean;
  /** `shared`, `rprivate` and the like. Empty: Docker's default. */
  readonly propagation: string;
}

/** A container as components/hardened/container.ts renders it. */
export const factsOf = ({
  name,
  image,
  controls,
  privileged,
  capDrop,
  entrypoint = [],
  command = [],
  mounts,
  networks,
  ports,
  cgroup,
  devices = [],
}: ContainerModel): ContainerFacts => ({
  name,
  image,
  command: [...entrypoint, ...command],
  user: controls.user,
  capDrop,
  capAdd: controls.capabilities,
  privileged,
  readOnlyRootfs: controls.readOnlyRootfs,
  securityOpts: controls.noNewPrivileges ? ["no-new-privileges:true"] : [],
  memory: controls.memoryMiB * 1024 ** 2,
  cpus: controls.cpus,
  cpuShares: 0,
  pidsLimit: controls.pidsLimit,
  ulimits: ["nofile"],
  mounts: [
    ...mounts.map((mount): MountFacts => {
      const fromHost = mount.kind === "host" || mount.kind === "socket";
      return {
        kind: fromHost ? "host path" : "volume",
        source: fromHost ? mount.source : mount.volume,
        target: mount.path,
        writable: isWritable(mount),
        propagation: "",
      };
    }),
    // The model does not know the host. These are mounted on cgroup v1; on v2 nothing is.
    ...(controls.hostCgroups ? CGROUP_V1_PATHS : []).map((path): MountFacts => ({
      kind: "host path",
      source: path,
      target: path,
      writable: false,
      propagation: "",
    })),
  ],
  devices: devices.map(({ source }) => source),
  // Without a network, container.ts takes the mode `none`.
  networks: networks.length === 0 ? ["none"] : networks.map((network) => network.name),
  namespaces: { pid: "", ipc: FIXED.ipc, uts: "", user: "" },
  // As with the driver cgroupfs: the model does not know the host's.
  cgroupParent: cgroup === undefined ? "" : cgroupParent(cgroup, { driver: "cgroupfs" }),
  restart: { policy: FIXED.restart, retries: 0 },
  ports: ports.map((port) => ({ ...port, protocol: protocolOf(port) })),
  healthCheck: controls.healthCheck,
});

/** `127.0.0.1:80`, `[::1]:80` */
export const onHost = ({
  address,
  published,
}: Pick<PublishedPort, "address" | "published">): string =>
  `${address.includes(":") ? `[${address}]` : address}:${published}`;
