/** Dumps the databases of the running stack, or replaces them by those of a dump. Both need the stack's lock. */
import { ROLE_LABEL } from "../../../components/hardened/labels";
import { START_LIBRARY } from "../../../components/hardened/start";
import {
  dumpScript,
  lockDatabases,
  NOT_RUNNING,
  restoreScript,
} from "../../../components/upgrade/dump";
import { StackModel } from "../../../components/model";
import { dataVolumes } from "../../../components/upgrade/hooks";
import { quote } from "../../../host/shell-quote";
import { LoadedStack } from "../../model/load";
import { EXIT_OK, EXIT_RETURNED, EXIT_UNHEALTHY, Refused } from "../context";
import { HostError, HostShell } from "../../../host/shell";
import { textOf } from "../../cli/command";
import { LONGEST_MS, runDetached } from "./detached";

export interface Databases {
  readonly shell: HostShell;
  readonly loaded: LoadedStack;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** Resolves to the folder of the dump on the host. */
export async function dump({ shell, loaded, signal, log }: Databases): Promise<string> {
  const { code, stdout, stderr } = await shell(dumpScript(argsOf(loaded)), {
    signal,
    timeoutMs: LONGEST_MS,
  });
  if (code === NOT_RUNNING) throw new Refused(notRunning(loaded));
  const folder = /^dump=(.+)$/m.exec(stdout)?.[1];
  if (code !== 0 || folder === undefined)
    throw new Refused(`cannot dump the databases: ${stderr.trim()}`);
  for (const line of stderr.trim().split("\n")) log(line);
  return folder;
}

/**
 * Resolves to the exit code.
 *
 * @param from a folder on the host, or the name of a dump; default: the newest dump
 */
export async function restore(
  { shell, loaded, signal, log }: Databases,
  from: string | undefined,
): Promise<number> {
  const script = restoreScript(argsOf(loaded), from);
  const options = { signal, onLine: log };
  const { code, stdout, stderr } = await runDetached(shell, script, options).catch(
    (error: unknown) => {
      if (!signal.aborted && !(error instanceof HostError)) throw error;
      return { code: 1, stdout: "", stderr: textOf(error) };
    },
  );
  if (code === NOT_RUNNING) throw new Refused(notRunning(loaded));
  if (code === 0) return EXIT_OK;
  if (stdout.includes("REFUSED: ")) throw new Refused("nothing was restored");
  if (stdout.includes("NOT RETURNED: ")) return EXIT_UNHEALTHY;
  if (stdout.includes("RETURNED: ")) return EXIT_RETURNED;
  log(`the restore may still be running on the host: ${stderr.trim()}`);
  if (signal.aborted) throw signal.reason;
  return EXIT_UNHEALTHY;
}

const argsOf = ({ model, config }: LoadedStack): Parameters<typeof dumpScript>[0] => ({
  stack: model.stack,
  containers: model.containers,
  backups: config.backups,
});

const notRunning = ({ model }: LoadedStack): string =>
  `stack ${model.stack}: PostgreSQL is not running`;

/**
 * Removes the data volumes of PostgreSQL versions that are not in the stack any more. Resolves to the exit code.
 *
 * @param confirm undefined without a terminal
 */
export async function forgetOldData(
  { shell, loaded: { model }, signal, log }: Databases,
  confirm: ((question: string) => Promise<boolean>) | undefined,
): Promise<number> {
  const found = await shell(listScript(model.stack), { signal });
  if (found.code !== 0) throw new Refused(`cannot list the volumes: ${found.stderr.trim()}`);
  const volumes = oldData(model, found.stdout.split("\n"));
  if (volumes.length === 0) {
    log("there is no old data");
    return EXIT_OK;
  }
  for (const volume of volumes) log(`old data: ${volume}`);
  if (confirm === undefined)
    throw new Refused(
      "cannot ask for confirmation without a terminal; to remove it without asking, add --yes",
    );
  if (!(await confirm('type "forget" to remove this permanently: ')))
    throw new Refused("nothing was removed");
  const { code, stderr } = await shell(forgetScript(model, volumes), {
    signal,
    timeoutMs: LONGEST_MS,
  });
  if (code !== 0) throw new Refused(`cannot remove the old data: ${stderr.trim()}`);
  log("removed");
  return EXIT_OK;
}

/** Removes volumes of old data, and what says that one of them is incomplete. */
function forgetScript({ stack, containers }: StackModel, volumes: readonly string[]): string {
  const mine = `docker ps -aq --filter ${quote(`label=pinned-stack.stack=${stack}`)}`;
  const remove = volumes.map(
    (volume) =>
      // A refused deployment leaves containers behind that never ran.
      `left=$(docker ps -aq --filter ${quote(`volume=${volume}`)} --filter status=created --filter status=exited)
[ -z "$left" ] || docker rm -v $left >/dev/null
docker volume rm ${quote(volume)} >/dev/null
docker volume rm ${quote(`${volume}-incomplete`)} >/dev/null 2>&1 || :
`,
  );
  // Where the stack has no container, nothing can be at work on its data.
  return `${START_LIBRARY}like=$(${mine} | head -n 1)
if [ -n "$like" ]; then
${lockDatabases(stack, containers, `"$like"`)}fi
${remove.join("")}`;
}

/** Prints all volumes, and those of the stack's running containers as `used=<name>`. */
const listScript = (stack: string): string => `docker volume ls -q
for id in $(docker ps -q --filter ${quote(`label=pinned-stack.stack=${stack}`)} --filter label=${ROLE_LABEL}=container); do
  docker inspect --format '{{range .Mounts}}{{if .Name}}used={{println .Name}}{{end}}{{end}}' "$id"
done
`;

/** Data of PostgreSQL that the running server does not use; without a running server, that is not in the stack. */
const oldData = (model: StackModel, lines: readonly string[]): string[] => {
  const prefix = `${model.stack}-postgres-`;
  const isData = (name: string): boolean =>
    name.startsWith(prefix) && /^[0-9]+-data$/.test(name.slice(prefix.length));
  const used = lines.flatMap((line) => /^used=(.*)$/.exec(line)?.[1] ?? []).filter(isData);
  const current = used.length > 0 ? used : dataVolumes(model);
  return lines.filter((name) => isData(name) && !current.includes(name));
};
