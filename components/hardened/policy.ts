/**
 * The hardening policy: one table, {@link HARDENED}, and the only way around it, an {@link Exemption} with a reason. Pure.
 * docs/hardening.md gives the source of each rule; a test compares it with this table.
 */
import { UserError } from "../../text/user-error";
export interface Controls {
  /** `uid:gid` of the process. Any user but root is within the policy. */
  readonly user: string;
  /** Capabilities added after all were dropped, in Docker's spelling: `CAP_CHOWN`. */
  readonly capabilities: readonly string[];
  readonly readOnlyRootfs: boolean;
  readonly noNewPrivileges: boolean;
  /** Whether the Docker socket of the host is mounted: that is root on the host, whatever the other controls say. */
  readonly dockerSocket: boolean;
  /** Paths of the host that are mounted, always read-only. */
  readonly hostPaths: readonly string[];
  /** Ports inside the container that are published on the host. */
  readonly publishedPorts: readonly number[];
  /** Networks that reach beyond the host (`edge`, `egress`); all others are internal. */
  readonly outsideNetworks: readonly string[];
  /** Environment variables that hold a secret, so that `docker inspect` shows it. */
  readonly environmentSecrets: readonly string[];
  readonly healthCheck: boolean;
  /** Hard limit, MiB, swap included. Above it the kernel kills the process. */
  readonly memoryMiB: number;
  /** CPU time, in cores: 0.5 is half of one. */
  readonly cpus: number;
  /** Processes and threads. */
  readonly pidsLimit: number;
  /** Open files, soft and hard (RLIMIT_NOFILE). */
  readonly openFiles: number;
}

/** The policy: what a service gets that says nothing. */
export const HARDENED: Controls = Object.freeze({
  user: "65532:65532",
  capabilities: Object.freeze([]),
  readOnlyRootfs: true,
  noNewPrivileges: true,
  dockerSocket: false,
  hostPaths: Object.freeze([]),
  publishedPorts: Object.freeze([]),
  outsideNetworks: Object.freeze([]),
  environmentSecrets: Object.freeze([]),
  healthCheck: true,
  memoryMiB: 256,
  cpus: 0.5,
  pidsLimit: 200,
  openFiles: 4096,
});

/** Resource limits. Any value within {@link BOUNDS} is within the policy, so a service sets its own without a reason. */
export type Limits = Pick<Controls, "memoryMiB" | "cpus" | "pidsLimit" | "openFiles">;

/** Controls that only an exemption changes. `user` is one of them when it is root. */
export const EXEMPTIBLE = [
  "user",
  "capabilities",
  "readOnlyRootfs",
  "noNewPrivileges",
  "dockerSocket",
  "hostPaths",
  "publishedPorts",
  "outsideNetworks",
  "environmentSecrets",
  "healthCheck",
] as const satisfies readonly (keyof Controls)[];

export type Exemptible = (typeof EXEMPTIBLE)[number];

/** One control, the value it gets instead of the policy's, and why a reader should accept that. */
export type Exemption = {
  [C in Exemptible]: { readonly control: C; readonly value: Controls[C]; readonly reason: string };
}[Exemptible];

/** Shorter reasons say nothing ("needed", "legacy"). */
const SHORTEST_REASON = 10;
/** A reason is one line of a table. */
const LONGEST_REASON = 500;

export class HardeningError extends UserError {
  override readonly name = "HardeningError";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

/**
 * The policy with a service's own user and limits, and its exemptions.
 * Throws a {@link HardeningError} that lists every problem: a reason that is too short, a control exempted twice, an
 * exemption that equals the policy, a value of the wrong shape, a limit out of bounds, root without an exemption.
 */
export function controlsWith(
  service: string,
  own: Partial<Limits> & { readonly user?: string | undefined },
  exemptions: readonly Exemption[],
): Controls {
  const problems = [
    ...limitProblems(own),
    ...userProblems(own.user),
    ...exemptionProblems(exemptions),
  ];
  if (problems.length > 0) throw new HardeningError(problems.map((line) => `${service}: ${line}`));
  const { user = HARDENED.user, memoryMiB, cpus, pidsLimit, openFiles } = own;
  const limits = Object.fromEntries(
    Object.entries({ memoryMiB, cpus, pidsLimit, openFiles }).filter(
      ([, value]) => value !== undefined,
    ),
  );
  const exempt = Object.fromEntries(exemptions.map(({ control, value }) => [control, value]));
  return { ...HARDENED, ...limits, user, ...exempt };
}

/** Least and greatest value of each limit. */
const BOUNDS: Readonly<Record<keyof Limits, readonly [number, number]>> = {
  memoryMiB: [6, 65536],
  cpus: [0.01, 64],
  pidsLimit: [1, 32768],
  openFiles: [64, 1048576],
};

const limitProblems = (limits: Partial<Limits>): string[] =>
  (Object.keys(BOUNDS) as (keyof Limits)[]).flatMap((limit) => {
    const value = limits[limit];
    const [least, most] = BOUNDS[limit];
    const isFraction = limit === "cpus";
    if (
      value === undefined ||
      ((isFraction || Number.isInteger(value)) && value >= least && value <= most)
    )
      return [];
    return `${limit}: expected a ${isFraction ? "number" : "whole number"} from ${least} to ${most}, got ${value}`;
  });

function userProblems(user: string | undefined): string[] {
  if (user === undefined) return [];
  if (!USER.test(user)) return [`user: expected numeric "uid:gid", got ${JSON.stringify(user)}`];
  return isRoot(user) ? [`user: root (${user}) takes an exemption with a reason`] : [];
}

/**
 * Whether a container's `uid:gid` is root, as user or as group. An empty one is the image's own, which may be root, so it
 * counts as root.
 */
export const isRoot = (user: string): boolean => /^0*(?::|$)|:0+$/.test(user);

const USER = /^(\d{1,10}):(\d{1,10})$/;

function exemptionProblems(exemptions: readonly Exemption[]): string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const { control, value, reason } of exemptions) {
    const at = `exemption ${control}`;
    if (seen.has(control)) problems.push(`${at}: given twice, give one with all of the value`);
    seen.add(control);
    if (!EXEMPTIBLE.includes(control)) {
      problems.push(`${at}: no such control, expected one of ${EXEMPTIBLE.join(", ")}`);
      continue;
    }
    if (typeof reason !== "string" || reason.trim().length < SHORTEST_REASON)
      problems.push(
        `${at}: expected a reason of ${SHORTEST_REASON} characters or more that a reader can judge`,
      );
    if (typeof reason === "string" && reason.length > LONGEST_REASON)
      problems.push(`${at}: expected a reason of ${LONGEST_REASON} characters or less`);
    if (typeof reason === "string" && /[\p{Cc}\p{Zl}\p{Zp}]/u.test(reason))
      problems.push(`${at}: expected a reason on one line; YAML folds longer ones after ">-"`);
    // They hide or reorder what a reader sees: https://trojansource.codes.
    if (typeof reason === "string" && /[\p{Cf}\p{Cs}]/u.test(reason))
      problems.push(`${at}: expected a reason without invisible characters`);
    const shape = shapeProblem(control, value);
    if (shape !== undefined) problems.push(`${at}: ${shape}`);
    else if (sameValue(value, HARDENED[control]))
      problems.push(`${at}: equals the default, remove it`);
  }
  return problems;
}

/** Values may come from the configuration, so their shape is checked at run time too. */
function shapeProblem(control: Exemptible, value: unknown): string | undefined {
  const json = JSON.stringify(value ?? null);
  const got = `got ${json.length > 120 ? `${json.slice(0, 117)}...` : json}`;
  switch (control) {
    case "user":
      return typeof value === "string" && USER.test(value)
        ? undefined
        : `expected "uid:gid", ${got}`;
    case "capabilities":
      return isListOf(value, (item) => typeof item === "string" && CAPABILITIES.has(item)) &&
        new Set(value).size === value.length
        ? undefined
        : `expected a list of Linux capabilities such as "CAP_CHOWN", each once, ${got}`;
    case "publishedPorts":
      return isListOf(value, isPort) ? undefined : `expected a list of port numbers, ${got}`;
    case "hostPaths":
    case "outsideNetworks":
    case "environmentSecrets":
      return isListOf(value, (item) => typeof item === "string" && item !== "")
        ? undefined
        : `expected a list of texts, ${got}`;
    default:
      return typeof value === "boolean" ? undefined : `expected true or false, ${got}`;
  }
}

const isPort = (item: unknown): boolean =>
  Number.isInteger(item) && Number(item) >= 1 && Number(item) <= 65535;

const isListOf = (value: unknown, check: (item: unknown) => boolean): value is readonly unknown[] =>
  Array.isArray(value) && value.every(check);

/** Whether two values of a control are the same. The order of a list has no meaning. */
export function sameValue(a: Controls[Exemptible], b: Controls[Exemptible]): boolean {
  const plain = (value: Controls[Exemptible]): string =>
    Array.isArray(value) ? JSON.stringify(value.map(String).sort()) : JSON.stringify(value);
  return plain(a) === plain(b);
}

/**
 * Every capability that Linux has, in Docker's spelling. The engine refuses to create a container with any other name, at a
 * moment when the old container may be gone already. Source: capabilities(7); Docker Engine has the same list since 20.10.
 */
const CAPABILITIES: ReadonlySet<string> = new Set(
  [
    ...["AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE"],
    ...["CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER"],
    ...["KILL", "LEASE", "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN"],
    ...["NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP"],
    ...["SETUID", "SYSLOG", "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE"],
    ...["SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG"],
    "WAKE_ALARM",
  ].map((name) => `CAP_${name}`),
);
