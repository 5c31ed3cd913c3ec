/** Live containers against declared ones. Pure. */
import { tmpfsOptions } from "../../../components/hardened/model";
import { ROLE_LABEL } from "../../../components/hardened/labels";
import { ContainerModel } from "../../../components/hardened/model";
import { Controls } from "../../../components/hardened/policy";
import { Inventory, Limits, LiveContainer } from "./inventory";

/** A container as the program declares it, and Docker's id where it is known which one was created. */
export interface Declared extends ContainerModel {
  readonly id?: string;
}

export interface DeclaredNetwork {
  /** Name inside the stack. */
  readonly name: string;
  readonly internal: boolean;
}

/** One difference. `expected` is what the program says, `found` what the host has. */
export interface Drift {
  /** Name of the container inside the stack, or of the network. */
  readonly where: string;
  readonly kind: DriftKind;
  readonly expected: string;
  readonly found: string;
}

export type DriftKind =
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
  | "networks"
  | "mounts"
  | "tmpfs"
  | "published ports"
  | "internal network";

const MIB = 1024 * 1024;

/**
 * All differences, in the order of the declarations, then containers that nobody declared. Empty: the host is as declared.
 *
 * @param networks undefined: not compared
 */
export function compare(
  stack: string,
  declared: readonly Declared[],
  networks: readonly DeclaredNetwork[] | undefined,
  live: Inventory,
): Drift[] {
  const known = new Set<string>();
  const drift = declared.flatMap((container) => {
    const mine = live.containers.filter((candidate) => isMadeFrom(candidate, container));
    const chosen = mine.find(({ state }) => state.Status === "running") ?? mine[0];
    if (chosen === undefined)
      return [one(container.name, "missing", "a running container", "none")];
    known.add(chosen.id);
    return compareContainer(stack, container, chosen, live);
  });
  return [
    ...drift,
    ...(networks ?? []).flatMap((network) => compareNetwork(stack, network, live)),
    ...live.containers
      .filter(({ id, labels, state }) => {
        // Init containers did their work when they were created; one that runs is not ours.
        const isInit = labels[ROLE_LABEL] === "init" && state.Status !== "running";
        return !known.has(id) && !isInit;
      })
      .map((found) =>
        one(
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
  { limits, socketGroup }: Pick<Inventory, "limits" | "socketGroup">,
): Drift[] {
  const { host } = live;
  const { controls } = declared;
  const mounts = mountsOf(stack, declared);
  const checks: readonly (readonly [DriftKind, string, string])[] = [
    ["state", controls.healthCheck ? "running, healthy" : "running", stateOf(controls, live)],
    // Without a digest in the configuration the declaration names no image in particular.
    ...(declared.image.includes("@") ? [["image", declared.image, live.image] as const] : []),
    ["user", controls.user, live.user],
    [
      "capabilities",
      `+${set(controls.capabilities)} -ALL`,
      `+${set(caps(host.CapAdd))} -${set(caps(host.CapDrop))}`,
    ],
    // Only the host knows the socket's group, and it may be another one by now.
    ...(!controls.dockerSocket
      ? [["groups", "none", set(host.GroupAdd)] as const]
      : socketGroup === undefined
        ? []
        : [["socket group", String(socketGroup), set(host.GroupAdd)] as const]),
    ["privileged", "false", String(host.Privileged)],
    ["read-only root", String(controls.readOnlyRootfs), String(host.ReadonlyRootfs)],
    [
      "security options",
      set(controls.noNewPrivileges ? ["no-new-privileges:true"] : []),
      set(host.SecurityOpt.map(explicit)),
    ],
    ...(limits.processes
      ? [["processes", String(controls.pidsLimit), String(host.PidsLimit ?? "no limit")] as const]
      : []),
    ...(limits.memory
      ? [["memory", memoryText(controls.memoryMiB, false, limits), memoryOf(live, limits)] as const]
      : []),
    ["cpus", String(controls.cpus), String(host.NanoCpus / 1e9)],
    ["namespaces", "own", namespaces(live)],
    [
      "networks",
      set(declared.networks.map(({ name }) => `${stack}-${name}`)),
      set(Object.keys(live.networks)),
    ],
    ["mounts", set(mounts.map(mountText)), set(liveMounts(mounts, live).map(mountText))],
    [
      "tmpfs",
      set(
        Object.entries(declared.tmpfs).map(([path, size]) =>
          pair([path, tmpfsOptions(size, controls.user)]),
        ),
      ),
      set(Object.entries(host.Tmpfs).map(pair)),
    ],
    [
      "published ports",
      set(
        declared.ports.map(
          ({ address, published, internal }) => `${address}:${published}->${internal}/tcp`,
        ),
      ),
      set(livePorts(live)),
    ],
  ];
  return checks
    .filter(([, expected, found]) => expected !== found)
    .map(([kind, expected, found]) => one(declared.name, kind, expected, found));
}

interface MountPoint {
  /** Docker's name of a volume, without the random suffix that Pulumi may give it, or a path of the host. */
  readonly source: string;
  readonly path: string;
  readonly writable: boolean;
}

const mountsOf = (stack: string, { mounts }: ContainerModel): MountPoint[] =>
  mounts.map((mount) => ({
    source: "volume" in mount ? `${stack}-${mount.volume}` : mount.source,
    path: mount.path,
    writable: mount.kind === "data",
  }));

function compareNetwork(
  stack: string,
  { name: inside, internal }: DeclaredNetwork,
  { networks }: Inventory,
): Drift[] {
  const name = `${stack}-${inside}`;
  const found = networks.find((network) => network.name === name);
  if (found === undefined) return [one(name, "missing", "a network", "none")];
  if (found.internal === internal) return [];
  const words = (value: boolean): string => (value ? "internal" : "reaches beyond the host");
  return [one(name, "internal network", words(internal), words(found.internal))];
}

function stateOf({ healthCheck }: Controls, { state }: LiveContainer): string {
  const end = state.Status === "exited" ? ` with code ${state.ExitCode}` : "";
  if (!healthCheck) return `${state.Status}${end}`;
  // A check that has just begun is no difference yet.
  const health = state.Health?.Status ?? "no health check";
  return `${state.Status}${end}, ${health === "starting" ? "healthy" : health}`;
}

function memoryOf({ host: { Memory, MemorySwap } }: LiveContainer, limits: Limits): string {
  return Memory === 0 ? "no limit" : memoryText(Memory / MIB, MemorySwap !== Memory, limits);
}

const memoryText = (mebibytes: number, swap: boolean, limits: Limits): string =>
  `${mebibytes} MiB${limits.swap ? `, ${swap ? "and" : "no"} swap` : ""}`;

/** Limits that the host's kernel cannot apply, so that no new container would have them either; they are not compared. */
export const notApplied = ({ limits }: Pick<Inventory, "limits">): string[] =>
  Object.entries(limits).flatMap(([name, applied]) => (applied ? [] : [name]));

function namespaces({ host }: LiveContainer): string {
  const shared = [
    ...(host.NetworkMode === "host" ? ["network of the host"] : []),
    ...(host.PidMode !== "" ? [`processes of ${host.PidMode}`] : []),
    ...(host.IpcMode === "host" ? ["memory of the host"] : []),
  ];
  return shared.length === 0 ? "own" : shared.join(", ");
}

/** Older engines leave the value out, which means true. */
const explicit = (option: string): string =>
  option === "no-new-privileges" ? "no-new-privileges:true" : option.replace("=", ":");

const caps = (names: readonly string[]): string[] =>
  names.map((name) => (name === "ALL" || name.startsWith("CAP_") ? name : `CAP_${name}`));

/** Volumes with contents of their own have a random end to their name: it is left out where the rest fits. */
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

/** Pulumi's automatic names: the resource's, and seven random digits. */
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
const set = (items: readonly string[]): string =>
  items.length === 0 ? "none" : [...items].sort().join(" ");
const one = (where: string, kind: DriftKind, expected: string, found: string): Drift => ({
  where,
  kind,
  expected,
  found,
});
