/** Containers and networks as the program declares them, in the words of `docker inspect`. Pure. */
import { z } from "zod";

import { CONTAINER, NETWORK, RecordedResource } from "./synth";

export interface Mount {
  /** Name of a volume without the random end that Pulumi may give it, or a path of the host. */
  readonly source: string;
  readonly path: string;
  readonly writable: boolean;
}

/** A container that runs; loaders and one-shots are none. */
export interface DeclaredContainer {
  /** `pinned-stack.container`: the name inside the stack. */
  readonly name: string;
  readonly service: string;
  readonly image: string;
  readonly user: string;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly securityOptions: readonly string[];
  readonly privileged: boolean;
  readonly readOnly: boolean;
  readonly pidsLimit: number;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly networks: readonly string[];
  readonly mounts: readonly Mount[];
  readonly tmpfs: Readonly<Record<string, string>>;
  /** `127.0.0.1:8080->80/tcp` */
  readonly ports: readonly string[];
  readonly healthCheck: boolean;
  readonly inputs: ContainerInputs;
  /** Docker's id, where it is known which container was made. */
  readonly id?: string;
}

export interface DeclaredNetwork {
  readonly name: string;
  readonly internal: boolean;
}

/** The inputs of a recorded container that this project's components write. */
const inputs = z.object({
  image: z.string(),
  labels: z.array(z.object({ label: z.string(), value: z.string() })).default([]),
  user: z.string().default(""),
  entrypoints: z.array(z.string()).optional(),
  command: z.array(z.string()).optional(),
  /** A secret among them hides them all, in whatever shape it comes. */
  envs: z.array(z.string()).catch([]),
  capabilities: z
    .object({ adds: z.array(z.string()).default([]), drops: z.array(z.string()).default([]) })
    .default({ adds: [], drops: [] }),
  securityOpts: z.array(z.string()).default([]),
  privileged: z.boolean().default(false),
  readOnly: z.boolean().default(false),
  memory: z.number().default(0),
  cpus: z.string().default("0"),
  shmSize: z.number().optional(),
  destroyGraceSeconds: z.number().optional(),
  ulimits: z.array(z.object({ name: z.string(), soft: z.number(), hard: z.number() })).default([]),
  tmpfs: z.record(z.string(), z.string()).default({}),
  networksAdvanced: z.array(z.object({ name: z.string() })).default([]),
  volumes: z
    .array(
      z.object({
        volumeName: z.string().optional(),
        hostPath: z.string().optional(),
        containerPath: z.string(),
        readOnly: z.boolean().default(false),
      }),
    )
    .default([]),
  ports: z
    .array(z.object({ ip: z.string(), external: z.number(), internal: z.number() }))
    .default([]),
  healthcheck: z
    .object({
      tests: z.array(z.string()),
      interval: z.string().optional(),
      timeout: z.string().optional(),
      retries: z.number().optional(),
      startPeriod: z.string().optional(),
    })
    .optional(),
});
export type ContainerInputs = z.output<typeof inputs>;

export const containerInputs = (resource: Pick<RecordedResource, "inputs">): ContainerInputs =>
  inputs.parse(resource.inputs);

const labelOf = ({ labels }: ContainerInputs, name: string): string | undefined =>
  labels.find(({ label }) => label === `pinned-stack.${name}`)?.value;

/** The part of a model, or of a preview, that is read here. */
export interface Recorded {
  readonly resources: readonly Pick<RecordedResource, "type" | "name" | "inputs">[];
}

/** Files that a loader brings into its volume, by their path in the container; undefined when they are secret. */
export function plainFiles(
  loader: Pick<RecordedResource, "inputs">,
): Readonly<Record<string, string>> | undefined {
  const parsed = z
    .array(z.object({ file: z.string(), content: z.string() }))
    .safeParse(loader.inputs.uploads);
  return parsed.success
    ? Object.fromEntries(parsed.data.map(({ file, content }) => [file, content]))
    : undefined;
}

export function declaredContainers({ resources }: Recorded): DeclaredContainer[] {
  return resources.flatMap((resource) => {
    if (resource.type !== CONTAINER) return [];
    const said = containerInputs(resource);
    const name = labelOf(said, "container");
    if (labelOf(said, "role") !== "service" || name === undefined) return [];
    return [
      {
        name,
        service: labelOf(said, "service") ?? name,
        image: said.image,
        user: said.user,
        capAdd: said.capabilities.adds,
        capDrop: said.capabilities.drops,
        securityOptions: said.securityOpts,
        privileged: said.privileged,
        readOnly: said.readOnly,
        pidsLimit: Number(labelOf(said, "pids-limit") ?? 0),
        memoryMiB: said.memory,
        cpus: Number(said.cpus),
        networks: said.networksAdvanced.map((network) => network.name),
        mounts: said.volumes.map(({ volumeName, hostPath, containerPath, readOnly }) => ({
          source: volumeName ?? hostPath ?? "",
          path: containerPath,
          writable: !readOnly,
        })),
        tmpfs: said.tmpfs,
        ports: said.ports.map(({ ip, external, internal }) => `${ip}:${external}->${internal}/tcp`),
        healthCheck: said.healthcheck?.tests[0] !== "NONE" && said.healthcheck !== undefined,
        inputs: said,
      },
    ];
  });
}

export const declaredNetworks = ({ resources }: Recorded): DeclaredNetwork[] =>
  resources
    .filter(({ type }) => type === NETWORK)
    .map((made) => ({ name: String(made.inputs.name), internal: made.inputs.internal === true }));
