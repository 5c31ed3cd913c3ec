/**
 * What rules about containers look at, in one neutral shape: made from the program's inputs, or from what `docker inspect`
 * says of a container that runs. So one set of rules judges both.
 */

export interface ContainerFacts {
  readonly name: string;
  readonly service: string;
  readonly image: string;
  /** Entry point and arguments, as far as they are said. */
  readonly command: readonly string[];
  readonly user: string;
  /** `ALL`, or `CAP_…`; what is not dropped of the fourteen that Docker gives unasked stays. */
  readonly capDrop: readonly string[];
  /** `CAP_…` */
  readonly capAdd: readonly string[];
  readonly privileged: boolean;
  readonly readOnlyRootfs: boolean;
  readonly securityOpts: readonly string[];
  /** The profile and the label that the engine gave it, empty for none; undefined as long as it does not exist. */
  readonly appArmor?: string;
  readonly seLinux?: string;
  /** Bytes; 0 is no limit. */
  readonly memory: number;
  /** Cores; 0 is no limit. */
  readonly cpus: number;
  readonly cpuShares: number;
  /** 0 is no limit. */
  readonly pidsLimit: number;
  readonly ulimits: readonly string[];
  readonly mounts: readonly Mount[];
  /** Paths on the host. */
  readonly devices: readonly string[];
  /** Names of the networks that it is on; `host` and `none` are modes without one. */
  readonly networks: readonly string[];
  /** `host`, `private` …; empty is Docker's default. */
  readonly namespaces: {
    readonly pid: string;
    readonly ipc: string;
    readonly uts: string;
    readonly user: string;
  };
  readonly cgroupParent: string;
  readonly restart: { readonly policy: string; readonly retries: number };
  readonly ports: readonly Port[];
  readonly healthCheck: boolean;
}

export interface Mount {
  readonly kind: "volume" | "host path";
  /** A path on the host; of a volume its name. */
  readonly source: string;
  readonly target: string;
  readonly writable: boolean;
  /** `shared`, `rprivate` …; empty is Docker's default. */
  readonly propagation: string;
}

export interface Port {
  readonly address: string;
  readonly published: number;
  readonly internal: number;
  readonly protocol: string;
}

/** `127.0.0.1:80`, `[::1]:80` */
export const onHost = ({ address, published }: Pick<Port, "address" | "published">): string =>
  `${address.includes(":") ? `[${address}]` : address}:${published}`;

/**
 * Whether it is Docker's socket, by either name: inside it always has the usual one (components/hardened/container.ts),
 * on the host it may be called anything.
 */
export const isSocket = ({ kind, source, target }: Mount): boolean =>
  kind === "host path" && [source, target].some((path) => path.endsWith("/docker.sock"));
