/** Containers as the program records them, typed. Pure. */
import { COMMAND, CONTAINER, Model, RecordedResource, ResourceName } from "./synth";

/** The inputs of a container that this program sets (docker.ContainerArgs, all values plain). */
export interface ContainerInputs {
  readonly name?: string;
  readonly image: string;
  readonly labels: readonly { readonly label: string; readonly value: string }[];
  readonly entrypoints?: readonly string[];
  readonly command?: readonly string[];
  /** `NAME=value` */
  readonly envs?: readonly string[];
  /** `uid:gid` */
  readonly user?: string;
  readonly groupAdds?: readonly string[];
  readonly capabilities?: { readonly adds?: readonly string[]; readonly drops?: readonly string[] };
  readonly privileged?: boolean;
  readonly readOnly?: boolean;
  readonly securityOpts?: readonly string[];
  readonly devices?: readonly { readonly hostPath: string }[];
  readonly init?: boolean;
  readonly ipcMode?: string;
  readonly pidMode?: string;
  readonly usernsMode?: string;
  readonly cgroupParent?: string;
  readonly networkMode?: string;
  readonly networksAdvanced?: readonly {
    readonly name: string;
    readonly aliases?: readonly string[];
  }[];
  readonly ports?: readonly {
    readonly ip?: string;
    readonly external: number;
    readonly internal: number;
    readonly protocol?: string;
  }[];
  /** MiB */
  readonly memory?: number;
  /** MiB, memory included. */
  readonly memorySwap?: number;
  /** MiB */
  readonly shmSize?: number;
  /** A decimal number of cores. */
  readonly cpus?: string;
  readonly cpuShares?: number;
  readonly ulimits?: readonly {
    readonly name: string;
    readonly soft: number;
    readonly hard: number;
  }[];
  readonly restart?: string;
  readonly maxRetryCount?: number;
  readonly logDriver?: string;
  readonly logOpts?: Readonly<Record<string, string>>;
  readonly healthcheck?: {
    readonly tests: readonly string[];
    readonly interval?: string;
    readonly timeout?: string;
    readonly retries?: number;
    readonly startPeriod?: string;
  };
  /** Seconds */
  readonly stopTimeout?: number;
  readonly volumes?: readonly {
    readonly volumeName?: string;
    readonly hostPath?: string;
    readonly containerPath: string;
    readonly readOnly?: boolean;
  }[];
  /** Path to options. */
  readonly tmpfs?: Readonly<Record<string, string>>;
  readonly uploads?: readonly {
    readonly file: string;
    readonly content?: string;
    readonly contentBase64?: string;
    readonly permissions?: string;
  }[];
  /** Whether it is started at all. Default true. */
  readonly start?: boolean;
}

export interface RecordedContainer {
  /** The resource's name: `<stack>-<container>`. */
  readonly resource: string;
  /** The name by which other containers reach it. */
  readonly name: string;
  readonly service: string;
  /** `service` runs; a `loader` fills a volume and ends. */
  readonly role: "service" | "loader";
  /** Processes and threads; 0 is no limit. The label of the same name only repeats it. */
  readonly pidsLimit: number;
  readonly inputs: ContainerInputs;
  /** What must be there before it; for a command on the host also what that waits for. */
  readonly dependsOn: readonly ResourceName[];
}

/** All containers of a stack; running ones in the order of the services' table, then the loaders. */
export function recordedContainers({ resources, outputs }: Model): RecordedContainer[] {
  const order = outputs.restrictions.flatMap(({ containers }) => containers);
  const limits = processLimits(resources);
  return resources
    .filter(({ type }) => type === CONTAINER)
    .map((resource) => ({
      ...recordedContainer(resource, resources),
      pidsLimit: limits.get(resource.name) ?? 0,
    }))
    .sort((a, b) => place(order, a) - place(order, b) || (a.resource < b.resource ? -1 : 1));
}

const place = (order: readonly string[], { role, name }: RecordedContainer): number =>
  role === "service" ? order.indexOf(name) : order.length;

/**
 * Limits of processes by the resource of the container. The provider has no field for them, so a command sets them
 * (components/hardened/process-limits.ts); it names containers by the ids that tools/model/synth.ts gives them.
 */
function processLimits(resources: readonly RecordedResource[]): ReadonlyMap<string, number> {
  const scripts = resources
    .filter(({ type }) => type === COMMAND)
    .map(({ inputs }) => String(inputs.stdin));
  const updates = scripts.flatMap((script) => [
    ...script.matchAll(/^docker update --pids-limit (\d+) (\S+)-id /gm),
  ]);
  return new Map(updates.map(([, limit, resource = ""]) => [resource, Number(limit)]));
}

function recordedContainer(
  { name, inputs, dependsOn }: RecordedResource,
  all: readonly RecordedResource[],
): Omit<RecordedContainer, "pidsLimit"> {
  const known = inputs as unknown as ContainerInputs;
  const role = labelOf(known, "role") === "service" ? "service" : "loader";
  return {
    resource: name,
    name: labelOf(known, "container") ?? name,
    service: labelOf(known, "service") ?? "",
    role,
    inputs: known,
    dependsOn: dependsOn.flatMap((before) => [
      before,
      ...(before.type === COMMAND
        ? (all.find((made) => made.type === COMMAND && made.name === before.name)?.dependsOn ?? [])
        : []),
    ]),
  };
}

/** What loaders put into the volumes of a container that runs. */
export function filesFor(
  { role, inputs }: RecordedContainer,
  all: readonly RecordedContainer[],
): NonNullable<ContainerInputs["uploads"]> {
  if (role === "loader") return [];
  const mounted = (inputs.volumes ?? []).flatMap(({ volumeName }) => volumeName ?? []);
  return all
    .filter((loader) => loader.role === "loader")
    .filter(({ inputs: { volumes } }) =>
      volumes?.some(({ volumeName }) => volumeName !== undefined && mounted.includes(volumeName)),
    )
    .flatMap((loader) => loader.inputs.uploads ?? []);
}

/** The value of the label `pinned-stack.<name>`. */
export const labelOf = ({ labels }: Pick<ContainerInputs, "labels">, name: string) =>
  labels.find(({ label }) => label === `pinned-stack.${name}`)?.value;

/** Names of resources carry the stack's in front; among those of one stack that says nothing. */
export const inStack = (name: string, stack: string): string =>
  name.startsWith(`${stack}-`) ? name.slice(stack.length + 1) : name;
