/** The command `npm run backup`. */
import { CommandError, runCommand } from "../cli/command";
import { backupNow, initBackups, listBackups, proveBackup, unlockBackups } from "../backup/backup";
import { checkedTime } from "../backup/runs";
import { tellBackup } from "../backup/outcome";
import { Databases } from "../deploy/host/dump";
import { onDatabases } from "../deploy/host/locked";

void runCommand({
  help: `
npm run backup -- [--stack S] --now | --list | --verify [BACKUP] | --init | --unlock

Backups of the stack's data in the repository of services.backup, which makes one every day by itself.

  --stack S          the stack, Pulumi.S.yaml (default dev)
  --now              make one now, also of what must stand still for it
  --list             list the backups
  --verify [BACKUP]  restore one into scratch containers without network: every dump must load with the row counts of its time,
                     and the services must work on it; what runs is not touched; default: the newest of everything
  --init             create the repository
  --unlock           remove all locks of the repository, once no other restic works on it

A failed --now or --verify is sent to pinned-stack:notify (event backup).

Exit code: 0 done; 1 failed, running containers were not touched; 2 an option is invalid; 130 stopped by Ctrl-C.`,
  options: {
    stack: { type: "string", default: "dev" },
    now: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    verify: { type: "boolean", default: false },
    init: { type: "boolean", default: false },
    unlock: { type: "boolean", default: false },
  },
  allowPositionals: true,
  main: async ({ values, positionals, signal }) => {
    const { stack, ...modes } = values;
    const chosen = (["now", "list", "verify", "init", "unlock"] as const).filter(
      (mode) => modes[mode],
    );
    const [mode] = chosen;
    if (mode === undefined || chosen.length > 1)
      throw new CommandError(
        "expected exactly one of --now, --list, --verify, --init and --unlock",
      );
    const time = checkedTime(mode === "verify" ? 1 : 0, positionals);
    const work = (at: Databases): Promise<number> => {
      switch (mode) {
        case "now":
          return backupNow(at);
        case "list":
          return listBackups(at, (text) => void process.stdout.write(text));
        case "verify":
          return proveBackup(at, time);
        case "init":
          return initBackups(at);
        default:
          return unlockBackups(at);
      }
    };
    const start = (wanted: typeof work) => onDatabases(stack, signal, wanted);
    return mode === "now" || mode === "verify"
      ? tellBackup({ stack, mode, signal }, work, start)
      : start(work);
  },
});
