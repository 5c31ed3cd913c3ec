import { confirm } from "../deploy/plan/confirm";
import { Refused, untouched } from "../deploy/context";
import { openStack } from "../deploy/pulumi/stack";
import { historyRows, PastUpdate } from "../deploy/pulumi/history";
import { HostShell, hostShell } from "../deploy/host/shell";
import { imageChangesByRegistry } from "../deploy/plan/image-changes";
import { acquireLock, breakLock } from "../deploy/host/lock";
import { rollbackTarget } from "../deploy/rollback";
import { deploy } from "../deploy/deploy";
import { dump } from "../deploy/host/dump";
import { Reporter } from "../deploy/console";
import { StackConfig } from "../../config/config";
import { hostAccess } from "../../host/address";
import { readStackFile } from "../../config/file/read";
import { loadStack } from "../model/load";
import { ask } from "../cli/prompt";
import { columns, CommandError, painter, PROJECT_FOLDER, runCommand } from "../cli/command";

void runCommand({
  help: `
npm run deploy -- [--stack S] [--yes] [--allow-weaker] [--allow-delete] [--rollback [N]]
npm run deploy -- [--stack S] --history | --dump | --unlock

Brings what the configuration says to the host, and the last good configuration back when that fails.

  --stack S        the stack, Pulumi.S.yaml (default dev)
  --yes            do not ask; what needs one of the next three still does
  --allow-weaker   a service may do more than before
  --allow-delete   a volume with data may leave the stack (its data stays on the host)
  --without-dump   replace PostgreSQL even where its databases cannot be dumped
  --rollback [N]   go back to deployment N; without N to the newest one with another configuration than the last good one
  --history        list the deployments
  --dump           only dump the databases
  --unlock         remove the lock of a deployment that ended without removing it

Exit code: 0 done, 1 nothing was changed or the last good configuration runs again, 2 what runs is not known to be good
or a wrong option, 130 stopped by Ctrl-C.`,
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
  words: true,
  main: async ({ values, words, signal }) => {
    const { stack } = values;
    const number = rollbackNumber(values.rollback, words);
    if (values.history) return untouched(() => showHistory(stack));
    if (values.unlock) return untouched(() => unlock(stack));
    if (values.dump) return untouched(() => dumpNow(stack, signal));
    const interactive = process.stdin.isTTY && process.stderr.isTTY;
    const allowed = {
      yes: values.yes,
      allowWeaker: values["allow-weaker"],
      allowDelete: values["allow-delete"],
    };
    return deploy({
      stack,
      signal,
      reporter: consoleReporter(),
      withoutDump: values["without-dump"],
      kinds: imageChangesByRegistry,
      confirm: (decision) =>
        confirm(
          decision,
          allowed,
          interactive ? (question, wanted) => ask(question, wanted, signal) : undefined,
        ),
      ...(values.rollback && {
        target: (history: readonly PastUpdate[]) => rollbackTarget(history, number),
      }),
    });
  },
});

function rollbackNumber(rollback: boolean, words: readonly string[]): number | undefined {
  const [word, ...more] = words;
  if (word === undefined) return undefined;
  if (!rollback || more.length > 0 || !/^\d+$/.test(word))
    throw new CommandError(
      `${JSON.stringify(words.join(" "))}: expected options, and after --rollback the number of a deployment`,
    );
  return Number(word);
}

/** Stages stand out, lines below them are indented. The plan is data, the rest is reporter. */
function consoleReporter(): Reporter {
  const paint = painter(process.stderr);
  const started = Date.now();
  const time = (): string => {
    const seconds = Math.round((Date.now() - started) / 1000);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  };
  return {
    log,
    stage: (name) => void process.stderr.write(`${paint("dim", time())} ${paint("bold", name)}\n`),
    show: (text) => void process.stdout.write(`${text}\n`),
  };
}

function log(line: string): void {
  process.stderr.write(`  ${line}\n`);
}

async function showHistory(stack: string): Promise<number> {
  const pulumi = await openStack(stack);
  const [head = "", ...rows] = columns(historyRows(await pulumi.history(false))).split("\n");
  process.stdout.write(`${painter(process.stdout)("dim", head)}\n${rows.join("\n")}\n`);
  return 0;
}

function hostOf(stack: string): { readonly config: StackConfig; readonly shell: HostShell } {
  const { config } = loadStack(readStackFile(stack, PROJECT_FOLDER), { placeholders: true });
  return { config, shell: hostShell(hostAccess(config.host)) };
}

async function unlock(stack: string): Promise<number> {
  const holder = await breakLock(hostOf(stack).shell, stack);
  process.stderr.write(
    holder === undefined
      ? `stack ${stack}: there was no lock\n`
      : `removed the lock of ${holder}\n`,
  );
  return 0;
}

async function dumpNow(stack: string, signal: AbortSignal): Promise<number> {
  const { config, shell } = hostOf(stack);
  const lock = await acquireLock(shell, stack, log);
  try {
    const dumped = await dump(shell, config, signal);
    if (dumped === "nothing") throw new Refused(`stack ${stack}: no PostgreSQL is running`);
    if ("problem" in dumped)
      throw new Refused(`the databases could not be dumped: ${dumped.problem}`);
    process.stdout.write(`${dumped.folder}\n`);
    return 0;
  } finally {
    await lock.release();
  }
}
