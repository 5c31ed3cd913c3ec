/** A dump of PostgreSQL on the host, made and checked before its container is touched. Pure but for the caller's shell. */
import { StackConfig } from "../../../config/config";
import { quote } from "../../../host/shell-quote";
import { LoadedStack } from "../../model/load";
import { Refused, Run, UNTOUCHED } from "../context";
import { HostShell } from "./shell";

export interface DumpArgs {
  readonly stack: string;
  /** Absolute folder on the host. Default `~/pinned-stack-backups/<stack>`. */
  readonly directory?: string;
  /** How many dumps of the stack stay, the new one among them. */
  readonly keep: number;
  readonly now: Date;
}

/** Exit code of the script where no PostgreSQL runs that could be dumped. */
export const NOT_RUNNING = 3;

/**
 * One folder for each dump: every database in custom format and the roles as `globals.sql`, readable by nobody else. It
 * gets its name only when it is complete: pg_restore has listed it and read all of it. User and version are those of the
 * container that runs, whatever the configuration says of the next one.
 * Prints `dump=<folder>`, and `pruned=<folder>` for each old one that goes. Several stacks may share a folder; nobody else
 * may dump the same stack meanwhile.
 */
export function dumpScript({ stack, directory, keep, now }: DumpArgs): string {
  const folder =
    directory === undefined ? `"$HOME/pinned-stack-backups/"${quote(stack)}` : quote(directory);
  const partial = quote(`@${stack}`);
  const dumps = `^${stack.replaceAll(".", "\\.")}-postgres-[0-9]+-[0-9]{8}T[0-9]{6}Z$`;
  return `umask 077
container=$(docker ps -q --filter ${quote(`label=pinned-stack.stack=${stack}`)} --filter 'label=pinned-stack.container=postgres' --filter status=running | head -n 1)
if [ -z "$container" ]; then echo 'no PostgreSQL is running' >&2; exit ${NOT_RUNNING}; fi
user=$(docker inspect --format '{{.Config.User}}' "$container")
inside() { docker exec -i -u "$user" "$container" "$@"; }
version=$(inside psql -X -U postgres -At -c 'SHOW server_version_num' </dev/null)
name=${quote(`${stack}-postgres-`)}$((version / 10000))-${stamp(now)}
folder=${folder}
mkdir -p "$folder"
cd "$folder"
# Of a run that was cut off; nobody else is at it now.
rm -rf .partial-*${partial}
work=.partial-$$${partial}
mkdir "$work"
trap 'cd "$folder" && rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
inside psql -X -U postgres -At -c 'SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate' </dev/null >"$work/databases"
while read -r database; do
  inside pg_dump -U postgres -Fc -d "$database" </dev/null >"$work/$database.dump"
  inside pg_restore --list <"$work/$database.dump" >"$work/list"
  [ -s "$work/list" ]
  inside pg_restore -f /dev/null <"$work/$database.dump"
done <"$work/databases"
inside pg_dumpall -U postgres --globals-only </dev/null >"$work/globals.sql"
grep -q 'CREATE ROLE' "$work/globals.sql"
[ -s "$work/databases" ]
rm -f "$work/list" "$work/databases"
sync
mv "$work" "$name"
trap - EXIT
printf 'dump=%s/%s\\n' "$PWD" "$name"
# By their time, whatever the version; the new one stays even where a clock is wrong.
ls | grep -E ${quote(dumps)} | grep -vxF "$name" | sed 's/.*-\\([^-]*\\)$/\\1 &/' | sort -r | tail -n +${keep} | while read -r time old; do
  rm -rf "./$old"
  printf 'pruned=%s/%s\\n' "$PWD" "$old"
done
`;
}

/** `20260102T030405Z`: sorts as the time does. */
const stamp = (now: Date): string => now.toISOString().replace(/[-:]|\.\d+/g, "");

/** The folder that the script made. */
export const dumpFolder = (stdout: string): string | undefined => /^dump=(.+)$/m.exec(stdout)?.[1];

const DUMP_MS = 60 * 60_000;

/** How a dump ended; `nothing`: no PostgreSQL runs. */
export type Dumped = { readonly folder: string } | { readonly problem: string } | "nothing";

/** Dumps the PostgreSQL that runs. Only under the stack's lock: it removes what an earlier one left unfinished. */
export async function dump(
  shell: HostShell,
  { stack, backups }: Pick<StackConfig, "stack" | "backups">,
  signal: AbortSignal,
): Promise<Dumped> {
  const { keep, directory } = backups;
  const script = dumpScript({
    stack,
    ...(directory !== undefined && { directory }),
    keep,
    now: new Date(),
  });
  const { code, stdout, stderr } = await shell(script, { signal, timeoutMs: DUMP_MS });
  if (code === NOT_RUNNING) return "nothing";
  const folder = dumpFolder(stdout);
  return code === 0 && folder !== undefined ? { folder } : { problem: stderr.trim() };
}

export async function dumpDatabases(run: Run, { config }: LoadedStack): Promise<void> {
  const { shell, signal, reporter } = run;
  reporter.stage("database dump");
  const dumped = await dump(shell, config, signal);
  if (dumped === "nothing")
    reporter.log("no PostgreSQL is running, so there is nothing to dump from; its volume stays");
  else if ("folder" in dumped) reporter.log(`the databases are in ${dumped.folder} on the host`);
  else
    throw new Refused(
      `the databases could not be dumped: ${dumped.problem}\n${UNTOUCHED}; to replace PostgreSQL without a dump, add --without-dump`,
    );
}
