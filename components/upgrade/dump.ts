/** The scripts that dump the databases of a stack on its host and restore them. Pure. */
import { quote } from "../../host/shell-quote";
import { START_LIBRARY } from "../hardened/start";
import { StackContainer } from "../model";
import { functionsOf, isServer, library, nameOf, POSTGRES } from "./hooks";

export const DUMP = library("dump.sh");

export interface DumpSettings {
  /** Absolute folder on the host. Default `~/pinned-stack-backups/<stack>`. */
  readonly directory?: string | undefined;
  /** How many dumps stay, the new one among them. */
  readonly keep: number;
}

/** Shell text of the folder on the host that holds the dumps. */
const folderOf = (stack: string, { directory }: DumpSettings): string =>
  directory === undefined ? `"$HOME/pinned-stack-backups/"${quote(stack)}` : quote(directory);

/** Sets `$folder`. A user without a home, as of cron or a service, has no default. */
export const folderScript = (stack: string, backups: DumpSettings): string =>
  `${
    backups.directory === undefined
      ? `[ -n "\${HOME:-}" ] || { echo 'REFUSED: HOME is not set on the host; set pinned-stack:backups.directory; no running container was touched' >&2; exit 1; }\n`
      : ""
  }folder=${folderOf(stack, backups)}\n`;

/** Exit code of the scripts if PostgreSQL is not running. */
export const NOT_RUNNING = 3;

interface DumpArgs {
  readonly stack: string;
  /** All containers of the stack. */
  readonly containers: readonly StackContainer[];
  readonly backups: DumpSettings;
}

/** Prints `dump=<folder>`. */
export const dumpScript = (args: DumpArgs): string => `${serverScript(args)}dump_into "$server"
printf 'dump=%s\\n' "$dump"
`;

/**
 * Dumps the databases, then replaces all of them by those of dump `$dump`, a folder on the host or a name in the folder of
 * the dumps; by default the newest one. Their clients stand still meanwhile and have to work afterwards.
 *
 * @param wanted the same as shell text
 */
export function restoreScript(
  args: DumpArgs,
  dump: string | undefined,
  wanted = quote(dump ?? ""),
): string {
  const { stack, containers } = args;
  const server = containers.find(isServer);
  if (server === undefined) return `exit ${NOT_RUNNING}\n`;
  return `${serverScript(args)}${functionsOf(stack, server, containers)}
wanted=${wanted}
if [ -z "$wanted" ]; then
  wanted=$(dumps_in "$folder" | head -n 1)
fi
case $wanted in /*) ;; *) wanted=$folder/$wanted;; esac
if ! [ -s "$wanted/globals.sql" ] || ! ls "$wanted"/*.dump >/dev/null 2>&1; then
  log "REFUSED: $wanted holds no dump: expected globals.sql and files *.dump; no running container was touched"
  exit 1
fi
dump_into "$server" || { log 'REFUSED: the current databases could not be dumped; no running container was touched'; exit 1; }
before=$dump
log "the current databases are dumped to $before"
if ! CLIENTS client_stop; then
  CLIENTS client_start || :
  log 'REFUSED: a service that uses the databases could not be stopped; nothing was restored'
  exit 1
fi
restored() { restore_dump "$1" "$server" && AFTER "$server"; }
if restored "$wanted" && CLIENTS client_start; then
  log "restored $wanted"
  exit 0
fi
log "$wanted could not be restored; restoring the previous databases"
CLIENTS client_stop || :
if restored "$before" && CLIENTS client_start; then log "RETURNED: the previous databases are restored from $before"; exit 1; fi
log "NOT RETURNED: the previous databases are in $before; to restore them: npm run deploy -- --stack $stack --restore $before"
exit 1
`;
}

/**
 * Functions and settings, with the running server's id in `$server`. Waits for the scripts of an earlier deployment that may
 * still work on the databases, and keeps others away until it has ended.
 */
function serverScript({ stack, containers, backups }: DumpArgs): string {
  const server = containers.find(isServer);
  const name = quote(nameOf(stack, server ?? { name: "" }));
  return `${START_LIBRARY}${POSTGRES}${DUMP}
stack=${quote(stack)}
keep=${backups.keep}
${folderScript(stack, backups)}server=$(running_of ${name})
if [ -z "$server" ]; then echo 'PostgreSQL is not running' >&2; exit ${NOT_RUNNING}; fi
${lockDatabases(stack, containers, `"$server"`)}server=$(running_of ${name})
if [ -z "$server" ]; then echo 'PostgreSQL is not running' >&2; exit ${NOT_RUNNING}; fi
`;
}

/**
 * Takes the locks of the trial, of the database server and of its clients, as long as the shell runs.
 *
 * @param like shell text of a container's id whose image the locks may have
 */
export function lockDatabases(
  stack: string,
  containers: readonly StackContainer[],
  like: string,
): string {
  const server = containers.find(isServer);
  const users = containers.filter(
    (one) => server !== undefined && (one === server || one.dependsOn.includes(server.name)),
  );
  return `tool_image=$(docker inspect --format '{{.Image}}' ${like})
trap drop_lock EXIT
for locked in ${[`${stack}-trial`, ...users.map((one) => nameOf(stack, one))].map(quote).join(" ")}; do
  take_lock "$locked" || { log 'REFUSED: the databases could not be locked; no running container was touched'; exit 1; }
done
`;
}
