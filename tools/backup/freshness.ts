/** What `npm run doctor` says of backups: when the last one was, and the last one that was restored on trial. */
import { savedNames } from "../../components/upgrade/backup";
import { BACKUP_PERIOD_MS } from "../../components/services/backup/backup";
import { hostAccess } from "../../host/address";
import { HostError, hostShell } from "../../host/shell";
import { textOf } from "../cli/command";
import { Check, ok, problem, problemLine, unknownCheck } from "../deploy/checks/check";
import { Refused } from "../deploy/context";
import { LoadedStack } from "../model/load";
import { readBackups } from "./backup";
import { Proof, readProof } from "./proof";
import { Repository, timeOf } from "./runs";

/** A check of the last backup of each name, and one of the last proof. Pure. */
export function freshness(
  stack: string,
  names: readonly string[],
  { runs }: Repository,
  proof: Proof | undefined,
  now: number,
): Check[] {
  const last = names.map((name) => ({
    name,
    at: runs.flatMap(({ time, parts }) =>
      parts.some((part) => part.name === name) ? [timeOf(time)] : [],
    )[0],
  }));
  const isOld = (at: number | undefined): boolean =>
    at === undefined || now - at > 2 * BACKUP_PERIOD_MS;
  const old = last.filter(({ at }) => isOld(at));
  const text = (at: number | undefined): string => (at === undefined ? "never" : ageText(now - at));
  const lines = last.map(({ name, at }) => `${name} ${text(at)}`).join(", ");
  const fix = `make one: npm run backup -- --stack ${stack} --now`;
  return [
    old.length === 0
      ? ok("backup", `last: ${lines}`)
      : problem(
          "backup",
          `older than two days: ${old.map(({ name, at }) => `${name} ${text(at)}`).join(", ")}`,
          fix,
        ),
    proof === undefined || isOld(proof.at)
      ? unknownCheck(
          "restore",
          proof === undefined
            ? "no backup was ever restored on trial"
            : `a backup was last restored on trial ${ageText(now - proof.at)}`,
          `prove one: npm run backup -- --stack ${stack} --verify`,
        )
      : ok("restore", `backup ${proof.backup} was restored on trial ${ageText(now - proof.at)}`),
  ];
}

/** `3 hours ago` */
export function ageText(ms: number): string {
  if (ms < 0) return "in the future: the clock of this machine or of the host is wrong";
  const hours = Math.floor(ms / 3_600_000);
  if (hours < 1) return "less than an hour ago";
  if (hours < 48) return `${hours} hour${hours === 1 ? "" : "s"} ago`;
  return `${Math.floor(hours / 24)} days ago`;
}

/** Empty where the stack has no backups. */
export async function backupChecks(
  loaded: LoadedStack | undefined,
  signal: AbortSignal,
): Promise<Check[]> {
  if (loaded?.config.services.backup.enabled !== true) return [];
  const { model, config } = loaded;
  const shell = hostShell(hostAccess(config.host));
  try {
    const repository = await readBackups({ shell, loaded, signal, log: () => undefined });
    const proof = await readProof(shell, model.stack, signal);
    return freshness(model.stack, savedNames(model.containers), repository, proof, Date.now());
  } catch (error) {
    if (error instanceof HostError)
      return [unknownCheck("backup", "not checked, because the host cannot be reached")];
    if (!(error instanceof Refused)) throw error;
    return [problemLine("backup", textOf(error).split("\n").at(-1) ?? "")];
  }
}
