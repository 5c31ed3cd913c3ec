/** The deployment itself: from here on something that runs may be touched. */
import { textOf } from "../cli/command";
import { interrupted, Refused, Run, SUCCEEDED } from "./context";
import { lastGood, NOT_YET } from "./pulumi/history";
import { goBack } from "./auto-rollback";
import { health, keepRecord, recordHealthy, up, UpFailed } from "./up";
import { Prepared } from "./prepare";

/** The answer is the exit code. */
export async function engage(run: Run, prepared: Prepared): Promise<number> {
  const { engine, signal, talk, history } = run;
  const { config, message, model, replace, lost } = prepared;
  signal.throwIfAborted();
  await keepRecord(run, lastGood(history)?.start.toISOString() ?? NOT_YET);
  signal.throwIfAborted();
  let failure: readonly string[];
  try {
    for (const { urn } of lost) await engine.unprotect(urn);
    talk.stage("deployment");
    await up(run, config, message, replace);
    failure = await health(run, model);
  } catch (error) {
    if (error instanceof Refused) throw error;
    failure = error instanceof UpFailed ? error.lines : [textOf(error)];
  }
  if (signal.aborted) throw interrupted(run);
  if (failure.length > 0) return goBack(run, failure, prepared);
  await recordHealthy(run);
  talk.say(
    `deployed: ${model.containers.length} containers healthy, ${model.ingress.routes.length} routes answer`,
  );
  return SUCCEEDED;
}
