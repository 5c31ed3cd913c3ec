/** The command `npm run restore`. */
import { deployAtTerminal } from "../deploy/terminal";
import { CommandError, runCommand } from "../cli/command";
import { ask } from "../cli/prompt";
import { restoreBackup } from "../backup/backup";
import { refuseUnlessEmpty } from "../backup/new-host";
import { checkedTime } from "../backup/runs";
import { EXIT_OK, Refused } from "../deploy/context";
import { onDatabases } from "../deploy/host/locked";

void runCommand({
  help: `
npm run restore -- [--stack S] [BACKUP] [--service NAME | --to-new-host] [--yes]

Replaces the data of the stack by that of a backup in the repository of services.backup. All of it is fetched first. What is
there now is dumped (databases) or copied (volumes), and goes back if a service does not work on the restored data.

  --stack S        the stack, Pulumi.S.yaml (default dev)
  BACKUP           as "npm run backup -- --list" shows it; default: the newest of everything
  --service NAME   only this: postgres for all databases, or a service with data volumes
  --to-new-host    the host is lost: deploys the stack to the empty host that pinned-stack:host names, then restores
  --yes            do not ask for confirmation

Exit code: 0 restored, everything works; 1 refused before a running container was touched, or only a part was restored; 2 NOT
returned, or an option is invalid; 3 returned: the services run again with their previous data; 130 stopped by Ctrl-C.`,
  options: {
    stack: { type: "string", default: "dev" },
    service: { type: "string" },
    "to-new-host": { type: "boolean", default: false },
    yes: { type: "boolean", default: false },
  },
  allowPositionals: true,
  main: async ({ values, positionals, signal }) => {
    const { stack, service, yes } = values;
    const time = checkedTime(1, positionals);
    const interactive = process.stdin.isTTY && process.stderr.isTTY;
    if (values["to-new-host"] && service !== undefined)
      throw new CommandError("--to-new-host restores everything; leave out --service");
    if (!yes && !interactive)
      throw new Refused(
        "cannot ask for confirmation without a terminal; to restore without asking, add --yes",
      );
    if (values["to-new-host"]) {
      await refuseUnlessEmpty(stack, signal);
      const code = await deployAtTerminal({
        ...{ stack, signal, interactive: !yes, adopt: false, withoutTrial: false },
        allowed: { yes, allowWeaker: false, allowDelete: false },
      });
      if (code !== EXIT_OK) return code;
    }
    return onDatabases(stack, signal, (at) =>
      restoreBackup(at, { time, service }, (question) =>
        yes ? Promise.resolve(true) : ask(question, "restore", signal),
      ),
    );
  },
});
