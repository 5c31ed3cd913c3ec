/** One deployment from its checks to its end. */
import { hostAccess } from "../../host/address";
import { hasProblem } from "./checks/check";
import { secretTexts } from "../../config/file/edit";
import { Refused, Run, untouched, UNTOUCHED } from "./context";
import { examine } from "./checks/doctor";
import { engage } from "./engage";
import { Engine } from "./pulumi/stack";
import { engineLocked } from "./pulumi/lock";
import { hostShell } from "./host/shell";
import { acquireLock } from "./host/lock";
import { Mask, maskOf } from "../../text/redact";
import { prepare, PrepareOptions } from "./prepare";
import { safeTalk, Talk } from "./console";

export interface DeployOptions extends PrepareOptions {
  readonly stack: string;
  readonly signal: AbortSignal;
  readonly talk: Talk;
}

/** The answer is the exit code. Rejects with the signal's reason after an interrupt. */
export async function deploy(options: DeployOptions): Promise<number> {
  const { signal } = options;
  try {
    return await locked(options, (run, mask) => carryOut(run, options, mask));
  } catch (error) {
    // Whatever a stage says when it is interrupted, that it was is what counts.
    throw signal.aborted ? signal.reason : error;
  }
}

/** What goes wrong while it is prepared has touched nothing. */
export async function carryOut(run: Run, options: PrepareOptions, mask: Mask): Promise<number> {
  const prepared = await untouched(() => prepare(run, options), mask);
  return typeof prepared === "number" ? prepared : engage(run, prepared);
}

/** Does something under the stack's lock, once the checks are passed. */
async function locked(
  { stack, signal, talk }: DeployOptions,
  work: (run: Run, mask: Mask) => Promise<number>,
): Promise<number> {
  const { loaded, engine, config } = await untouched(() => checked(stack, signal, talk));
  const shell = hostShell(hostAccess(loaded.config.host));
  const lock = await untouched(() =>
    acquireLock(shell, stack, (line) => {
      talk.say(line);
    }),
  );
  try {
    await untouched(() => refuseWhileLocked(engine));
    const history = await untouched(() => engine.history(true));
    // Of every deployment: what fails may be an older one again.
    const mask = maskOf([config, ...history.map((past) => past.config)].flatMap(secretTexts));
    const run = {
      stack,
      signal,
      talk: safeTalk(talk, mask),
      engine,
      shell,
      current: config,
      history,
    };
    return await work(run, mask);
  } finally {
    await lock.release();
  }
}

/** Pulumi's own lock is on nothing but the state, so nobody minds it before the first run that writes. */
async function refuseWhileLocked(engine: Engine): Promise<void> {
  const [held] = await engine.locks();
  if (held !== undefined) throw new Refused(`${engineLocked(engine.stack, held)}\n${UNTOUCHED}`);
}

/** The doctor's checks, those that a deployment cannot do without. */
async function checked(stack: string, signal: AbortSignal, talk: Talk) {
  talk.stage("checks");
  const { checks, loaded, engine, config } = await examine(stack, { create: true, signal });
  for (const { status, name, text, fix } of checks)
    if (status !== "ok")
      talk.say(`${status}: ${name}: ${text}${fix === undefined ? "" : `; ${fix}`}`);
  if (hasProblem(checks) || loaded === undefined || engine === undefined || config === undefined)
    throw new Refused("nothing was changed; solve the problems above and start again");
  signal.throwIfAborted();
  return { loaded, engine, config };
}
