/**
 * One deployment from its checks to its end. The stages are in the order in which they can fail without anybody noticing:
 * nothing that runs is touched before the new images, the rehearsal and the dump are there.
 */
import { hostAccess } from "../host/address";
import { hasProblem } from "./checks";
import { PlainConfig, withImages } from "./configuration";
import { interrupted, NOT_RETURNED, Refused, Run, SUCCEEDED, Talk } from "./context";
import { declaredContainers } from "./declared";
import { examine, secretsOf } from "./doctor";
import { goBack, removeOrphans, up, UpFailed } from "./engage";
import { DEPLOY, lastGood, PastUpdate, unfinished } from "./history";
import { hostShell } from "./host-shell";
import { KindsOf } from "./kinds";
import { acquireLock } from "./lock";
import { lookBack } from "./look-back";
import { lostVolumes, LostVolume, majorChange } from "./losses";
import { maskOf } from "./mask";
import { Plan, planOf } from "./plan";
import { Decision, planText } from "./plan-text";
import { dumpDatabases, pullImages, rehearse } from "./stages";
import { modelFor, onConfig, Target } from "./target";
import { routeProbes } from "./routes";
import { verify } from "./verify";
import { weaker } from "./weaker";

export interface DeployOptions {
  readonly stack: string;
  readonly signal: AbortSignal;
  readonly talk: Talk;
  /** Asked once the plan is shown; the answer is why not, or undefined. */
  readonly confirm: (decision: Decision) => Promise<string | undefined>;
  readonly allowDelete: boolean;
  /** Replace PostgreSQL even where its databases cannot be dumped. */
  readonly withoutDump: boolean;
  /** Another configuration than the stack's file. Default: the file. */
  readonly target?: (history: readonly PastUpdate[]) => Target;
  /** Says what the image changes are. Default: nobody looks. */
  readonly kinds?: KindsOf;
}

export async function deploy(options: DeployOptions): Promise<number> {
  const { stack, signal, talk } = options;
  talk.stage("checks");
  const { checks, model, engine, config } = await examine(stack, { create: true, signal });
  for (const check of checks)
    if (check.status !== "ok")
      talk.say(
        `${check.status}: ${check.name}: ${check.text}${check.fix === undefined ? "" : `; ${check.fix}`}`,
      );
  if (hasProblem(checks) || model === undefined || engine === undefined || config === undefined)
    throw new Refused("nothing was changed; solve the problems above and start again");
  signal.throwIfAborted();

  const shell = hostShell(hostAccess(model.config.host));
  const lock = await acquireLock(shell, stack, (line) => {
    talk.say(line);
  });
  try {
    const mask = maskOf(secretsOf((await modelFor(stack, config)).config));
    return await deployLocked({ ...options, engine, shell, current: config, mask }, options);
  } catch (error) {
    // Whatever a stage says when it is interrupted, that it was is what counts.
    throw signal.aborted ? signal.reason : error;
  } finally {
    await lock.release();
  }
}

async function deployLocked(run: Run, options: DeployOptions): Promise<number> {
  const { stack, engine, shell, current, signal, talk } = run;
  const { pending, state, history, changedByHand } = await lookBack(run);
  const target = options.target?.(history) ?? { config: current, message: DEPLOY };
  const wantedModel = await modelFor(stack, target.config);
  const major = majorChange(
    stack,
    state.images,
    wantedModel.outputs.images,
    wantedModel.config.postgresUpgradedFrom,
  );
  if (major !== undefined) throw new Refused(major);
  const lost = lostVolumes(state, wantedModel);
  if (lost.length > 0 && !options.allowDelete) throw new Refused(lossText(lost));

  talk.stage("plan");
  const plan = await previewPlan(run, target.config, lost, changedByHand);
  // From here on every image has its digest: what was planned is what is pulled, tried and deployed.
  const pinned = withImages(target.config, plan.images);
  const model = await modelFor(stack, pinned);
  const declared = declaredContainers(model);
  const probes = routeProbes(model);
  const decision: Decision = {
    plan,
    kinds: (await options.kinds?.(plan, model.config, signal)) ?? {},
    weakenings: weaker(state.restrictions, model.outputs.restrictions),
    lost,
    pending,
    dump: replacesPostgres(plan) && !options.withoutDump,
  };
  talk.show(planText(stack, decision));
  if (!plan.changes && lost.length === 0 && unfinished(history) === undefined) {
    talk.stage("health");
    const health = await verify(shell, stack, declared, probes, { signal });
    health.problems.forEach((line) => {
      talk.say(line);
    });
    talk.say(
      health.problems.length === 0
        ? "nothing to do, all is healthy"
        : "nothing to do, but not all is healthy",
    );
    return health.problems.length === 0 ? SUCCEEDED : NOT_RETURNED;
  }
  const no = await options.confirm(decision);
  if (no !== undefined) throw new Refused(`${no}; nothing was changed`);

  await removeOrphans(run);
  await pullImages(run, plan, model);
  await rehearse(run, plan, model, declared);
  if (decision.dump) await dumpDatabases(run, model);
  for (const { urn } of lost) await engine.unprotect(urn);

  talk.stage("deployment");
  const failure = await up(run, pinned, target.message, changedByHand).then(
    async () => {
      talk.stage("health");
      const { problems } = await verify(shell, stack, declared, probes, { signal });
      return problems.length === 0 ? undefined : problems;
    },
    (error: unknown) => {
      if (signal.aborted) throw interrupted(run);
      return error instanceof UpFailed ? error.lines : [String(error)];
    },
  );
  if (signal.aborted) throw interrupted(run);
  if (failure === undefined) {
    talk.say(`deployed: ${declared.length} containers healthy, ${probes.length} routes answer`);
    return SUCCEEDED;
  }
  return goBack(run, failure, lastGood(history), state);
}

async function previewPlan(
  run: Run,
  config: PlainConfig,
  lost: readonly LostVolume[],
  replace: readonly string[],
): Promise<Plan> {
  const { engine, current, signal, stack } = run;
  return onConfig(engine, current, config, async (options) => {
    const events = await engine.preview({
      ...options,
      signal,
      // The engine refuses to plan the end of a protected resource; these are asked about by ourselves.
      exclude: lost.map(({ urn }) => urn),
      replace,
    });
    return planOf(stack, events);
  });
}

const replacesPostgres = ({ containers }: Plan): boolean =>
  containers.some(
    ({ service, action }) =>
      service === "postgres" && (action === "replaced" || action === "removed"),
  );

const lossText = (lost: readonly LostVolume[]): string =>
  [
    ...lost.map(
      ({ name }) =>
        `volume ${name} would leave the stack; its data would stay on the host, but nothing would use it`,
    ),
    "nothing was changed; to go on, add --allow-delete",
  ].join("\n");
