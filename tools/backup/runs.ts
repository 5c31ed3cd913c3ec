/** What a repository holds, as restic lists it: the backups of a stack by their time. Pure. */
import { z } from "zod";

import { columns, CommandError } from "../cli/command";
import { Part } from "../../components/upgrade/backup";
import { Refused } from "../deploy/context";

/** Everything that was saved at one time. */
export interface BackupRun {
  /** `20261127T033000Z` */
  readonly time: string;
  readonly parts: readonly (Part & { readonly bytes: number | undefined })[];
}

export interface Repository {
  /** The newest one first. */
  readonly runs: readonly BackupRun[];
  /** Other stacks with backups in the repository. */
  readonly otherStacks: readonly string[];
}

const snapshots = z.array(
  z.object({
    time: z.string(),
    hostname: z.string(),
    id: z.string().regex(/^[0-9a-f]{64}$/),
    paths: z.array(z.string()),
    tags: z.array(z.string()).optional(),
    summary: z.object({ total_bytes_processed: z.number().optional() }).optional(),
  }),
);

const NAME = /^[a-z][a-z0-9-]{0,80}$/;
/** Of a stack: what Pulumi allows. */
const STACK = /^[\w.-]{1,100}$/;
const PATH = /^\/[\w./-]{1,300}$/;

/** Reads what `restic snapshots --json` prints. Snapshots that the program did not make are left out. */
export function readRepository(stack: string, json: string): Repository {
  let listed: z.output<typeof snapshots>;
  try {
    listed = snapshots.parse(JSON.parse(json));
  } catch {
    throw new Refused("restic's list of backups cannot be read; use restic 0.17 or newer");
  }
  const runs = new Map<string, BackupRun["parts"]>();
  for (const { hostname, time, id, paths, tags, summary } of listed) {
    const [name, path] = [tags?.[0] ?? "", paths[0] ?? ""];
    if (hostname !== stack || !NAME.test(name) || !PATH.test(path)) continue;
    const key = timeKey(time);
    if (key === undefined) continue;
    const part = { name, id, path, bytes: summary?.total_bytes_processed };
    runs.set(key, [...(runs.get(key) ?? []).filter((one) => one.name !== name), part]);
  }
  return {
    runs: [...runs]
      .map(([time, parts]) => ({ time, parts }))
      .sort((a, b) => (a.time < b.time ? 1 : -1)),
    otherStacks: [...new Set(listed.map(({ hostname }) => hostname))]
      .filter((name) => name !== stack && STACK.test(name))
      .sort(),
  };
}

/** `2026-11-27T03:30:00Z` as `20261127T033000Z`. */
function timeKey(text: string): string | undefined {
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : timeText(new Date(at));
}

export const timeText = (at: Date): string =>
  at
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replace(/[-:]/g, "");

/** The time of a {@link BackupRun}, ms since the epoch. */
export const timeOf = (text: string): number =>
  Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));

export interface Chosen extends Part {
  readonly time: string;
  readonly bytes: number | undefined;
}

/**
 * The backups to restore or prove: those of one time, or the newest one of each name. Throws a {@link Refused} for a time or a
 * name without any.
 *
 * @param names what the stack has
 */
export function chooseParts(
  { runs, otherStacks }: Repository,
  stack: string,
  names: readonly string[],
  { time, service }: { readonly time?: string | undefined; readonly service?: string | undefined },
): Chosen[] {
  if (service !== undefined && !names.includes(service))
    throw new Refused(
      `--service ${service}: stack ${stack} saves nothing of this name; expected one of ${names.join(", ")}`,
    );
  const others =
    otherStacks.length === 0
      ? ""
      : `; the repository has backups of ${otherStacks.join(", ")}: give that name with --stack`;
  if (runs.length === 0)
    throw new Refused(
      `the repository has no backup of stack ${stack}${others === "" ? `; make one: npm run backup -- --stack ${stack} --now` : others}`,
    );
  const among = time === undefined ? runs : runs.filter((run) => run.time === time);
  if (among.length === 0)
    throw new Refused(
      `stack ${stack} has no backup of ${time ?? ""}; "npm run backup -- --stack ${stack} --list" shows them${others}`,
    );
  const wanted = service === undefined ? names : [service];
  const chosen = wanted.flatMap((name) => {
    const run = among.find(({ parts }) => parts.some((part) => part.name === name));
    const part = run?.parts.find((one) => one.name === name);
    return run === undefined || part === undefined ? [] : [{ ...part, time: run.time }];
  });
  if (chosen.length === 0)
    throw new Refused(
      `${time === undefined ? "no backup" : `the backup of ${time}`} has ${service ?? "anything that the stack has"}; "npm run backup -- --stack ${stack} --list" shows what each has`,
    );
  return chosen;
}

/** One line for each run. */
export const listText = ({ runs }: Repository): string =>
  columns([
    ["BACKUP", "WHAT"],
    ...runs.map(({ time, parts }) => [
      time,
      [...parts]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map(({ name, bytes }) => `${name}${bytes === undefined ? "" : ` (${sizeText(bytes)})`}`)
        .join(", "),
    ]),
  ]);

export function sizeText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(
    bytes < 1 ? 0 : Math.floor(Math.log(bytes) / Math.log(1024)),
    units.length - 1,
  );
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${units[power] ?? ""}`;
}

/** The one argument of a command, a backup's time. Throws a {@link CommandError}. */
export function checkedTime(atMost: number, given: readonly string[]): string | undefined {
  const [time, ...more] = given;
  if (time === undefined) return undefined;
  if (atMost === 0 || more.length > 0 || !/^\d{8}T\d{6}Z$/.test(time))
    throw new CommandError(
      `expected ${atMost === 0 ? "only options" : "at most one backup, such as 20261127T033000Z"}, got ${JSON.stringify(given.join(" "))}`,
    );
  return time;
}
