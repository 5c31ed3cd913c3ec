/** One deployment from its checks to its end. */
import { secretTexts } from "../../config/file/edit";
import { hostAccess } from "../../host/address";
import { Mask, maskOf } from "../../text/redact";
import { textOf } from "../cli/command";
import { autoRollback } from "./auto-rollback";
import { hasProblem } from "./checks/check";
import { examine } from "./checks/doctor";
import { Reporter, safeReporter } from "./console";
import { interrupted, Refused, Run, SUCCEEDED, UNTOUCHED, untouched } from "./context";
import { acquireLock } from "./host/lock";
import { hostShell } from "./host/shell";
import { prepare, Prepared, PrepareOptions } from "./prepare";
import { lastGood, NOT_YET } from "./pulumi/history";
import { stackLocked } from "./pulumi/lock";
import { PulumiStack } from "./pulumi/stack";
import { health, keepRecord, recordHealthy, up, UpFailed } from "./up";

export interface DeployOptions extends PrepareOptions {
  readonly stack: string;
  readonly signal: AbortSignal;
  readonly reporter: Reporter;
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
  return typeof prepared === "number" ? prepared : apply(run, prepared);
}

/** Does something under the stack's lock, once the checks are passed. */
async function locked(
  { stack, signal, reporter }: DeployOptions,
  work: (run: Run, mask: Mask) => Promise<number>,
): Promise<number> {
  const { loaded, pulumi, config } = await untouched(() => checked(stack, signal, reporter));
  const shell = hostShell(hostAccess(loaded.config.host));
  const lock = await untouched(() =>
    acquireLock(shell, stack, (line) => {
      reporter.log(line);
    }),
  );
  try {
    await untouched(() => refuseWhileLocked(pulumi));
    const history = await untouched(() => pulumi.history(true));
    // Of every deployment: what fails may be an older one again.
    const mask = maskOf([config, ...history.map((past) => past.config)].flatMap(secretTexts));
    const run = {
      stack,
      signal,
      reporter: safeReporter(reporter, mask),
      pulumi,
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
async function refuseWhileLocked(pulumi: PulumiStack): Promise<void> {
  const [held] = await pulumi.locks();
  if (held !== undefined) throw new Refused(`${stackLocked(pulumi.stack, held)}\n${UNTOUCHED}`);
}

/** The doctor's checks, those that a deployment cannot do without. */
async function checked(stack: string, signal: AbortSignal, reporter: Reporter) {
  reporter.stage("checks");
  const { checks, loaded, pulumi, config } = await examine(stack, { create: true, signal });
  for (const { status, name, text, fix } of checks)
    if (status !== "ok")
      reporter.log(`${status}: ${name}: ${text}${fix === undefined ? "" : `; ${fix}`}`);
  if (hasProblem(checks) || loaded === undefined || pulumi === undefined || config === undefined)
    throw new Refused("nothing was changed; fix the problems above and start again");
  signal.throwIfAborted();
  return { loaded, pulumi, config };
}

/** The answer is the exit code. */
export async function apply(run: Run, prepared: Prepared): Promise<number> {
  const { pulumi, signal, reporter, history } = run;
  const { config, message, model, replace, lost } = prepared;
  signal.throwIfAborted();
  await keepRecord(run, lastGood(history)?.start.toISOString() ?? NOT_YET);
  signal.throwIfAborted();
  let failure: readonly string[];
  try {
    for (const { urn } of lost) await pulumi.unprotect(urn);
    reporter.stage("deployment");
    await up(run, config, message, replace);
    failure = await health(run, model);
  } catch (error) {
    if (error instanceof Refused) throw error;
    failure = error instanceof UpFailed ? error.lines : [textOf(error)];
  }
  if (signal.aborted) throw interrupted(run);
  if (failure.length > 0) return autoRollback(run, failure, prepared);
  await recordHealthy(run);
  reporter.log(
    `deployed: ${model.containers.length} containers healthy, ${model.ingress.routes.length} routes answer`,
  );
  return SUCCEEDED;
}
