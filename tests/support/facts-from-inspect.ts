/** Reads the facts that the CIS rules judge from `docker inspect`. */
import { z } from "zod";

import { ContainerFacts } from "../../tools/report/cis/facts";

/** Go gives null for an empty list or map. */
const list = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((value) => value ?? []);
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? "");
const number = z
  .number()
  .nullish()
  .transform((value) => value ?? 0);
const flag = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false);

/** The part of a `docker inspect` answer that is read here (Docker Engine API 1.41, ContainerInspect). */
const INSPECT = z.object({
  Name: z.string(),
  AppArmorProfile: text,
  ProcessLabel: text,
  Config: z.object({
    Image: z.string(),
    User: text,
    Entrypoint: list(z.string()),
    Cmd: list(z.string()),
    Labels: z.record(z.string(), z.string()).nullish(),
    Healthcheck: z.object({ Test: list(z.string()) }).nullish(),
  }),
  HostConfig: z.object({
    CapDrop: list(z.string()),
    CapAdd: list(z.string()),
    Privileged: flag,
    ReadonlyRootfs: flag,
    SecurityOpt: list(z.string()),
    Memory: number,
    NanoCpus: number,
    CpuShares: number,
    PidsLimit: number,
    Ulimits: list(z.object({ Name: z.string() })),
    Devices: list(z.object({ PathOnHost: z.string() })),
    NetworkMode: text,
    PidMode: text,
    IpcMode: text,
    UTSMode: text,
    UsernsMode: text,
    CgroupParent: text,
    RestartPolicy: z.object({ Name: text, MaximumRetryCount: number }),
    PortBindings: z
      .record(z.string(), list(z.object({ HostIp: text, HostPort: text })))
      .nullish()
      .transform((value) => value ?? {}),
  }),
  Mounts: list(
    z.object({
      Type: z.string(),
      Name: z.string().optional(),
      Source: text,
      Destination: z.string(),
      RW: z.boolean(),
      Propagation: text,
    }),
  ),
  NetworkSettings: z.object({ Networks: z.record(z.string(), z.unknown()).nullish() }),
});

/** One element of what `docker inspect` prints for a container. Throws a ZodError when it is something else. */
export function factsFromInspect(answer: unknown): ContainerFacts {
  const { Name, AppArmorProfile, ProcessLabel, Config, HostConfig, Mounts, NetworkSettings } =
    INSPECT.parse(answer);
  const label = (name: string): string | undefined => Config.Labels?.[`pinned-stack.${name}`];
  return {
    name: label("container") ?? Name.replace(/^\//, ""),
    image: Config.Image,
    command: [...Config.Entrypoint, ...Config.Cmd],
    user: Config.User,
    capDrop: HostConfig.CapDrop.map(capability),
    capAdd: HostConfig.CapAdd.map(capability),
    privileged: HostConfig.Privileged,
    readOnlyRootfs: HostConfig.ReadonlyRootfs,
    securityOpts: HostConfig.SecurityOpt,
    appArmor: AppArmorProfile,
    seLinux: ProcessLabel,
    memory: HostConfig.Memory,
    cpus: HostConfig.NanoCpus / 1e9,
    cpuShares: HostConfig.CpuShares,
    pidsLimit: Math.max(0, HostConfig.PidsLimit),
    ulimits: HostConfig.Ulimits.map(({ Name: limit }) => limit),
    mounts: Mounts.filter(({ Type }) => Type !== "tmpfs").map((mount) => ({
      kind: mount.Type === "volume" ? "volume" : "host path",
      source: mount.Type === "volume" ? (mount.Name ?? "") : mount.Source,
      target: mount.Destination,
      writable: mount.RW,
      propagation: mount.Propagation,
    })),
    devices: HostConfig.Devices.map(({ PathOnHost }) => PathOnHost),
    // What it is really on: HostConfig.NetworkMode keeps the value it was made with.
    networks: Object.keys(NetworkSettings.Networks ?? {}),
    namespaces: {
      pid: HostConfig.PidMode,
      ipc: HostConfig.IpcMode,
      uts: HostConfig.UTSMode,
      user: HostConfig.UsernsMode,
    },
    cgroupParent: HostConfig.CgroupParent,
    restart: {
      policy: HostConfig.RestartPolicy.Name,
      retries: HostConfig.RestartPolicy.MaximumRetryCount,
    },
    ports: Object.entries(HostConfig.PortBindings).flatMap(([inside, bindings]) =>
      bindings.map(({ HostIp, HostPort }) => port(inside, HostIp, HostPort)),
    ),
    // `NONE` switches off the check that an image brings.
    healthCheck: ![undefined, "NONE"].includes(Config.Healthcheck?.Test[0]),
  };
}

/** Clients and engines spell it with or without the prefix. */
const capability = (name: string): string =>
  name === "ALL" || name.startsWith("CAP_") ? name : `CAP_${name}`;

/** `80/tcp`; no address means all of them. */
function port(inside: string, address: string, published: string): ContainerFacts["ports"][number] {
  const [internal = "", protocol = "tcp"] = inside.split("/");
  return {
    address: address === "" ? "0.0.0.0" : address,
    published: Number(published),
    internal: Number(internal),
    protocol,
  };
}
