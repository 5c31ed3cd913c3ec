/**
 * Names of control groups. A container in a parent cgroup that is named after it can be told by that name alone, without
 * asking Docker. How such a name is written depends on the engine's cgroup driver. Pure.
 */

/** How an engine manages control groups, in the words of `docker info`. */
export interface EngineCgroups {
  /** `cgroupfs` or `systemd`. */
  readonly driver: string;
  /** `1` or `2`. */
  readonly version: string;
}

export interface CgroupName {
  /** Of all containers of a program, such as the program's name. */
  readonly root: string;
  readonly stack: string;
  /** Of the container. */
  readonly name: string;
}

/**
 * The parent cgroup of a container: a path for the driver cgroupfs, a slice for systemd. In the name of a slice, each `-`
 * is a level (systemd.slice(5)), so those in names become `_`, and the root has none.
 */
export const cgroupParent = (
  { root, stack, name }: CgroupName,
  { driver }: Pick<EngineCgroups, "driver">,
): string =>
  driver === "systemd"
    ? `${sliceRoot(root)}-${word(stack)}-${word(name)}.slice`
    : `/${root}/${stack}/${name}`;

/** Paths of the cgroups of all containers of a stack, with either driver: each starts with one of these. */
export const cgroupPrefixes = ({
  root,
  stack,
}: Pick<CgroupName, "root" | "stack">): readonly string[] => [
  `/${root}/${stack}/`,
  `/${sliceRoot(root)}.slice/${sliceRoot(root)}-${word(stack)}.slice/`,
];

/** Whether a parent cgroup is one of {@link cgroupParent} of this root. */
export function isNamedCgroup(root: string, parent: string): boolean {
  if (parent.startsWith(`/${root}/`))
    return /^[^/.][^/]*\/[^/]+$/.test(parent.slice(root.length + 2));
  const slice = `${sliceRoot(root)}-`;
  return parent.startsWith(slice) && /^[^-/]+-[^-/]+\.slice$/.test(parent.slice(slice.length));
}

const sliceRoot = (root: string): string => root.replaceAll("-", "");
const word = (name: string): string => name.replaceAll("-", "_");

/**
 * The host's cgroups on version 1, where each controller is a file system of its own. One bind mount for each: engines
 * before 25 leave what is mounted below a read-only one writable. On version 2 no mount is needed, and none may be made:
 * the host's cgroup namespace shows all of them, read-only.
 */
export const CGROUP_V1_PATHS: readonly string[] = ["blkio", "cpu", "cpuacct", "memory", "pids"].map(
  (controller) => `/sys/fs/cgroup/${controller}`,
);

export const hostCgroupPaths = ({ version }: Pick<EngineCgroups, "version">): readonly string[] =>
  version === "1" ? CGROUP_V1_PATHS : [];

/** Reads {@link EngineCgroups} from `docker info --format '{{.CgroupDriver}} {{.CgroupVersion}}'`. */
export function parseEngineCgroups(text: string): EngineCgroups {
  const [driver = "", version = ""] = text.trim().split(" ");
  return { driver, version };
}
