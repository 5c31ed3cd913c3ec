/** Backups of a stack's data in its repository: made, listed, proved and restored. Each needs the container `backup`. */
import { NOT_RUNNING } from "../../components/upgrade/dump";
import {
  askScript,
  BackupArgs,
  backupRestoreScript,
  backupScript,
  proveScript,
  savedNames,
} from "../../components/upgrade/backup";
import { DATABASES } from "../../components/services/backup/saved";
import { EXIT_OK, EXIT_RETURNED, EXIT_UNHEALTHY, Refused } from "../deploy/context";
import { Databases } from "../deploy/host/dump";
import { runDetached } from "../deploy/host/detached";
import { noteProof } from "./proof";
import {
  chooseParts,
  Chosen,
  listText,
  readRepository,
  Repository,
  sizeText,
  timeText,
} from "./runs";

/** What asks restic may wait for a target that does not answer, ms. */
const ASK_MS = 120_000;

const argsOf = ({ loaded: { model, config } }: Databases): BackupArgs => ({
  stack: model.stack,
  containers: model.containers,
  backups: config.backups,
});

const notRunning = (stack: string): string =>
  `stack ${stack}: the container backup does not run; enable services.backup (docs/backups.md) and deploy the stack`;

/** The lines that say why, without what restic itself says in between. */
const reasonOf = (stderr: string): string =>
  stderr
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-3)
    .join("\n") || "the container backup did not answer";

/** Runs a command of the container. Rejects with a {@link Refused}. */
async function askBackup(at: Databases, ...words: readonly string[]): Promise<string> {
  const { stack } = at.loaded.model;
  const { code, stdout, stderr } = await at.shell(askScript(stack, ...words), {
    signal: at.signal,
    timeoutMs: ASK_MS,
  });
  if (code === NOT_RUNNING) throw new Refused(notRunning(stack));
  if (code !== 0) throw new Refused(reasonOf(stderr));
  return stdout;
}

export const readBackups = async (at: Databases): Promise<Repository> =>
  readRepository(at.loaded.model.stack, await askBackup(at, "list"));

export async function listBackups(at: Databases, out: (text: string) => void): Promise<number> {
  const repository = await readBackups(at);
  if (repository.runs.length === 0)
    at.log(`the repository has no backup of stack ${at.loaded.model.stack}`);
  else out(`${listText(repository)}\n`);
  return EXIT_OK;
}

/** Creates the repository, which must not exist. */
export async function initBackups(at: Databases): Promise<number> {
  await askBackup(at, "init");
  at.log(
    "created the repository; without pinned-stack:backupPassword nobody can read it: keep a copy elsewhere",
  );
  return EXIT_OK;
}

/** Removes all locks of the repository. */
export async function unlockBackups(at: Databases): Promise<number> {
  await askBackup(at, "unlock");
  at.log("removed the locks of the repository");
  return EXIT_OK;
}

/** Saves everything now. Resolves to the exit code. */
export async function backupNow(at: Databases): Promise<number> {
  const { stack } = at.loaded.model;
  const time = timeText(new Date());
  const { code } = await runDetached(at.shell, backupScript(argsOf(at), time), {
    signal: at.signal,
    onLine: at.log,
  });
  if (code === NOT_RUNNING) throw new Refused(notRunning(stack));
  if (code !== 0)
    throw new Refused(`backup ${time} is incomplete or was not made; the lines above say why`);
  at.log(`backup ${time} is complete`);
  return EXIT_OK;
}

/** Restores backups into scratch containers and asks them. Resolves to the exit code. */
export async function proveBackup(at: Databases, time: string | undefined): Promise<number> {
  const args = argsOf(at);
  const { config } = at.loaded;
  const parts = chooseParts(await readBackups(at), args.stack, savedNames(args.containers), {
    time,
  });
  for (const line of partLines(parts)) at.log(line);
  const started = Date.now();
  const { code, stdout } = await runDetached(
    at.shell,
    proveScript(args, parts, config.trial.atMost),
    { signal: at.signal, onLine: at.log },
  );
  if (code === NOT_RUNNING) throw new Refused(notRunning(args.stack));
  if (code !== 0 || !/^PROVED$/m.test(stdout))
    throw new Refused(
      "the backup is NOT proved; the lines above say why; running containers were not touched",
    );
  const seconds = Math.round((Date.now() - started) / 1000);
  const proved = provedNames(stdout);
  const left = savedNames(args.containers).filter((name) => !proved.includes(name));
  if (left.length > 0) at.log(`not tried: ${left.join(", ")}`);
  if (proved.length === 0)
    throw new Refused("nothing of the backup was tried, so it is NOT proved");
  at.log(`proved in ${seconds} seconds: ${proved.join(", ")}`);
  await noteProof(at, newestTime(parts));
  return EXIT_OK;
}

/** Of what the script has said that it works. */
export const provedNames = (said: string): string[] => [
  ...(/ into a scratch server; all row counts match$/m.test(said) ? [DATABASES] : []),
  ...[...said.matchAll(/^([a-z][a-z0-9-]*): works on a copy of its data$/gm)].map(
    ([, name = ""]) => name,
  ),
];

const newestTime = (parts: readonly Chosen[]): string =>
  parts
    .map(({ time }) => time)
    .sort()
    .at(-1) ?? "";

const partLines = (parts: readonly Chosen[]): string[] =>
  parts.map(
    ({ name, time, bytes }) =>
      `${name}: backup ${time}${bytes === undefined ? "" : `, ${sizeText(bytes)}`}`,
  );

/** Replaces databases and volumes by those of backups. Resolves to the exit code. */
export async function restoreBackup(
  at: Databases,
  wanted: { readonly time?: string | undefined; readonly service?: string | undefined },
  confirm: (question: string) => Promise<boolean>,
): Promise<number> {
  const args = argsOf(at);
  const parts = chooseParts(await readBackups(at), args.stack, savedNames(args.containers), wanted);
  at.log(`the data of stack ${args.stack} is replaced by:`);
  for (const line of partLines(parts)) at.log(line);
  if (!(await confirm(`what is there now is dumped or copied first; type "restore" to continue: `)))
    throw new Refused("nothing was restored");
  const { code, stdout, stderr } = await runDetached(at.shell, backupRestoreScript(args, parts), {
    signal: at.signal,
    onLine: at.log,
  });
  if (code === NOT_RUNNING) throw new Refused(notRunning(args.stack));
  if (code === 0) return EXIT_OK;
  if (stdout.includes("NOT RETURNED: ")) return EXIT_UNHEALTHY;
  if (stdout.includes("RETURNED: ")) return EXIT_RETURNED;
  if (/(?:REFUSED|FAILED): /.test(stdout))
    throw new Refused("not everything was restored; the lines above say what");
  at.log(`the restore may still be running on the host: ${stderr.trim()}`);
  return EXIT_UNHEALTHY;
}
