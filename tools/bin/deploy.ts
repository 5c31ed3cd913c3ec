/** The command `npm run deploy`: its options. The work, and with it the exit code, is in tools/deploy/. */
import { beforeChanges, Refused } from "../deploy/context";
import { openStack } from "../deploy/pulumi/stack";
import { historyRows, PastUpdate } from "../deploy/pulumi/history";
import { hostShell } from "../../host/shell";
import { breakLock } from "../deploy/host/lock";
import { onDatabases } from "../deploy/host/locked";
import { rollbackTarget } from "../deploy/rollback";
import { deployAtTerminal } from "../deploy/terminal";
import { Databases, dump, forgetOldData, restore } from "../deploy/host/dump";
import { oneLine } from "../../text/one-line";
import { hostAccess } from "../../host/address";
import { readStackFile } from "../../config/file/read";
import { loadStack } from "../model/load";
import { ask } from "../cli/prompt";
import { CommandError, painter, PROJECT_FOLDER, runCommand, table } from "../cli/command";

void runCommand({
  help: `
npm run deploy -- [--stack S] [--yes] [--allow-weaker] [--allow-delete] [--without-trial] [--adopt] [--rollback [N]]
npm run deploy -- [--stack S] --history | --dump | --restore [DUMP] | --forget-old-data | --unlock

Deploys the stack. New containers with data must first work on a copy of it. If the deployment fails, the previous
containers run again with their data.

  --stack S        the stack, Pulumi.S.yaml (default dev)
  --yes            do not ask for confirmation; weaker restrictions and removed volumes still need their own option
  --allow-weaker   accept weaker restrictions
  --allow-delete   accept that a data volume leaves the stack (the data stays on the host)
  --without-trial  do not try new containers on copies of their data first; the databases are still dumped
  --adopt          take over containers, networks and data that carry the stack's labels and that Pulumi's state has lost
  --rollback [N]   deploy the configuration of deployment N; default: the newest one that differs from the last good one
  --history        list the deployments
  --dump           dump the databases and do nothing else
  --restore [DUMP] replace all databases with those of a dump; dumps the current ones first; default: the newest dump
  --forget-old-data  remove the data that upgrades to another major version of PostgreSQL have left behind
  --unlock         remove the lock of a deployment that is no longer running

Exit code: 0 done, everything is healthy; 1 refused before a running container was touched; 2 NOT returned, the stack may be
unhealthy, or an option is invalid; 3 returned: the previous containers run again with their data; 130 stopped by Ctrl-C.`,
  options: {
    stack: { type: "string", default: "dev" },
    yes: { type: "boolean", default: false },
    "allow-weaker": { type: "boolean", default: false },
    "allow-delete": { type: "boolean", default: false },
    "without-trial": { type: "boolean", default: false },
    adopt: { type: "boolean", default: false },
    history: { type: "boolean", default: false },
    rollback: { type: "boolean", default: false },
    dump: { type: "boolean", default: false },
    restore: { type: "boolean", default: false },
    "forget-old-data": { type: "boolean", default: false },
    unlock: { type: "boolean", default: false },
  },
  allowPositionals: true,
  main: async ({ values, positionals, signal }) => {
    const { stack } = values;
    const interactive = process.stdin.isTTY && process.stderr.isTTY;
    if (values.restore) {
      const [from] = argumentsOf(positionals, 1, "one dump");
      if (!values.yes) {
        if (!interactive)
          throw new Refused(
            "cannot ask for confirmation without a terminal; to restore without asking, add --yes",
          );
        const question = `all databases of stack ${stack} are replaced; type "restore" to continue: `;
        if (!(await ask(question, "restore", signal))) throw new Refused("nothing was restored");
      }
      return onDatabases(stack, signal, (them) => restore(them, from));
    }
    const number = rollbackNumber(values.rollback, positionals);
    if (values.history) return beforeChanges(() => showHistory(stack));
    if (values.unlock) return beforeChanges(() => unlock(stack));
    if (values.dump) return onDatabases(stack, signal, dumpOnly);
    if (values["forget-old-data"])
      return onDatabases(stack, signal, (them) =>
        forgetOldData(
          them,
          values.yes
            ? () => Promise.resolve(true)
            : interactive
              ? (question) => ask(question, "forget", signal)
              : undefined,
        ),
      );
    const allowed = {
      yes: values.yes,
      allowWeaker: values["allow-weaker"],
      allowDelete: values["allow-delete"],
    };
    return deployAtTerminal({
      ...{ stack, signal, allowed, interactive, adopt: values.adopt },
      withoutTrial: values["without-trial"],
      ...(values.rollback && {
        target: (history: readonly PastUpdate[]) => rollbackTarget(history, number),
      }),
    });
  },
});

function rollbackNumber(rollback: boolean, args: readonly string[]): number | undefined {
  const [number, ...more] = args;
  if (number === undefined) return undefined;
  if (!rollback || more.length > 0 || !/^\d+$/.test(number))
    throw new CommandError(
      `expected only options, and a deployment number after --rollback, got ${JSON.stringify(args.join(" "))}`,
    );
  return Number(number);
}

async function showHistory(stack: string): Promise<number> {
  const pulumi = await openStack(stack);
  process.stdout.write(
    table(
      historyRows(await pulumi.history(false)).map((row) => row.map(oneLine)),
      painter(process.stdout),
    ),
  );
  return 0;
}

async function unlock(stack: string): Promise<number> {
  const { config } = loadStack(readStackFile(stack, PROJECT_FOLDER), { placeholders: true });
  const holder = await breakLock(hostShell(hostAccess(config.host)), stack);
  process.stderr.write(
    holder === undefined ? `stack ${stack} is not locked\n` : `removed the lock of ${holder}\n`,
  );
  return 0;
}

async function dumpOnly(databases: Databases): Promise<number> {
  process.stdout.write(`${await dump(databases)}\n`);
  return 0;
}

function argumentsOf(args: readonly string[], atMost: number, what: string): readonly string[] {
  if (args.length > atMost)
    throw new CommandError(
      `expected only options and at most ${what}, got ${JSON.stringify(args.join(" "))}`,
    );
  return args;
}
