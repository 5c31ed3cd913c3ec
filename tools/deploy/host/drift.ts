/** Compares running containers with their declaration. Pure. */
import { ROLE_LABEL } from "../../../components/hardened/labels";
import {
  ContainerModel,
  NetworkModel,
  nameServers,
  tmpfsOptions,
} from "../../../components/hardened/model";
import { Controls } from "../../../components/hardened/policy";
import { cgroupParent, EngineCgroups, hostCgroupPaths } from "../../../host/cgroups";
import { Inventory, Limits, LiveContainer } from "./inventory";

/** A declared container, with its Docker id if it was recorded. */
export interface Declared extends ContainerModel {
  readonly id?: string;
}

/** One difference. `expected` is the declaration, `found` is on the host. */
export interface Drift {
  /** Name of the container inside the stack, or Docker's name of the network. */
  readonly where: string;
  readonly kind: DriftKind;
  readonly expected: string;
  readonly found: string;
}

type DriftKind =
  | "missing"
  | "undeclared"
  | "state"
  | "image"
  | "user"
  | "capabilities"
  | "groups"
  | "socket group"
  | "privileged"
  | "read-only root"
  | "security options"
  | "processes"
  | "memory"
  | "cpus"
  | "namespaces"
  | "cgroup parent"
  | "networks"
  | "name servers"
  | "mounts"
  | "tmpfs"
  | "published ports"
  | "internal network";

const MIB = 1024 * 1024;

/**
 * All differences in the order of the declarations, then undeclared containers. Empty if there is no drift.
 *
 * @param networks undefined: not compared
 */
export function compare(
  stack: string,
  declared: readonly Declared[],
  networks: readonly NetworkModel[] | undefined,
  live: Inventory,
): Drift[] {
  const known = new Set<string>();
  const drift = declared.flatMap((container) => {
    const mine = live.containers.filter((candidate) => isMadeFrom(candidate, container));
    const chosen = mine.find(({ state }) => state.Status === "running") ?? mine[0];
    if (chosen === undefined)
      return [difference(container.name, "missing", "a running container", "none")];
    known.add(chosen.id);
    return compareContainer(stack, container, chosen, live);
  });
  return [
    ...drift,
    ...(networks ?? []).flatMap((network) => compareNetwork(stack, network, live)),
    ...live.containers
      .filter(({ id, labels, state }) => {
        // The stack's own init containers have already exited.
        const isInit = labels[ROLE_LABEL] === "init" && state.Status !== "running";
        return !known.has(id) && !isInit;
      })
      .map((found) =>
        difference(
          found.labels["pinned-stack.container"] ?? found.name,
          "undeclared",
          "no such container",
          `${found.name} (${found.image}, ${found.state.Status})`,
        ),
      ),
  ];
}

const isMadeFrom = (live: LiveContainer, { name, id }: Declared): boolean =>
  id === undefined
    ? live.labels[ROLE_LABEL] === "container" && live.labels["pinned-stack.container"] === name
    : live.id === id;

function compareContainer(
  stack: string,
  declared: Declared,
  live: LiveContainer,
  { limits, socketGroup, cgroups }: Pick<Inventory, "limits" | "socketGroup" | "cgroups">,
): Drift[] {
  const { host } = live;
  const { controls, cgroup } = declared;
  const mounts = mountsOf(stack, declared, cgroups);
  const checks: readonly (readonly [DriftKind, string, string])[] = [
    ["state", controls.healthCheck ? "running, healthy" : "running", stateOf(controls, live)],
    // Without a digest, the declared image may be any build of the tag.
    ...(declared.image.includes("@") ? [["image", declared.image, live.image] as const] : []),
    ["user", controls.user, live.user],
    [
      "capabilities",
      `+${list(controls.capabilities)} -ALL`,
      `+${list(caps(host.CapAdd))} -${list(caps(host.CapDrop))}`,
    ],
    // The socket's group is known on the host only, and may have changed.
    ...(!controls.dockerSocket
      ? [["groups", "none", list(host.GroupAdd)] as const]
      : socketGroup === undefined
        ? []
        : [["socket group", String(socketGroup), list(host.GroupAdd)] as const]),
    ["privileged", "false", String(host.Privileged)],
    ["read-only root", String(controls.readOnlyRootfs), String(host.ReadonlyRootfs)],
    [
      "security options",
      list(controls.noNewPrivileges ? ["no-new-privileges:true"] : []),
      list(host.SecurityOpt.map(explicit)),
    ],
    ...(limits.processes
      ? [["processes", String(controls.pidsLimit), String(host.PidsLimit ?? "no limit")] as const]
      : []),
    ...(limits.memory
      ? [["memory", memoryText(controls.memoryMiB, false, limits), memoryOf(live, limits)] as const]
      : []),
    ["cpus", String(controls.cpus), String(host.NanoCpus / 1e9)],
    ["namespaces", declaredNamespaces(controls, cgroups), namespaces(live, cgroups)],
    // How its name is written depends on the host.
    ...(cgroups === undefined && cgroup !== undefined
      ? []
      : [
          [
            "cgroup parent",
            (cgroup && cgroups && cgroupParent(cgroup, cgroups)) ?? "the engine's",
            host.CgroupParent === "" ? "the engine's" : host.CgroupParent,
          ] as const,
        ]),
    ["name servers", list(nameServers(declared)), list(host.Dns)],
    [
      "networks",
      list(declared.networks.map(({ name }) => `${stack}-${name}`)),
      list(Object.keys(live.networks)),
    ],
    ["mounts", list(mounts.map(mountText)), list(liveMounts(mounts, live).map(mountText))],
    [
      "tmpfs",
      list(
        Object.entries(declared.tmpfs).map(([path, size]) =>
          pair([path, tmpfsOptions(size, controls.user)]),
        ),
      ),
      list(Object.entries(host.Tmpfs).map(pair)),
    ],
    [
      "published ports",
      list(
        declared.ports.map(
          ({ address, published, internal }) => `${address}:${published}->${internal}/tcp`,
        ),
      ),
      list(livePorts(live)),
    ],
  ];
  return checks
    .filter(([, expected, found]) => expected !== found)
    .map(([kind, expected, found]) => difference(declared.name, kind, expected, found));
}

interface MountPoint {
  /** Docker's name of a volume without Pulumi's random suffix, or a path on the host. */
  readonly source: string;
  readonly path: string;
  readonly writable: boolean;
}

const mountsOf = (
  stack: string,
  { mounts, controls }: ContainerModel,
  cgroups?: EngineCgroups,
): MountPoint[] => [
  ...mounts.map((mount) => ({
    source: "volume" in mount ? `${stack}-${mount.volume}` : mount.source,
    path: mount.path,
    writable: mount.kind === "data",
  })),
  ...(controls.hostCgroups && cgroups !== undefined ? hostCgroupPaths(cgroups) : []).map(
    (path) => ({ source: path, path, writable: false }),
  ),
];

function compareNetwork(
  stack: string,
  { name: inside, internal }: NetworkModel,
  { networks }: Inventory,
): Drift[] {
  const name = `${stack}-${inside}`;
  const found = networks.find((network) => network.name === name);
  if (found === undefined) return [difference(name, "missing", "a network", "none")];
  if (found.internal === internal) return [];
  const text = (value: boolean): string => (value ? "internal" : "external");
  return [difference(name, "internal network", text(internal), text(found.internal))];
}

function stateOf({ healthCheck }: Controls, { state }: LiveContainer): string {
  const end = state.Status === "exited" ? ` with code ${state.ExitCode}` : "";
  if (!healthCheck) return `${state.Status}${end}`;
  // The first health check is still running.
  const health = state.Health?.Status ?? "no health check";
  return `${state.Status}${end}, ${health === "starting" ? "healthy" : health}`;
}

function memoryOf({ host: { Memory, MemorySwap } }: LiveContainer, limits: Limits): string {
  return Memory === 0 ? "no limit" : memoryText(Memory / MIB, MemorySwap !== Memory, limits);
}

const memoryText = (mebibytes: number, swap: boolean, limits: Limits): string =>
  `${mebibytes} MiB${limits.swap ? `, ${swap ? "and" : "no"} swap` : ""}`;

/** Limits that the host's kernel does not support. They are not compared, because a new container would not have them. */
export const unsupportedLimits = ({ limits }: Pick<Inventory, "limits">): string[] =>
  Object.entries(limits).flatMap(([name, isSupported]) => (isSupported ? [] : [name]));

const HOST_CGROUPS = "cgroups of the host";
/** On version 1, Docker shares that namespace by default, and the mounts decide what a container sees. */
const hasCgroupNamespaces = (cgroups?: EngineCgroups): boolean => cgroups?.version === "2";

const declaredNamespaces = ({ hostCgroups }: Controls, cgroups?: EngineCgroups): string =>
  hostCgroups && hasCgroupNamespaces(cgroups) ? HOST_CGROUPS : "own";

function namespaces({ host }: LiveContainer, cgroups?: EngineCgroups): string {
  const shared = [
    ...(host.NetworkMode === "host" ? ["network of the host"] : []),
    ...(host.PidMode !== "" ? [`processes of ${host.PidMode}`] : []),
    ...(host.IpcMode === "host" ? ["memory of the host"] : []),
    ...(hasCgroupNamespaces(cgroups) && host.CgroupnsMode === "host" ? [HOST_CGROUPS] : []),
  ];
  return shared.length === 0 ? "own" : shared.join(", ");
}

/** Docker may omit the value, which means true. */
const explicit = (option: string): string =>
  option === "no-new-privileges" ? "no-new-privileges:true" : option.replace("=", ":");

const caps = (names: readonly string[]): string[] =>
  names.map((name) => (name === "ALL" || name.startsWith("CAP_") ? name : `CAP_${name}`));

/** Without the random suffix of volumes of files. */
function liveMounts(declared: readonly MountPoint[], live: LiveContainer): MountPoint[] {
  return live.mounts
    .filter(({ Type }) => Type !== "tmpfs")
    .map(({ Name, Source, Destination, RW }) => {
      const source = Name ?? Source ?? "";
      const base = declared.find(
        (mount) => mount.path === Destination && isNamedAfter(source, mount.source),
      );
      return { source: base?.source ?? source, path: Destination, writable: RW };
    });
}

/** Whether `name` is `base`, or Pulumi's automatic name for it, which appends seven random hexadecimal digits. */
export const isNamedAfter = (name: string, base: string): boolean =>
  name === base ||
  (name.startsWith(`${base}-`) && /^[0-9a-f]{7}$/.test(name.slice(base.length + 1)));

const livePorts = ({ host }: LiveContainer): string[] =>
  Object.entries(host.PortBindings).flatMap(([inside, bindings]) =>
    bindings.map(
      ({ HostIp, HostPort }) => `${HostIp === "" ? "0.0.0.0" : HostIp}:${HostPort}->${inside}`,
    ),
  );

const mountText = ({ source, path, writable }: MountPoint): string =>
  `${source}:${path}${writable ? "" : ":ro"}`;
const pair = ([key, value]: [string, string]): string => `${key}:${value}`;
const list = (items: readonly string[]): string =>
  items.length === 0 ? "none" : [...items].sort().join(" ");
const difference = (where: string, kind: DriftKind, expected: string, found: string): Drift => ({
  where,
  kind,
  expected,
  found,
});
