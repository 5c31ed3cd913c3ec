/** Reads the model of the last deployment from the component outputs in Pulumi's state. Pure. */
import { z } from "zod";

import { ContainerModel } from "../../components/hardened/model";
import { Exemption } from "../../components/hardened/policy";
import { CGROUP_ROOT, StackContainer, StackModel } from "../../components/model";
import { ImageReference } from "../../images/reference";

const texts = z.array(z.string());
const record = <T extends z.ZodType>(value: T) => z.record(z.string(), value);

const exemption = z.object({
  control: z.string(),
  value: z.union([z.string(), z.boolean(), z.array(z.union([z.string(), z.number()]))]),
  reason: z.string(),
});
const controls = z.object({
  user: z.string(),
  capabilities: texts.default([]),
  readOnlyRootfs: z.boolean(),
  noNewPrivileges: z.boolean(),
  dockerSocket: z.boolean(),
  hostPaths: texts.default([]),
  writableHostPaths: texts.default([]),
  devices: texts.default([]),
  hostCgroups: z.boolean().default(false),
  publishedPorts: z.array(z.number()).default([]),
  outsideNetworks: texts.default([]),
  environmentSecrets: texts.default([]),
  healthCheck: z.boolean(),
  memoryMiB: z.number(),
  cpus: z.number(),
  pidsLimit: z.number(),
  openFiles: z.number(),
});
const content = z.union([
  z.string(),
  z.object({ base64: z.string() }),
  z.object({ secret: z.string() }),
]);
const mount = z.discriminatedUnion("kind", [
  z.object({
    kind: z.enum(["files", "secrets"]),
    volume: z.string(),
    path: z.string(),
    files: record(content).default({}),
    live: z.boolean().exactOptional(),
  }),
  z.object({
    kind: z.literal("data"),
    volume: z.string(),
    path: z.string(),
    chown: z.boolean(),
    readOnly: z.boolean().exactOptional(),
  }),
  z.object({
    kind: z.literal("host"),
    source: z.string(),
    path: z.string(),
    writable: z.boolean().exactOptional(),
  }),
  z.object({ kind: z.literal("socket"), source: z.string(), path: z.string() }),
]);
/** With defaults, because Pulumi omits empty outputs from the state. */
const container = z.object({
  name: z.string(),
  service: z.string(),
  image: z.string(),
  controls,
  privileged: z.boolean().default(false),
  capDrop: texts.default([]),
  exemptions: z.array(exemption.transform((value) => value as Exemption)).default([]),
  entrypoint: texts.exactOptional(),
  command: texts.exactOptional(),
  environment: record(z.string()).default({}),
  secretEnvironment: record(z.string()).default({}),
  mounts: z.array(mount).default([]),
  tmpfs: record(z.number()).default({}),
  executableTmpfs: texts.exactOptional(),
  devices: z.array(z.object({ source: z.string(), path: z.string() })).exactOptional(),
  groups: texts.exactOptional(),
  workingDir: z.string().exactOptional(),
  init: z.boolean().exactOptional(),
  health: z.object({ command: texts.default([]), startSeconds: z.number() }).exactOptional(),
  networks: z.array(z.object({ name: z.string(), internal: z.boolean() })).default([]),
  ports: z
    .array(
      z.object({
        address: z.string(),
        published: z.number(),
        internal: z.number(),
        protocol: z.enum(["tcp", "udp"]).exactOptional(),
      }),
    )
    .default([]),
  stopGraceSeconds: z.number(),
  shmMiB: z.number().exactOptional(),
  cgroup: z
    .object({ root: z.string().default(CGROUP_ROOT), stack: z.string(), name: z.string() })
    .exactOptional(),
  dependsOn: texts.default([]),
  order: z.enum(["start-first", "stop-first"]),
}) satisfies z.ZodType<ContainerModel>;

const tls = z.discriminatedUnion("mode", [
  z.object({ mode: z.enum(["none", "selfSigned"]) }),
  z.object({
    mode: z.literal("acme"),
    email: z.string(),
    dnsProvider: z.string(),
    caServer: z.string().exactOptional(),
  }),
]);
const facts = z.object({
  stack: z.string(),
  platform: z.string(),
  requirePins: z.boolean(),
  insecureRegistries: texts.default([]),
  images: z
    .array(
      z.object({
        service: z.string(),
        reference: z.looseObject({ registry: z.string(), repository: z.string() }),
        bareTag: z.boolean().exactOptional(),
      }),
    )
    .default([]),
  networks: z
    .array(z.object({ name: z.string(), internal: z.boolean(), members: texts.default([]) }))
    .default([]),
  ingress: z.object({
    tls,
    publish: z.object({ address: z.string(), http: z.number(), https: z.number() }),
    redirects: z.array(z.object({ from: z.string(), to: z.string() })).exactOptional(),
    adminAllow: texts.default([]),
    routes: z
      .array(
        z.object({
          service: z.string(),
          host: z.string(),
          aliases: texts.exactOptional(),
          path: z.string().exactOptional(),
          login: z.string().exactOptional(),
          target: z.string(),
          container: z.string().exactOptional(),
          admin: z.boolean(),
          publicPaths: texts.exactOptional(),
          adminPaths: z.array(z.object({ path: z.string(), target: z.string() })).exactOptional(),
          healthPath: z.string().exactOptional(),
          probePath: z.string().exactOptional(),
          anyAnswer: z.boolean().exactOptional(),
          insecureSkipVerify: z.string().exactOptional(),
          contentSecurityPolicy: z.string().exactOptional(),
        }),
      )
      .default([]),
  }),
  dockerReads: record(texts).default({}),
});

/** A container as it was deployed; undefined if another version of the program recorded it in another shape. */
export function recordedContainer(outputs: unknown): ContainerModel | undefined {
  const parsed = z.object({ model: container }).safeParse(outputs);
  return parsed.success ? parsed.data.model : undefined;
}

/** The stack of these containers; undefined if another version of the program recorded it in another shape. */
export function recordedStack(
  outputs: unknown,
  containers: readonly ContainerModel[],
): StackModel | undefined {
  const parsed = z.object({ model: facts }).safeParse(outputs);
  if (!parsed.success) return undefined;
  const { images, ingress, dockerReads, ...known } = parsed.data.model;
  return {
    ...known,
    images: images.map(({ service, reference, bareTag }) => ({
      service,
      ...(bareTag !== undefined && { bareTag }),
      reference: reference as unknown as ImageReference,
      needs: { service, image: "", diskMiB: 0 },
    })),
    containers: containers.map((model): StackContainer => {
      const reads = dockerReads[model.name];
      return { ...model, toolImage: model.image, ...(reads && { dockerReads: reads }) };
    }),
    ingress: ingress as StackModel["ingress"],
  };
}
