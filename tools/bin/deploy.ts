import { confirm } from "../deploy/plan/confirm";
import { beforeChanges, Refused } from "../deploy/context";
import { openStack } from "../deploy/pulumi/stack";
import { historyRows, PastUpdate } from "../deploy/pulumi/history";
import { HostShell, hostShell } from "../deploy/host/shell";
import { imageChangeKinds } from "../deploy/plan/image-changes";
import { acquireLock, breakLock } from "../deploy/host/lock";
import { rollbackTarget } from "../deploy/rollback";
import { deploy } from "../deploy/deploy";
import { dump } from "../deploy/host/dump";
import { consoleReporter } from "../deploy/console";
import { StackConfig } from "../../config/config";
import { hostAccess } from "../../host/address";
import { readStackFile } from "../../config/file/read";
import { loadStack } from "../model/load";
import { ask } from "../cli/prompt";
import { CommandError, painter, PROJECT_FOLDER, runCommand, table } from "../cli/command";

void runCommand({
  help: `
npm run deploy -- [--stack S] [--yes] [--allow-weaker] [--allow-delete] [--rollback [N]]
npm run deploy -- [--stack S] --history | --dump | --unlock

Deploys the stack. If that fails, rolls back to the last good configuration.

  --stack S        the stack, Pulumi.S.yaml (default dev)
  --yes            do not ask for confirmation; weaker restrictions and removed volumes still need their own option
  --allow-weaker   accept weaker restrictions
  --allow-delete   accept that a data volume leaves the stack (the data stays on the host)
  --without-dump   replace PostgreSQL without dumping its databases first
  --rollback [N]   deploy the configuration of deployment N; default: the newest one that differs from the last good one
  --history        list the deployments
  --dump           dump the databases and do nothing else
  --unlock         remove the lock of a deployment that is no longer running

Exit code: 0 deployed and healthy; 1 nothing was changed, or the last good configuration is running again; 2 the running
stack may be unhealthy, or an option is invalid; 130 stopped by Ctrl-C.`,
  options: {
    stack: { type: "string", default: "dev" },
    yes: { type: "boolean", default: false },
    "allow-weaker": { type: "boolean", default: false },
    "allow-delete": { type: "boolean", default: false },
    "without-dump": { type: "boolean", default: false },
    history: { type: "boolean", default: false },
    rollback: { type: "boolean", default: false },
    dump: { type: "boolean", default: false },
    unlock: { type: "boolean", default: false },
  },
  allowPositionals: true,
  main: async ({ values, positionals, signal }) => {
    const { stack } = values;
    const number = rollbackNumber(values.rollback, positionals);
    if (values.history) return beforeChanges(() => showHistory(stack));
    if (values.unlock) return beforeChanges(() => unlock(stack));
    if (values.dump) return beforeChanges(() => dumpOnly(stack, signal));
    const interactive = process.stdin.isTTY && process.stderr.isTTY;
    const allowed = {
      yes: values.yes,
      allowWeaker: values["allow-weaker"],
      allowDelete: values["allow-delete"],
    };
    const reporter = consoleReporter();
    return deploy({
      stack,
      signal,
      reporter,
      withoutDump: values["without-dump"],
      imageChangeKinds,
      confirm: (decision) =>
        confirm(
          decision,
          allowed,
          interactive ? (question, wanted) => ask(question, wanted, signal) : undefined,
        ),
      ...(values.rollback && {
        target: (history: readonly PastUpdate[]) => rollbackTarget(history, number),
      }),
    }).finally(reporter.close);
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

function log(line: string): void {
  process.stderr.write(`  ${line}\n`);
}

async function showHistory(stack: string): Promise<number> {
  const pulumi = await openStack(stack);
  process.stdout.write(table(historyRows(await pulumi.history(false)), painter(process.stdout)));
  return 0;
}

function hostOf(stack: string): { readonly config: StackConfig; readonly shell: HostShell } {
  const { config } = loadStack(readStackFile(stack, PROJECT_FOLDER), { placeholders: true });
  return { config, shell: hostShell(hostAccess(config.host)) };
}

async function unlock(stack: string): Promise<number> {
  const holder = await breakLock(hostOf(stack).shell, stack);
  process.stderr.write(
    holder === undefined ? `stack ${stack} is not locked\n` : `removed the lock of ${holder}\n`,
  );
  return 0;
}

async function dumpOnly(stack: string, signal: AbortSignal): Promise<number> {
  const { config, shell } = hostOf(stack);
  const lock = await acquireLock(shell, stack, log);
  try {
    const result = await dump(shell, config, signal);
    if (result === "not running") throw new Refused(`stack ${stack}: PostgreSQL is not running`);
    if ("problem" in result) throw new Refused(`cannot dump the databases: ${result.problem}`);
    process.stdout.write(`${result.folder}\n`);
    return 0;
  } finally {
    await lock.release();
  }
}
