/**
 * The restrictions policy: one table, {@link HARDENED}, and the only way to leave it, an {@link Exemption} with a
 * reason. Pure. Where each rule comes from is in docs/hardening.md, which a test compares with this table.
 */
import { CAPABILITIES } from "./capabilities";

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
  /** Networks with a way out of the host; all others are internal. */
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

/** The policy. A service that says nothing gets exactly this. */
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

/** Controls that every service sets to its own measure without a reason: any limit is a limit, any user but root will do. */
export type Measures = Partial<
  Pick<Controls, "user" | "memoryMiB" | "cpus" | "pidsLimit" | "openFiles">
>;

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

/** Shorter ones say nothing ("needed", "legacy"). */
const SHORTEST_REASON = 10;
/** It is a line of a table. */
const LONGEST_REASON = 500;

export class HardeningError extends Error {
  override readonly name = "HardeningError";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

/**
 * The policy with a service's own measures and its exemptions.
 * Throws a {@link HardeningError} that lists every problem: a short reason, a control exempted twice, an exemption that
 * equals the policy, a value of the wrong shape, an unbounded limit, root without an exemption.
 */
export function controlsWith(
  service: string,
  measures: Measures,
  exemptions: readonly Exemption[],
): Controls {
  const problems = [...measureProblems(measures), ...exemptionProblems(exemptions)];
  if (problems.length > 0) throw new HardeningError(problems.map((line) => `${service}: ${line}`));
  const exempt = Object.fromEntries(exemptions.map(({ control, value }) => [control, value]));
  return { ...HARDENED, ...measures, ...exempt };
}

const LIMITS = { memoryMiB: 65536, cpus: 64, pidsLimit: 32768, openFiles: 1048576 } as const;
const LEAST = { memoryMiB: 6, cpus: 0.01, pidsLimit: 1, openFiles: 64 } as const;

function measureProblems(measures: Measures): string[] {
  const problems: string[] = [];
  for (const limit of ["memoryMiB", "cpus", "pidsLimit", "openFiles"] as const) {
    const value = measures[limit];
    if (value === undefined) continue;
    const whole = limit === "cpus" || Number.isInteger(value);
    if (!whole || !(value >= LEAST[limit] && value <= LIMITS[limit]))
      problems.push(
        `${limit}: expected ${limit === "cpus" ? "a number" : "a whole number"} from ${LEAST[limit]} to ${LIMITS[limit]}, got ${value}`,
      );
  }
  if (measures.user !== undefined) {
    const ids = USER.exec(measures.user);
    if (ids === null)
      problems.push(`user: expected numeric "uid:gid", got ${JSON.stringify(measures.user)}`);
    else if (Number(ids[1]) === 0 || Number(ids[2]) === 0)
      problems.push(`user: root (${measures.user}) takes an exemption with a reason`);
  }
  return problems;
}

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

/** Order means nothing in any of the lists. */
export function sameValue(a: Controls[Exemptible], b: Controls[Exemptible]): boolean {
  const plain = (value: Controls[Exemptible]): string =>
    Array.isArray(value) ? JSON.stringify(value.map(String).sort()) : JSON.stringify(value);
  return plain(a) === plain(b);
}

/** One service of the restrictions table: what really applies to it, and why where that is not the policy. */
export interface RestrictionRow {
  readonly service: string;
  /** The containers that the row is about; a socket proxy has one per consumer. */
  readonly containers: readonly string[];
  readonly user: string;
  readonly capDrop: readonly ["ALL"];
  readonly capAdd: readonly string[];
  readonly readOnlyRootfs: boolean;
  readonly noNewPrivileges: boolean;
  readonly pidsLimit: number;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly healthCheck: boolean;
  /** `hardened`, or `exempt:` and the reasons. */
  readonly status: string;
  readonly exemptions: readonly Exemption[];
}

export function restrictionRow(
  service: string,
  container: string,
  controls: Controls,
  exemptions: readonly Exemption[],
): RestrictionRow {
  return {
    service,
    containers: [container],
    user: controls.user,
    capDrop: ["ALL"],
    capAdd: controls.capabilities,
    readOnlyRootfs: controls.readOnlyRootfs,
    noNewPrivileges: controls.noNewPrivileges,
    pidsLimit: controls.pidsLimit,
    memoryMiB: controls.memoryMiB,
    cpus: controls.cpus,
    healthCheck: controls.healthCheck,
    status:
      exemptions.length === 0
        ? "hardened"
        : `exempt: ${exemptions.map(({ control, reason }) => `${control}: ${reason}`).join("; ")}`,
    exemptions,
  };
}
