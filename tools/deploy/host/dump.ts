/** Dumps PostgreSQL on the host and verifies the dump, before its container is replaced. */
import { StackConfig } from "../../../config/config";
import { quote } from "../../../host/shell-quote";
import { LoadedStack } from "../../model/load";
import { NOTHING_CHANGED, Refused, Run } from "../context";
import { HostShell } from "../../../host/shell";

export interface DumpArgs {
  readonly stack: string;
  /** Absolute folder on the host. Default `~/pinned-stack-backups/<stack>`. */
  readonly directory?: string;
  /** Number of dumps of the stack to keep, including the new one. */
  readonly keep: number;
  readonly now: Date;
}

/** Exit code of the script if PostgreSQL is not running. */
export const NOT_RUNNING = 3;

/**
 * Writes each database in custom format, and the roles as `globals.sql`, to a folder that only the user can read. The folder
 * gets its final name after pg_restore has read every dump in full. User and version are those of the running container.
 * Prints `dump=<folder>`, and `pruned=<folder>` for each old dump that it removes. Several stacks may share a directory.
 * Needs the stack's lock, because it removes unfinished dumps.
 */
export function dumpScript({ stack, directory, keep, now }: DumpArgs): string {
  const folder =
    directory === undefined ? `"$HOME/pinned-stack-backups/"${quote(stack)}` : quote(directory);
  const partial = quote(`@${stack}`);
  const dumps = `^${stack.replaceAll(".", "\\.")}-postgres-[0-9]+-[0-9]{8}T[0-9]{6}Z$`;
  return `umask 077
container=$(docker ps -q --filter ${quote(`label=pinned-stack.stack=${stack}`)} --filter 'label=pinned-stack.container=postgres' --filter status=running | head -n 1)
if [ -z "$container" ]; then echo 'PostgreSQL is not running' >&2; exit ${NOT_RUNNING}; fi
user=$(docker inspect --format '{{.Config.User}}' "$container")
inside() { docker exec -i -u "$user" "$container" "$@"; }
version=$(inside psql -X -U postgres -At -c 'SHOW server_version_num' </dev/null)
name=${quote(`${stack}-postgres-`)}$((version / 10000))-${stamp(now)}
folder=${folder}
mkdir -p "$folder"
cd "$folder"
# Left by an interrupted run.
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
# By time, regardless of the version. Keeps the new dump even if the clock is wrong.
ls | grep -E ${quote(dumps)} | grep -vxF "$name" | sed 's/.*-\\([^-]*\\)$/\\1 &/' | sort -r | tail -n +${keep} | while read -r time old; do
  rm -rf "./$old"
  printf 'pruned=%s/%s\\n' "$PWD" "$old"
done
`;
}

/** `20260102T030405Z` */
const stamp = (now: Date): string => now.toISOString().replace(/[-:]|\.\d+/g, "");

/** The folder of the new dump. */
export const dumpFolder = (stdout: string): string | undefined => /^dump=(.+)$/m.exec(stdout)?.[1];

/** Time limit, ms. */
const DUMP_MS = 60 * 60_000;

type DumpResult = { readonly folder: string } | { readonly problem: string } | "not running";

/** Needs the stack's lock. */
export async function dump(
  shell: HostShell,
  { stack, backups }: Pick<StackConfig, "stack" | "backups">,
  signal: AbortSignal,
): Promise<DumpResult> {
  const { keep, directory } = backups;
  const script = dumpScript({
    stack,
    ...(directory !== undefined && { directory }),
    keep,
    now: new Date(),
  });
  const { code, stdout, stderr } = await shell(script, { signal, timeoutMs: DUMP_MS });
  if (code === NOT_RUNNING) return "not running";
  const folder = dumpFolder(stdout);
  return code === 0 && folder !== undefined ? { folder } : { problem: stderr.trim() };
}

export async function dumpDatabases(run: Run, { config }: LoadedStack): Promise<void> {
  const { shell, signal, reporter } = run;
  reporter.stage("database dump");
  const result = await dump(shell, config, signal);
  if (result === "not running")
    reporter.log("no dump, because PostgreSQL is not running; its data volume stays");
  else if ("folder" in result) reporter.log(`the dump is in ${result.folder} on the host`);
  else
    throw new Refused(
      `cannot dump the databases: ${result.problem}\n${NOTHING_CHANGED}; to replace PostgreSQL without a dump, add --without-dump`,
    );
}
