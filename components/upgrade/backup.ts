/** The scripts on the host that save the data of a stack to its repository, prove a backup, and restore one. Pure. */
import { quote } from "../../host/shell-quote";
import { DataMount } from "../hardened/model";
import { START_LIBRARY } from "../hardened/start";
import { StackContainer } from "../model";
import { DATABASES, DUMPS, Saving, savingOf } from "../services/backup/saved";
import { DumpSettings, folderScript, NOT_RUNNING, restoreScript } from "./dump";
import { dataOf, functionsOf, isServer, library, nameOf, triedContainers } from "./hooks";
import { trialScript } from "./trial";

const BACKUP = library("backup.sh");

export interface BackupArgs {
  readonly stack: string;
  /** All containers of the stack. */
  readonly containers: readonly StackContainer[];
  readonly backups: DumpSettings;
}

/** A container with data that is saved: its own volumes. */
interface Saved {
  readonly container: StackContainer;
  readonly saving: Saving;
  readonly volumes: readonly string[];
}

/** The containers whose volumes are saved, those with the databases left out. */
export const savedContainers = (containers: readonly StackContainer[]): Saved[] =>
  containers.flatMap((container) => {
    const own = ownData(container, containers);
    const [saving] = own.map(({ copy }) => savingOf(container, copy));
    return saving === undefined || saving === "dump" || container.name === "backup"
      ? []
      : [{ container, saving, volumes: own.map(({ volume }) => volume) }];
  });

/** The data volumes that no other container owns. */
const ownData = (
  container: StackContainer,
  containers: readonly StackContainer[],
): readonly DataMount[] =>
  dataOf(container).filter(
    ({ volume, readOnly }) =>
      readOnly !== true &&
      containers.find((one) =>
        dataOf(one).some((mount) => mount.volume === volume && mount.readOnly !== true),
      ) === container,
  );

/** What can be restored: the databases, and each container with saved volumes. */
export const savedNames = (containers: readonly StackContainer[]): string[] => [
  ...(containers.some(({ name }) => name === DUMPS) ? [DATABASES] : []),
  ...savedContainers(containers).map(({ container }) => container.name),
];

const prelude = (stack: string): string => `${START_LIBRARY}${BACKUP}
stack=${quote(stack)}
${runningBackup(stack)}`;

/** Sets `$backup`. */
const runningBackup = (stack: string): string =>
  `backup=$(running_of ${quote(`${stack}-backup`)})
if [ -z "$backup" ]; then exit ${NOT_RUNNING}; fi
`;

/** Runs a command of backup.sh in the container. */
export const askScript = (stack: string, ...words: readonly string[]): string =>
  `${prelude(stack)}in_backup ${words.map(quote).join(" ")}\n`;

/** One backup of everything, now. */
export function backupScript({ stack, containers }: BackupArgs, time: string): string {
  const saved = savedContainers(containers);
  const hasDumps = containers.some(({ name }) => name === DUMPS);
  return `${prelude(stack)}trap 'code=$?; let_go || code=1; exit $code' EXIT
in_backup reach
${
  hasDumps
    ? `dumps=$(running_of ${quote(`${stack}-${DUMPS}`)})
if [ -z "$dumps" ]; then log 'FAILED: the container ${DUMPS} does not run; deploy the stack again; nothing was saved'; exit 1; fi
docker exec "$dumps" sh /backup/dumps.sh now
`
    : ""
}in_backup run ${quote(time)}
${saved
  .map(({ container, saving, volumes }) => {
    const name = quote(nameOf(stack, container));
    if (saving === "command" && container.backup !== undefined && "command" in container.backup)
      return `id=$(running_of ${name})
if [ -z "$id" ]; then log ${quote(`FAILED: ${container.name} does not run, so its command cannot write a copy`)}; exit 1; fi
said=$(mktemp)
{ docker exec "$id" ${container.backup.command.map(quote).join(" ")} || echo failed >"$said"; } | docker exec -i "$backup" sh /backup/backup.sh take ${quote(time)} ${quote(container.name)}
if [ -s "$said" ]; then rm -f "$said"; log ${quote(`FAILED: the command of ${container.name} that writes a copy has failed; its backup of this time is incomplete`)}; exit 1; fi
rm -f "$said"
`;
    return saving === "live"
      ? ""
      : `save_still ${name} ${saving} ${container.stopGraceSeconds} save ${quote(time)} ${quote(container.name)} ${volumes.map((volume) => quote(`/data/${volume}`)).join(" ")}
`;
  })
  .join("")}in_backup noted full ${quote(time)}
# What fails here says so, and everything is saved.
in_backup tidy || :
`;
}

/** A backup of one name. */
export interface Part {
  readonly name: string;
  /** restic's id. */
  readonly id: string;
  /** The folder of a dump; of no use for volumes. */
  readonly path: string;
}

/**
 * Restores backups into scratch containers of the same images, without network, and asks them: the trial of a deployment, of what
 * runs, with the data of the backups. Says `PROVED` at the end.
 *
 * @param atMost time limit, minutes
 */
export function proveScript(args: BackupArgs, parts: readonly Part[], atMost: number): string {
  const { stack, containers, backups } = args;
  const has = (wanted: string): boolean => parts.some(({ name }) => name === wanted);
  const saved = savedContainers(containers).filter(({ saving }) => saving !== "command");
  const tried = containers.filter((one) =>
    isServer(one)
      ? has(DATABASES)
      : saved.some(({ container }) => container === one) && has(one.name),
  );
  const dump = parts.find(({ name }) => name === DATABASES);
  const instead = `${BACKUP}
${runningBackup(stack)}${triedContainers(tried)
    .map(
      (one, i) => `id_${i}=$(running_of ${quote(nameOf(stack, one))})
if [ -z "$id_${i}" ]; then log ${quote(`NOT PROVED: ${one.name} does not run; deploy the stack first`)}; exit 1; fi
`,
    )
    .join("")}${inFolder}
refuse() { log "NOT PROVED: $1"; refused=yes; exit 1; }
running_before() { running_of "$1"; }
dump_into() {
  dump=$files/dump
  ${dump === undefined ? "return 1" : `fetch_dump ${quote(dump.id)} ${quote(dump.path)} "$dump" || refuse 'the dump of the databases cannot be read from the backup'`}
}
copy_of() {
  docker volume create $trial_labels "$3" >/dev/null
  from=$(volume_at "$1" "$2")
  fetch_volume "$(id_for "$alias")" "\${from#"$stack-"}" "$3" "$files" || refuse "$alias: its data cannot be read from the backup"
}
id_for() {
  case $1 in
${parts.map(({ name, id }) => `    ${quote(name)}) echo ${quote(id)};;\n`).join("")}  esac
}
`;
  return `${trialScript({ stack, containers: tried, tried: true, atMost, backups, olderData: true, instead })}log PROVED
`;
}

/** Where there is room for dumps, and nobody else reads them. */
const inFolder = `umask 077
mkdir -p "$folder"
TMPDIR=$folder
export TMPDIR`;

/**
 * Replaces databases and volumes by those of backups. All is fetched before anything is touched. What is there now is dumped or
 * copied, and goes back where the new data does not work.
 */
export function backupRestoreScript(args: BackupArgs, parts: readonly Part[]): string {
  const { stack, containers, backups } = args;
  const dump = parts.find(({ name }) => name === DATABASES);
  const saved = savedContainers(containers).flatMap(({ container, volumes, saving }) => {
    const part = parts.find(({ name }) => name === container.name);
    return part === undefined || saving === "command" ? [] : [{ container, volumes, part }];
  });
  const tool = containers.find(isServer)?.image ?? containers[0]?.toolImage ?? "";
  return `${prelude(stack)}tool_image=${quote(tool)}
${folderScript(stack, backups)}${inFolder}
files=$(mktemp -d)
remove_fetched() {
  rm -rf "$files"
  for left in $(docker volume ls -q --filter label=hardened.role=restored --filter ${quote(`label=hardened.restored=${stack}`)}); do docker volume rm "$left" >/dev/null 2>&1 || :; done
  drop_lock
}
trap remove_fetched EXIT
unread() { log "REFUSED: $1 cannot be read from the backup; no running container was touched"; exit 1; }
${
  dump === undefined
    ? ""
    : `fetch_dump ${quote(dump.id)} ${quote(dump.path)} "$files/dump" || unread 'the dump of the databases'
`
}${saved
    .map(({ container, volumes, part }) =>
      [
        `tool_image=${quote(container.toolImage)}`,
        ...volumes.flatMap((volume) => {
          const fetched = quote(`${nameOf(stack, container)}-restored-${volume}`);
          return [
            `docker volume rm ${fetched} >/dev/null 2>&1 || :`,
            `docker volume create --label hardened.role=restored --label ${quote(`hardened.restored=${stack}`)} ${fetched} >/dev/null`,
            `fetch_volume ${quote(part.id)} ${quote(volume)} ${fetched} "$files" || unread ${quote(`the data of ${container.name}`)}`,
          ];
        }),
        "",
      ].join("\n"),
    )
    .join("")}log 'all that is to be restored was read from the backup'
failed=0
${
  dump === undefined
    ? ""
    : `restore_databases() (
${restoreScript({ stack, containers, backups }, undefined, '"$files/dump"')})
restore_databases & wait $! || failed=1
`
}${saved
    .map(
      ({ container, volumes }) => `if [ $failed = 0 ]; then
${functionsOf(stack, container, containers)}
each_volume() { ${volumes.map((volume) => `"$1" ${quote(`${stack}-${volume}`)} ${quote(volume)} || return 1`).join("; ")}; }
take_lock "$name" || { log "REFUSED: $alias could not be locked; its data was not restored"; exit 1; }
replace_data || failed=1
drop_lock
fi
`,
    )
    .join("")}exit $failed
`;
}
