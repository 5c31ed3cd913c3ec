/** A dump of PostgreSQL on the host, made and checked before its container is touched. Pure but for the caller's shell. */
import { quote } from "./host-shell";

export interface DumpArgs {
  readonly stack: string;
  /** Major version, part of the dump's name. */
  readonly major: number;
  /** `uid:gid` of the server in its container. */
  readonly user: string;
  /** Absolute folder on the host. Default `~/pinned-stack-backups/<stack>`. */
  readonly directory?: string;
  /** How many dumps stay. */
  readonly keep: number;
  readonly now: Date;
}

/** Exit code of the script where no PostgreSQL runs that could be dumped. */
export const NOT_RUNNING = 3;

/**
 * One folder for each dump: every database in custom format and the roles as `globals.sql`, readable by nobody else. It
 * gets its name only when it is complete: pg_restore has listed it and read all of it.
 * Prints `dump=<folder>`, and `pruned=<folder>` for each old one that goes.
 */
export function dumpScript({ stack, major, user, directory, keep, now }: DumpArgs): string {
  const name = `${stack}-postgres-${major}-${stamp(now)}`;
  const folder =
    directory === undefined ? `"$HOME/pinned-stack-backups/"${quote(stack)}` : quote(directory);
  const pattern = `${stack}-postgres-*-[0-9]*T[0-9]*Z`;
  return `umask 077
container=$(docker ps -q --filter ${quote(`label=pinned-stack.stack=${stack}`)} --filter 'label=pinned-stack.container=postgres' | head -n 1)
if [ -z "$container" ]; then echo 'no PostgreSQL is running' >&2; exit ${NOT_RUNNING}; fi
inside() { docker exec -i -u ${quote(user)} "$container" "$@"; }
folder=${folder}
mkdir -p "$folder"
cd "$folder"
rm -rf .partial-*
work=.partial-$$
mkdir "$work"
trap 'cd "$folder" && rm -rf "$work"' EXIT
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
mv "$work" ${quote(name)}
trap - EXIT
printf 'dump=%s/%s\\n' "$PWD" ${quote(name)}
ls -d ${pattern} | sort -r | tail -n +${keep + 1} | while read -r old; do
  rm -rf "./$old"
  printf 'pruned=%s/%s\\n' "$PWD" "$old"
done
`;
}

/** `20260102T030405Z`: sorts as the time does. */
const stamp = (now: Date): string => now.toISOString().replace(/[-:]|\.\d+/g, "");

/** The folder that the script made. */
export const dumpFolder = (stdout: string): string | undefined => /^dump=(.+)$/m.exec(stdout)?.[1];
