/** The script that tries new containers on copies of the data, before any running container is touched. Pure. */
import { quote } from "../../host/shell-quote";
import { FilesMount } from "../hardened/model";
import { replaceFilesScript } from "../hardened/replace-files";
import { START_LIBRARY } from "../hardened/start";
import { StackContainer } from "../model";
import { createScript } from "./create";
import { DUMP, DumpSettings, folderScript } from "./dump";
import {
  dataOf,
  functionsWith,
  isServer,
  library,
  nameOf,
  needsDump,
  POSTGRES,
  serverHooks,
  triedContainers,
} from "./hooks";

const TRIAL = library("trial.sh");

/** Name of the command that runs the trial. */
export const trialName = (stack: string): string => `${stack}-trial`;

export interface TrialArgs {
  readonly stack: string;
  /** All containers of the stack. */
  readonly containers: readonly StackContainer[];
  /** False: the databases are dumped, and nothing is tried. */
  readonly tried: boolean;
  /** Time limit, minutes. */
  readonly atMost: number;
  readonly backups: DumpSettings;
  /** Whether a database server may go on with its data from before an upgrade. */
  readonly olderData: boolean;
  /** Shell functions that replace those of trial.sh. Default: none. */
  readonly instead?: string;
}

/**
 * Dumps, copies and tries: every container of {@link triedContainers} that is to replace a running one. The shell knows
 * the id of container number `i` of them as `$id_<i>`. Exit code 0: all of them work, or nothing is to be tried. Else nothing
 * was touched, and stderr says why.
 */
export function trialScript(args: TrialArgs): string {
  const { stack, containers, atMost, backups, olderData } = args;
  const tried = triedContainers(containers);
  const server = tried.find(isServer);
  const s = server === undefined ? -1 : tried.indexOf(server);
  const each = (script: (container: StackContainer, index: number) => string): string =>
    tried.map(script).join("");
  const toolImage = server?.image ?? tried[0]?.toolImage ?? "";
  const needsServer = tried.flatMap((container, i) =>
    needsDump(container) ? [`"$old_${i}"`] : [],
  );
  return `stack=${quote(stack)}
at_most=${args.tried ? atMost : 0}
keep=${backups.keep}
${folderScript(stack, backups)}older_data=${olderData ? "accept" : "refuse"}
without_trial=${quote(`deploy without the trial: npm run deploy -- --stack ${stack} --without-trial`)}
forget_old_data=${quote(`remove it: npm run deploy -- --stack ${stack} --forget-old-data`)}
tool_image=${quote(toolImage)}
alias=trial
has_health=no
seconds=30
${START_LIBRARY}${POSTGRES}${DUMP}${TRIAL}${args.instead ?? ""}
files=$(mktemp -d)
trap ended EXIT
locks=$(ask ps -a --filter label=hardened.role=lock --format '{{.Names}}') || unanswered
${each((container) => `wait_for_earlier ${quote(nameOf(stack, container))}\n`)}begin
${
  // Else the data of a return that nobody has completed would go back now, with all that was written since.
  olderData
    ? ""
    : each(
        (container) =>
          `docker volume rm ${quote(`${nameOf(stack, container)}-return`)} >/dev/null 2>&1 || :\n`,
      )
}${each(
    (container, i) => `old_${i}=$(running_before ${quote(nameOf(stack, container))} "$id_${i}")
`,
  )}server=
${
  server === undefined
    ? ""
    : `server=$old_${s}
if [ -z "$server" ] && is_running "$id_${s}"; then server=$id_${s}; fi
echo "$server" >"$files/server"
check_data "$old_${s}" "$id_${s}" ${server.upgrade?.serves?.version ?? 0} ${quote(server.controls.user)}
`
}if [ -z "${tried.map((_, i) => `$old_${i}`).join("")}" ]; then exit 0; fi
databases=no
if [ -n "$server" ] && [ -n ${needsServer.length === 0 ? `""` : needsServer.join("")} ]; then databases=yes; fi
${args.tried ? trial() : `if [ $databases = yes ]; then ${DUMPED}; fi\n`}`;

  function trial(): string {
    return `${each(needScript)}if [ $databases = yes ]; then
  need_memory=$((need_memory + 200))
  size=$(measured "$(psql_in "$server" -c 'SELECT sum(pg_database_size(oid)) / 1048576 * 5 / 2 + 64 FROM pg_database' </dev/null | sed 's/\\..*//')") || refuse 'the size of the databases could not be measured'
  need_disk=$((need_disk + size))
  some_volume=$(data_volume_of "$server")
fi
check_room
docker network create --internal --opt com.docker.network.bridge.inhibit_ipv4=true $trial_labels "$run" >/dev/null
trial_server=
${server === undefined ? "" : serverTrial(stack, server, s)}
${each((container, i) => (isServer(container) ? "" : serviceTrial(stack, container, i)))}`;
  }
}

/** Sets `$dump`. */
const DUMPED = `dump_into "$server" || refuse 'the databases could not be dumped'`;

const needScript = ({ mounts, upgrade }: StackContainer, i: number): string =>
  upgrade?.untried !== undefined
    ? ""
    : `if [ -n "$old_${i}" ]; then
used=$(measured "$(memory_of "$old_${i}")") || refuse 'the memory of the running containers could not be measured'
need_memory=$((need_memory + used * 3 / 2 + 64))
${
  upgrade?.serves === undefined
    ? dataOf({ mounts })
        .map(({ path }) => `needs_copy_of "$(volume_at "$old_${i}" ${quote(path)})"\n`)
        .join("")
    : ""
}fi
`;

/** The new files, which the running container must not have before the trial has succeeded. */
const liveFiles = (container: StackContainer, i: number) =>
  container.mounts
    .filter((mount) => mount.kind === "files" && mount.live === true)
    .map((mount, index) => ({ ...(mount as FilesMount), volume: `$run-files-${i}-${index}` }));

const liveScript = (container: StackContainer, i: number): string =>
  liveFiles(container, i)
    .map(
      ({ volume, files }) =>
        `docker volume create $trial_labels "${volume}" >/dev/null\n${replaceFilesScript(`"${volume}"`, container.toolImage, files)}`,
    )
    .join("");

const createOptions = (
  i: number,
  container: StackContainer,
  data: Readonly<Record<string, string>>,
) => ({
  before: `$trial_labels --name "$run-${i}" --network "$run" --network-alias ${quote(container.name)}`,
  data,
  live: Object.fromEntries(liveFiles(container, i).map(({ path, volume }) => [path, volume])),
  like: `id_${i}`,
  errors: `"$files/said"`,
});

function serverTrial(stack: string, server: StackContainer, i: number): string {
  const [data] = dataOf(server);
  const volume = `$run-data-${i}`;
  return `if [ $databases = yes ]; then
${DUMPED}
${functionsWith(stack, server, serverHooks(server))}
docker volume create $trial_labels "${volume}" >/dev/null
${liveScript(server, i)}trial_server=$(${createScript(server, createOptions(i, server, { [data?.path ?? ""]: volume }))}) || not_created
if [ -n "$older_volume" ]; then
  copy_volume "$older_volume" / "${volume}" / || refuse 'the older data could not be copied'
fi
docker start "$trial_server" >/dev/null || not_created
ready "$trial_server" "$seconds" || broken "$alias" "$trial_server"
if [ -n "$older_volume" ]; then
  counts_of "$trial_server" >"$files/after" || refuse 'the rows of the older data could not be counted'
  compare_counts "$dump/counts" "$files/after" || log "postgres: the row counts above have changed since then; data written since then stays in $(data_volume_of "$server")"
else restore_trial "$trial_server"
fi
AFTER "$trial_server" || refuse "the passwords could not be set in the new PostgreSQL"
fi
`;
}

function serviceTrial(stack: string, container: StackContainer, i: number): string {
  const { database, quiet, check, untried } = container.upgrade ?? {};
  if (untried !== undefined)
    return `if [ -n "$old_${i}" ]; then log ${quote(`${container.name}: not tried: it ${untried}`)}; fi\n`;
  const data = Object.fromEntries(
    dataOf(container).map(({ path }, index) => [path, `$run-data-${i}-${index}`]),
  );
  const create = (command?: readonly string[]): string =>
    createScript(container, {
      ...createOptions(i, container, data),
      ...(command && { command }),
    });
  return `if [ -n "$old_${i}" ]; then
${functionsWith(stack, container)}
${
  database === undefined
    ? ""
    : `if [ -z "$trial_server" ]; then log "$alias: not tried, because no database server runs"; else
`
}${dataOf(container)
    .map(
      ({ path, copy }) =>
        `copy_of "$old_${i}" ${quote(path)} "${data[path] ?? ""}" ${copy === "paused" ? "paused" : "live"}\n`,
    )
    .join("")}${
    database === undefined || quiet === undefined
      ? ""
      : `psql_in "$trial_server" -d ${quote(database)} >/dev/null <<'SQL' || refuse "$alias: its jobs could not be disabled in the copy"
${quiet}
SQL
`
  }${liveScript(container, i)}log "$alias: starting $(docker inspect --format '{{.Config.Image}}' "$id_${i}" | sed 's/@.*//') on a copy of its data"
trial=$(${create()}) || not_created
docker start "$trial" >/dev/null || not_created
works "$trial" || broken "$alias" "$trial"
${
  check === undefined || database === undefined
    ? ""
    : `if [ "$(psql_in "$trial_server" -d ${quote(database)} -c ${quote(check.when)} </dev/null)" -gt 0 ]; then
  docker rm -f -v "$trial" >/dev/null
  trial=$(${create(check.command)}) || not_created
  why=${quote(check.fails)}
  docker start "$trial" >/dev/null
  [ "$(docker wait "$trial")" = 0 ] || broken "$alias" "$trial"
fi
`
}docker rm -f -v "$trial" >/dev/null
log "$alias: works on a copy of its data"
${database === undefined ? "" : "fi\n"}fi
`;
}
