/** Runs one deployment: checks, lock, preparation, update, health check, and the rollback if it fails. */
import { StackModel } from "../../components/model";
import { cleanupScript } from "../../components/upgrade/return";
import { secretTexts } from "../../config/file/edit";
import { hostAccess } from "../../host/address";
import { Mask, maskOf } from "../../text/redact";
import { textOf } from "../cli/command";
import { removeReplaced } from "./adopt";
import { autoRollback } from "./auto-rollback";
import { hasProblem } from "./checks/check";
import { examine } from "./checks/doctor";
import { Reporter, safeReporter } from "./console";
import { beforeChanges, EXIT_OK, interrupted, NOTHING_CHANGED, Refused, Run } from "./context";
import { acquireLock } from "./host/lock";
import { hostShell } from "../../host/shell";
import { prepare, Prepared, PrepareOptions } from "./prepare";
import { lastGood, NONE_VERIFIED } from "./pulumi/history";
import { stackLocked } from "./pulumi/lock";
import { PulumiStack } from "./pulumi/stack";
import { health, recordHealthy, recordVerified, up, UpFailed } from "./up";

export interface DeployOptions extends PrepareOptions {
  readonly stack: string;
  readonly signal: AbortSignal;
  readonly reporter: Reporter;
}

/** Resolves to the exit code. Rejects with the signal's reason after an interrupt. */
export async function deploy(options: DeployOptions): Promise<number> {
  const { signal } = options;
  try {
    return await withLock(options, (run, mask) => prepareAndApply(run, options, mask));
  } catch (error) {
    // An interrupted stage may reject with an error of its own.
    throw signal.aborted ? signal.reason : error;
  }
}

export async function prepareAndApply(
  run: Run,
  options: PrepareOptions,
  mask: Mask,
): Promise<number> {
  const prepared = await beforeChanges(() => prepare(run, options), mask);
  return typeof prepared === "number" ? prepared : apply(run, prepared);
}

/** Runs the checks, then `work` under the lock of the stack. */
async function withLock(
  { stack, signal, reporter }: DeployOptions,
  work: (run: Run, mask: Mask) => Promise<number>,
): Promise<number> {
  const { loaded, pulumi, config } = await beforeChanges(() => runChecks(stack, signal, reporter));
  const shell = hostShell(hostAccess(loaded.config.host));
  const lock = await beforeChanges(() =>
    acquireLock(shell, stack, (line) => {
      reporter.log(line);
    }),
  );
  try {
    await beforeChanges(() => refuseIfPulumiLocked(pulumi));
    const history = await beforeChanges(() => pulumi.history(true));
    // Secrets of every deployment, because a rollback deploys an older one.
    const mask = maskOf([config, ...history.map((past) => past.config)].flatMap(secretTexts));
    const safe = safeReporter(reporter, mask);
    return await work(
      { stack, signal, reporter: safe, pulumi, shell, current: config, history },
      mask,
    );
  } finally {
    await lock.release();
  }
}

/** A preview ignores Pulumi's own lock on the state, so only the update would fail. */
async function refuseIfPulumiLocked(pulumi: PulumiStack): Promise<void> {
  const [holder] = await pulumi.locks();
  if (holder !== undefined)
    throw new Refused(`${stackLocked(pulumi.stack, holder)}\n${NOTHING_CHANGED}`);
}

/** The doctor's checks, without registries and DNS. */
async function runChecks(stack: string, signal: AbortSignal, reporter: Reporter) {
  reporter.stage("checks");
  const { checks, loaded, pulumi, config } = await examine(stack, { create: true, signal });
  for (const { status, name, text, fix } of checks)
    if (status !== "ok")
      reporter.log(`${status}: ${name}: ${text}${fix === undefined ? "" : `; ${fix}`}`);
  if (hasProblem(checks) || loaded === undefined || pulumi === undefined || config === undefined)
    throw new Refused("nothing was changed; fix the problems above and deploy again");
  signal.throwIfAborted();
  return { loaded, pulumi, config };
}

/** Resolves to the exit code. */
async function apply(run: Run, prepared: Prepared): Promise<number> {
  const { pulumi, signal, reporter, history } = run;
  const { config, message, model, replace, orphanedVolumes, trial, adoption } = prepared;
  signal.throwIfAborted();
  await recordVerified(run, lastGood(history)?.start.toISOString() ?? NONE_VERIFIED);
  signal.throwIfAborted();
  let failure: readonly string[];
  let unseen: readonly string[] | undefined;
  try {
    for (const { urn } of orphanedVolumes) await pulumi.unprotect(urn);
    reporter.stage("deployment");
    await up(run, config, message, trial, {
      replace,
      ...(adoption && { networks: adoption.networks }),
    });
    // As Pulumi does it with those that it knows.
    if (adoption !== undefined) await removeReplaced(run, model);
    failure = await health(run, model);
  } catch (error) {
    if (error instanceof Refused) throw error;
    failure = error instanceof UpFailed ? error.lines : [textOf(error)];
    unseen = error instanceof UpFailed ? error.unseen : failure;
  }
  if (signal.aborted) throw interrupted(run);
  if (failure.some((line) => line.startsWith("REFUSED: ")))
    throw new Refused(
      `refused: the stack runs as before; correct Pulumi.${run.stack}.yaml and deploy again`,
    );
  if (failure.length > 0) return autoRollback(run, failure, prepared, unseen);
  await recordHealthy(run);
  await forgetCopies(run, model);
  reporter.log(
    `done: ${model.containers.length} containers healthy, ${model.ingress.routes.length} routes answer`,
  );
  return EXIT_OK;
}

/** Removes the copies of data that the update kept for a return. An error costs disk only, so it is just logged. */
async function forgetCopies(
  { shell, stack, reporter }: Run,
  { containers }: StackModel,
): Promise<void> {
  const problem = await shell(cleanupScript(stack, containers)).then(
    ({ code, stderr }) => (code === 0 ? undefined : stderr.trim()),
    textOf,
  );
  if (problem !== undefined)
    reporter.log(`the copies of the data before this deployment could not be removed: ${problem}`);
}
