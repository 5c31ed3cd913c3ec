/** What the import of a Compose file makes: entries for the stack file, and what is said about each service. Data. Pure. */
import { Exemptible } from "../../components/hardened/policy";

/** An entry below `services` of the stack file, with Compose's names of keys, in the order in which it is written. */
export interface Entry {
  enabled?: false;
  user?: string;
  port?: number;
  host?: string;
  aliases?: string[];
  path?: string;
  admin?: true;
  login?: string | { readonly service: string; readonly path: string };
  entrypoint?: readonly string[];
  command?: readonly string[];
  working_dir?: string;
  environment?: Record<string, string>;
  secrets?: (string | { readonly source: string; readonly target: string })[];
  configs?: { readonly target: string; readonly content: string }[];
  volumes?: string[];
  tmpfs?: string[];
  devices?: string[];
  healthcheck?: "image" | { readonly test: readonly string[]; readonly start_period?: string };
  depends_on?: string[];
  links?: string[];
  reads?: readonly string[];
  ports?: string[];
  memoryMiB?: number;
  cpus?: number;
  pidsLimit?: number;
  stop_grace_period?: string;
  shm_size?: string;
  ulimits?: { readonly nofile: number };
  group_add?: string[];
  init?: true;
  exemptions?: { readonly control: Exemptible; readonly value: unknown; readonly reason: string }[];
  backup?: { readonly stop: true };
}

/** The order of the keys of an entry. */
export const ENTRY_KEYS = [
  ...["enabled", "user", "port", "host", "aliases", "path", "admin", "login"],
  ...["entrypoint", "command", "working_dir", "environment", "secrets", "configs"],
  ...["volumes", "tmpfs", "devices", "healthcheck", "depends_on", "links", "reads", "ports"],
  ...["memoryMiB", "cpus", "pidsLimit", "stop_grace_period", "shm_size", "ulimits"],
  ...["group_add", "init", "exemptions", "backup"],
] as readonly (keyof Entry)[];

/**
 * - `tightened`: it may do less than with Compose, without anything to fill in.
 * - `changed`: it is said differently here.
 * - `reason`: an exemption, whose reason is to be filled in.
 * - `question`: the Compose file does not say it, and somebody must.
 * - `refused`: there is no entry; `instead` says what to do.
 */
export type FindingKind = "tightened" | "changed" | "reason" | "question" | "refused";

export interface Finding {
  readonly kind: FindingKind;
  /** What the Compose file says, or what is missing. */
  readonly what: string;
  /** What becomes of it, or what to do. */
  readonly instead: string;
}
