/** Compares running containers with their declaration. Pure. */
import { ROLE_LABEL } from "../../../components/hardened/labels";
import {
  ContainerModel,
  FIXED,
  DEVICE_PERMISSIONS,
  isWritable,
  NetworkModel,
  nameServers,
  protocolOf,
  tmpfsMounts,
} from "../../../components/hardened/model";
import { Controls } from "../../../components/hardened/policy";
import { cgroupParent, EngineCgroups, hostCgroupPaths } from "../../../host/cgroups";
import { quote } from "../../../host/shell-quote";
import { oneLine } from "../../../text/one-line";
import { Inventory, isNamed, Limits, LiveContainer, LiveProcess } from "./inventory";

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
  | "environment"
  | "entrypoint"
  | "command"
  | "health check"
  | "restart policy"
  | "log options"
  | "devices"
  | "extra hosts"
  | "sysctls"
  | "open files"
  | "internal network";

/** A kind, what is declared and what is on the host. */
type Comparison = readonly [kind: DriftKind, expected: string, found: string];

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
        // What a failed or interrupted deployment left behind does not run, and the next deployment removes it.
        const isLeftover =
          ["container", "helper"].includes(labels[ROLE_LABEL] ?? "") &&
          labels["pinned-stack.stack"] === stack &&
          ["created", "exited"].includes(state.Status);
        return !known.has(id) && !isLeftover;
      })
      .map((found) =>
        difference(
          found.labels["pinned-stack.container"] ?? found.name,
          "undeclared",
          "no such container",
          `${found.name} (${[found.image, found.state.Status, ...joinedBy(found, live)].join(", ")})`,
        ),
      ),
  ];
}

const isMadeFrom = (live: LiveContainer, { name, id }: Declared): boolean =>
  id === undefined ? isNamed(live, name) : live.id === id;

/** The namespaces of other containers that it has joined: `in the network of n8n`. */
function joinedBy({ host }: LiveContainer, { containers }: Inventory): string[] {
  const modes = { network: host.NetworkMode, processes: host.PidMode, memory: host.IpcMode };
  return Object.entries(modes).flatMap(([what, mode]) => {
    const target = /^container:(.+)$/.exec(mode)?.[1];
    if (target === undefined) return [];
    const owner = containers.find(({ id, name }) => id.startsWith(target) || name === target);
    return [`in the ${what} of ${owner?.labels["pinned-stack.container"] ?? target}`];
  });
}

function compareContainer(
  stack: string,
  declared: Declared,
  live: LiveContainer,
  { limits, socketGroup, cgroups }: Pick<Inventory, "limits" | "socketGroup" | "cgroups">,
): Drift[] {
  const { host } = live;
  const { controls, cgroup } = declared;
  const mounts = mountsOf(stack, declared, cgroups);
  const checks: readonly Comparison[] = [
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
      ? [["groups", list(declared.groups ?? []), list(host.GroupAdd)] as const]
      : socketGroup === undefined
        ? []
        : [["socket group", String(socketGroup), list(host.GroupAdd)] as const]),
    ["privileged", "false", String(host.Privileged)],
    ["read-only root", String(controls.readOnlyRootfs), String(host.ReadonlyRootfs)],
    [
      "security options",
      list(controls.noNewPrivileges ? ["no-new-privileges:true"] : []),
      list([
        ...host.SecurityOpt.map(explicit),
        // Docker's client turns `systempaths=unconfined` into an empty list.
        ...(host.MaskedPaths?.length === 0 ? ["systempaths:unconfined"] : []),
      ]),
    ],
    // The start of a container sets this limit, because the provider cannot. One by this id is Pulumi's, one by its name may
    // be anybody's.
    ...(limits.processes && !(declared.id === live.id && live.state.Status === "created")
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
      list(Object.entries(tmpfsMounts(declared)).map(pair)),
      list(Object.entries(host.Tmpfs).map(pair)),
    ],
    [
      "published ports",
      list(
        declared.ports.map(
          (port) => `${port.address}:${port.published}->${port.internal}/${protocolOf(port)}`,
        ),
      ),
      list(livePorts(live)),
    ],
    ...settings(declared, live),
    ...(live.process === undefined ? [] : processChecks(declared, live.process)),
  ];
  return checks
    .filter(([, expected, found]) => expected !== found)
    .map(([kind, expected, found]) => difference(declared.name, kind, expected, found));
}

/** What only an exemption allows or no container has, and what all have alike. */
function settings(
  { controls: { openFiles }, devices = [] }: Declared,
  { host }: LiveContainer,
): Comparison[] {
  const { RestartPolicy, LogConfig, Ulimits } = host;
  return [
    [
      "devices",
      list(devices.map(({ source, path }) => `${source}:${path}:${DEVICE_PERMISSIONS}`)),
      list(devicesOf(host)),
    ],
    ["extra hosts", "none", list(host.ExtraHosts)],
    ["sysctls", "none", list(Object.entries(host.Sysctls).map(([name, to]) => `${name}=${to}`))],
    ...(RestartPolicy === undefined
      ? []
      : [["restart policy", FIXED.restart, restartText(RestartPolicy)] as const]),
    ...(LogConfig === undefined
      ? []
      : [
          [
            "log options",
            logText(FIXED.logging.driver, FIXED.logging.options),
            logText(LogConfig.Type, LogConfig.Config),
          ] as const,
        ]),
    ...(Ulimits === undefined
      ? []
      : [["open files", String(openFiles), openFilesOf(Ulimits)] as const]),
  ];
}

type HostConfig = LiveContainer["host"];

const devicesOf = ({ Devices, DeviceRequests, DeviceCgroupRules }: HostConfig): string[] => [
  ...Devices.map(({ PathOnHost, PathInContainer, CgroupPermissions }) =>
    [PathOnHost, PathInContainer, CgroupPermissions].join(":"),
  ),
  ...DeviceRequests.map(
    ({ Driver, Capabilities }) => Capabilities.flat().join("+") || Driver || "unknown device",
  ),
  ...DeviceCgroupRules,
];

const restartText = ({
  Name,
  MaximumRetryCount,
}: NonNullable<HostConfig["RestartPolicy"]>): string =>
  `${Name === "" ? "no" : Name}${MaximumRetryCount === 0 ? "" : `:${MaximumRetryCount}`}`;

const logText = (driver: string, options: Readonly<Record<string, string>>): string =>
  [
    driver,
    ...Object.entries(options)
      .map(([name, value]) => `${name}=${value}`)
      .sort(),
  ].join(" ");

/** The other limits may be the daemon's defaults. */
function openFilesOf(limits: NonNullable<HostConfig["Ulimits"]>): string {
  const found = limits.find(({ Name }) => Name === "nofile");
  if (found === undefined) return "no limit";
  return found.Soft === found.Hard ? String(found.Soft) : `${found.Soft}, at most ${found.Hard}`;
}

function processChecks(declared: ContainerModel, process: LiveProcess): Comparison[] {
  const { config, defaults } = process;
  const entrypoint = declared.entrypoint ?? defaults?.Entrypoint;
  // Docker takes the command of the image only together with its entrypoint.
  const command = declared.command ?? (declared.entrypoint === undefined ? defaults?.Cmd : []);
  return [
    ["environment", ...environmentDifferences(declared, process)],
    ...(entrypoint === undefined
      ? []
      : [["entrypoint", words(entrypoint), words(config.Entrypoint)] as const]),
    ...(command === undefined ? [] : [["command", words(command), words(config.Cmd)] as const]),
    ...(declared.health?.command.length === 0
      ? // That of the image, which the digest decides.
        []
      : [
          [
            "health check",
            declared.health === undefined ? "NONE" : words(["CMD", ...declared.health.command]),
            words(config.Healthcheck?.Test ?? ["NONE"]),
          ] as const,
        ]),
  ];
}

/** Values of variables that are not declared in plain text may be secrets, so only their names are shown. */
function environmentDifferences(
  { environment, secretEnvironment }: ContainerModel,
  { config: { Env: env }, defaults }: LiveProcess,
): readonly [expected: string, found: string] {
  const image = Object.entries(defaults?.Env ?? {}).filter(
    ([name]) => !(name in environment || name in secretEnvironment),
  );
  const known = new Set([
    ...Object.keys({ ...environment, ...secretEnvironment }),
    ...image.map(([name]) => name),
  ]);
  const absent = (name: string): string => `no ${name}`;
  const differences = [
    ...Object.entries(environment)
      .filter(([name, value]) => env[name] !== value)
      .map(([name, value]) => {
        const found = env[name];
        return [`${name}=${value}`, found === undefined ? absent(name) : `${name}=${found}`];
      }),
    ...Object.keys(secretEnvironment)
      .filter((name) => env[name] === undefined)
      .map((name) => [`${name} of a secret`, absent(name)]),
    ...image
      .filter(([name, value]) => env[name] !== value)
      .map(([name]) => [
        `${name} of the image`,
        env[name] === undefined ? absent(name) : `another ${name}`,
      ]),
    ...(defaults === undefined ? [] : Object.keys(env))
      .filter((name) => !known.has(name))
      .map((name) => [absent(name), name]),
  ];
  const text = (side: 0 | 1): string => oneLine(differences.map((pair) => pair[side]).join(", "));
  return [text(0), text(1)];
}

/** An argument vector, quoted where that is needed to tell the words apart. */
const words = (argv: readonly string[]): string =>
  argv.length === 0
    ? "none"
    : oneLine(argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : quote(word))).join(" "));

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
    writable: isWritable(mount),
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
    ...(/^(?:host$|container:)/.test(host.NetworkMode)
      ? [`network of ${ownerOf(host.NetworkMode)}`]
      : []),
    ...(host.PidMode !== "" ? [`processes of ${host.PidMode}`] : []),
    ...(/^(?:host$|container:)/.test(host.IpcMode) ? [`memory of ${ownerOf(host.IpcMode)}`] : []),
    ...(host.IpcMode === "shareable" ? ["memory that others can join"] : []),
    ...(host.UsernsMode === "host" ? ["users of the host"] : []),
    ...(host.UTSMode === "host" ? ["host name of the host"] : []),
    ...(hasCgroupNamespaces(cgroups) && host.CgroupnsMode === "host" ? [HOST_CGROUPS] : []),
  ];
  return shared.length === 0 ? "own" : shared.join(", ");
}

const ownerOf = (mode: string): string => (mode === "host" ? "the host" : mode);

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
