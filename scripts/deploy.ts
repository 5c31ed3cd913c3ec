import { openEngine } from "../deploy/engine";
import { historyRows, PastUpdate } from "../deploy/history";
import { hostShell } from "../deploy/host-shell";
import { kindsByRegistry } from "../deploy/kinds";
import { acquireLock, breakLock } from "../deploy/lock";
import { Decision } from "../deploy/plan-text";
import { Refused, Talk } from "../deploy/context";
import { rollbackTarget } from "../deploy/rollback";
import { deploy } from "../deploy/run";
import { dump } from "../deploy/stages";
import { Target } from "../deploy/target";
import { hostAccess } from "../host/address";
import { readStackFile } from "../model/stack-file";
import { Model, synth } from "../model/synth";
import { ask } from "./ask";
import { columns, CommandError, painter, PROJECT_FOLDER, runCommand } from "./cli";

void runCommand({
  help: `
npm run deploy [-- --stack S] [-- --yes] [-- --allow-weaker] [-- --allow-delete]
npm run deploy -- --history | --rollback [N] | --dump | --unlock

Brings what the configuration says to the host, and the last good configuration back when that fails.

  --stack S        the stack, Pulumi.S.yaml (default dev)
  --yes            do not ask; weaker restrictions and lost volumes still need the next two
  --allow-weaker   a service may do more than before
  --allow-delete   a volume with data may leave the stack (its data stays on the host)
  --without-dump   replace PostgreSQL even where its databases cannot be dumped
  --history        list the deployments
  --rollback [N]   go back to deployment N; without N to the newest one with another configuration than runs
  --dump           only dump the databases
  --unlock         remove the lock of a deployment that ended without removing it

Exit code: 0 done, 1 nothing was changed or the last good configuration runs again, 2 what runs is not known to be good,
130 stopped by Ctrl-C.`,
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
    if (values.history) return showHistory(stack);
    if (values.unlock) return unlock(stack);
    if (values.dump) return dumpNow(stack, signal);
    const talk = talker();
    return deploy({
      stack,
      signal,
      talk,
      allowDelete: values["allow-delete"],
      withoutDump: values["without-dump"],
      kinds: kindsByRegistry,
      confirm: (decision) => confirm(decision, values, signal),
      ...(values.rollback && {
        target: (history: readonly PastUpdate[]): Target => rollbackTarget(history, number),
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

/** Stages stand out, lines below them are indented. The plan is data, the rest is talk. */
function talker(): Talk {
  const paint = painter(process.stderr);
  const started = Date.now();
  const time = (): string => {
    const seconds = Math.round((Date.now() - started) / 1000);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  };
  return {
    say: (line) => void process.stderr.write(`  ${line}\n`),
    stage: (name) => void process.stderr.write(`${paint("dim", time())} ${paint("bold", name)}\n`),
    show: (text) => void process.stdout.write(`${text}\n`),
  };
}

async function confirm(
  { weakenings }: Decision,
  { yes, "allow-weaker": allowWeaker }: { readonly yes: boolean; readonly "allow-weaker": boolean },
  signal: AbortSignal,
): Promise<string | undefined> {
  const interactive = process.stdin.isTTY && process.stderr.isTTY;
  if (weakenings.length > 0 && !allowWeaker) {
    if (yes || !interactive) return "restrictions get weaker; to accept that, add --allow-weaker";
    if (!(await ask('restrictions get weaker; type "weaker" to accept that: ', "weaker", signal)))
      return "the weaker restrictions were not accepted";
  }
  if (yes) return undefined;
  if (!interactive) return "nobody can be asked here; to go on without, add --yes";
  return (await ask('type "yes" to deploy: ', "yes", signal)) ? undefined : "not confirmed";
}

async function showHistory(stack: string): Promise<number> {
  const engine = await openEngine(stack);
  const [head = "", ...rows] = columns(historyRows(await engine.history(false))).split("\n");
  process.stdout.write(`${painter(process.stdout)("dim", head)}\n${rows.join("\n")}\n`);
  return 0;
}

function modelOf(stack: string): Promise<Model> {
  return synth(readStackFile(stack, PROJECT_FOLDER), { placeholders: true });
}

async function unlock(stack: string): Promise<number> {
  const shell = hostShell(hostAccess((await modelOf(stack)).config.host));
  const holder = await breakLock(shell, stack);
  process.stderr.write(
    holder === undefined
      ? `stack ${stack}: there was no lock\n`
      : `removed the lock of ${holder}\n`,
  );
  return 0;
}

async function dumpNow(stack: string, signal: AbortSignal): Promise<number> {
  const model = await modelOf(stack);
  const shell = hostShell(hostAccess(model.config.host));
  const talk = talker();
  const lock = await acquireLock(shell, stack, (line) => {
    talk.say(line);
  });
  try {
    const dumped = await dump(shell, model.config, signal);
    if (dumped === "nothing") throw new Refused(`stack ${stack}: no PostgreSQL is running`);
    if ("problem" in dumped)
      throw new Refused(`the databases could not be dumped: ${dumped.problem}`);
    process.stdout.write(`${dumped.folder}\n`);
    return 0;
  } finally {
    await lock.release();
  }
}
