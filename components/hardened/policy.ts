/**
 * The hardening policy: one table, {@link HARDENED}, and the only way to deviate from it, an {@link Exemption} with a
 * reason. Pure. docs/hardening.md names the source of each rule; a test compares it with this table.
 */
import { UserError } from "../../text/user-error";

export interface Controls {
  /** `uid:gid` of the process. Any user except root complies with the policy. */
  readonly user: string;
  /** Capabilities added after dropping all, in Docker's spelling: `CAP_CHOWN`. */
  readonly capabilities: readonly string[];
  readonly readOnlyRootfs: boolean;
  readonly noNewPrivileges: boolean;
  /** Whether the Docker socket is mounted, which gives root access to the host regardless of all other controls. */
  readonly dockerSocket: boolean;
  /** Bind-mounted host paths, always read-only. */
  readonly hostPaths: readonly string[];
  /** Whether it sees the control groups of the whole host, read-only: the use of memory, CPU and disk by everything on it. */
  readonly hostCgroups: boolean;
  /** Container ports that are published on the host. */
  readonly publishedPorts: readonly number[];
  /** Networks that are not internal (`edge`, `egress`), so that the container can reach other hosts. */
  readonly outsideNetworks: readonly string[];
  /** Environment variables with secrets, which `docker inspect` shows. */
  readonly environmentSecrets: readonly string[];
  readonly healthCheck: boolean;
  /** Hard limit in MiB, including swap. Above it, the kernel kills the process. */
  readonly memoryMiB: number;
  /** CPU limit in cores: 0.5 is half a core. */
  readonly cpus: number;
  /** Maximum number of processes and threads. */
  readonly pidsLimit: number;
  /** Maximum number of open files, soft and hard limit (RLIMIT_NOFILE). */
  readonly openFiles: number;
}

/** The policy: the controls of a service that sets nothing itself. */
export const HARDENED: Controls = Object.freeze({
  user: "65532:65532",
  capabilities: Object.freeze([]),
  readOnlyRootfs: true,
  noNewPrivileges: true,
  dockerSocket: false,
  hostPaths: Object.freeze([]),
  hostCgroups: false,
  publishedPorts: Object.freeze([]),
  outsideNetworks: Object.freeze([]),
  environmentSecrets: Object.freeze([]),
  healthCheck: true,
  memoryMiB: 256,
  cpus: 0.5,
  pidsLimit: 200,
  openFiles: 4096,
});

/** Resource limits. Every value within {@link LIMIT_BOUNDS} complies with the policy and needs no exemption. */
export type Limits = Pick<Controls, "memoryMiB" | "cpus" | "pidsLimit" | "openFiles">;

/** Controls that require an exemption to change. For `user`, only root does. */
export const EXEMPTIBLE = [
  "user",
  "capabilities",
  "readOnlyRootfs",
  "noNewPrivileges",
  "dockerSocket",
  "hostPaths",
  "hostCgroups",
  "publishedPorts",
  "outsideNetworks",
  "environmentSecrets",
  "healthCheck",
] as const satisfies readonly (keyof Controls)[];

export type Exemptible = (typeof EXEMPTIBLE)[number];

/** A deviation from the policy: the control, its value, and the reason. */
export type Exemption = {
  [C in Exemptible]: { readonly control: C; readonly value: Controls[C]; readonly reason: string };
}[Exemptible];

/** Rejects reasons that explain nothing, such as "needed" or "legacy". */
const SHORTEST_REASON = 10;
/** Reports show a reason on one line of a table. */
const LONGEST_REASON = 500;

export class HardeningError extends UserError {
  override readonly name = "HardeningError";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

/**
 * The policy with a service's own user, limits and exemptions.
 * Throws a {@link HardeningError} that lists every problem: an unsuitable reason, a control exempted twice, an exemption
 * that equals the policy, a value of the wrong type, a limit out of bounds, root without an exemption.
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

/** Minimum and maximum of each limit, inclusive. */
export const LIMIT_BOUNDS: Readonly<Record<keyof Limits, readonly [number, number]>> = {
  memoryMiB: [6, 65536],
  cpus: [0.01, 64],
  pidsLimit: [1, 32768],
  openFiles: [64, 1048576],
};

const limitProblems = (limits: Partial<Limits>): string[] =>
  (Object.keys(LIMIT_BOUNDS) as (keyof Limits)[]).flatMap((limit) => {
    const value = limits[limit];
    const [min, max] = LIMIT_BOUNDS[limit];
    const isFraction = limit === "cpus";
    if (
      value === undefined ||
      ((isFraction || Number.isInteger(value)) && value >= min && value <= max)
    )
      return [];
    return `${limit}: expected a ${isFraction ? "number" : "whole number"} from ${min} to ${max}, got ${value}`;
  });

function userProblems(user: string | undefined): string[] {
  if (user === undefined) return [];
  if (!USER.test(user)) return [`user: expected numeric "uid:gid", got ${JSON.stringify(user)}`];
  return isRoot(user) ? [`user: root (${user}) requires an exemption with a reason`] : [];
}

/**
 * Whether the user or the group in `uid:gid` is root. An empty text means the user of the image. That may be root, so it
 * counts as root.
 */
export const isRoot = (user: string): boolean => /^0*(?::|$)|:0+$/.test(user);

const USER = /^(\d{1,10}):(\d{1,10})$/;

function exemptionProblems(exemptions: readonly Exemption[]): string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const { control, value, reason } of exemptions) {
    const at = `exemption ${control}`;
    if (seen.has(control)) problems.push(`${at}: given twice; merge them into one`);
    seen.add(control);
    if (!EXEMPTIBLE.includes(control)) {
      problems.push(`${at}: unknown control, expected one of ${EXEMPTIBLE.join(", ")}`);
      continue;
    }
    // A reason from the configuration may be of any type.
    const text = typeof reason === "string" ? reason : "";
    if (text.trim().length < SHORTEST_REASON)
      problems.push(
        `${at}: expected a reason of at least ${SHORTEST_REASON} characters that explains the exemption`,
      );
    if (text.length > LONGEST_REASON)
      problems.push(`${at}: expected a reason of at most ${LONGEST_REASON} characters`);
    if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text))
      problems.push(`${at}: expected a reason on one line; for long ones, use ">-" in YAML`);
    // Invisible characters can hide or reorder text: https://trojansource.codes.
    if (/[\p{Cf}\p{Cs}]/u.test(text))
      problems.push(`${at}: expected a reason without invisible characters`);
    const shape = shapeProblem(control, value);
    if (shape !== undefined) problems.push(`${at}: ${shape}`);
    else if (sameValue(value, HARDENED[control]))
      problems.push(`${at}: equals the policy; remove it`);
  }
  return problems;
}

/** Values may come from the configuration, so their types are checked at run time. */
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
        : `expected a list of Linux capabilities such as "CAP_CHOWN" without duplicates, ${got}`;
    case "publishedPorts":
      return isListOf(value, isPort) ? undefined : `expected a list of port numbers, ${got}`;
    case "hostPaths":
    case "outsideNetworks":
    case "environmentSecrets":
      return isListOf(value, (item) => typeof item === "string" && item !== "")
        ? undefined
        : `expected a list of strings, ${got}`;
    default:
      return typeof value === "boolean" ? undefined : `expected true or false, ${got}`;
  }
}

const isPort = (item: unknown): boolean =>
  Number.isInteger(item) && Number(item) >= 1 && Number(item) <= 65535;

const isListOf = (value: unknown, check: (item: unknown) => boolean): value is readonly unknown[] =>
  Array.isArray(value) && value.every(check);

/** Whether two values of a control are equal. The order of a list does not matter. */
export function sameValue(a: Controls[Exemptible], b: Controls[Exemptible]): boolean {
  const plain = (value: Controls[Exemptible]): string =>
    Array.isArray(value) ? JSON.stringify(value.map(String).sort()) : JSON.stringify(value);
  return plain(a) === plain(b);
}

/**
 * All Linux capabilities in Docker's spelling. The engine rejects other names only when it creates the container, and by
 * then the old container may be gone. Source: capabilities(7). Docker Engine has the same list since 20.10.
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
