/** The deployment itself: from here on something that runs may be touched. */
import { textOf } from "../cli/command";
import { PlainConfig } from "./configuration";
import { interrupted, Refused, Run, SUCCEEDED } from "./context";
import { DeclaredContainer } from "./declared";
import { DeployedContainer } from "./deployed";
import { lastGood, NOT_YET } from "./history";
import { LostVolume } from "./losses";
import { goBack } from "./return";
import { RouteProbe } from "./routes";
import { health, keepRecord, recordHealthy, up, UpFailed } from "./up";
import { NoWayBack, WayBack } from "./way-back";

/** What a deployment is to bring, once everything before it is done. */
export interface Prepared {
  /** Every image in it has its digest. */
  readonly config: PlainConfig;
  /** The message of the update. */
  readonly message: string;
  readonly declared: readonly DeclaredContainer[];
  readonly probes: readonly RouteProbe[];
  /** Resources to make anew though nothing about them changed. */
  readonly replace: readonly string[];
  readonly lost: readonly LostVolume[];
  /** What the state says ran before. */
  readonly deployed: readonly DeployedContainer[];
  readonly back: WayBack | NoWayBack;
}

/** The answer is the exit code. */
export async function engage(run: Run, prepared: Prepared): Promise<number> {
  const { engine, signal, talk, history } = run;
  const { config, message, declared, probes, replace, lost } = prepared;
  signal.throwIfAborted();
  await keepRecord(run, lastGood(history)?.start.toISOString() ?? NOT_YET);
  signal.throwIfAborted();
  let failure: readonly string[];
  try {
    for (const { urn } of lost) await engine.unprotect(urn);
    talk.stage("deployment");
    await up(run, config, message, replace);
    failure = await health(run, declared, probes);
  } catch (error) {
    if (error instanceof Refused) throw error;
    failure = error instanceof UpFailed ? error.lines : [textOf(error)];
  }
  if (signal.aborted) throw interrupted(run);
  if (failure.length > 0) return goBack(run, failure, prepared);
  await recordHealthy(run);
  talk.say(`deployed: ${declared.length} containers healthy, ${probes.length} routes answer`);
  return SUCCEEDED;
}
