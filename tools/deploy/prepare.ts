/**
 * Everything of a deployment that touches nothing that runs, in the order in which it can fail without anybody noticing:
 * plan and decision, new images, rehearsal, dump.
 */
import { majorChange } from "../../components/services/postgres/version";
import { withImages, PlainConfig } from "../../config/file/edit";
import { NOT_RETURNED, Refused, Run, SUCCEEDED } from "./context";
import { DeclaredContainer, declaredContainers } from "../model/declared";
import { DeployedContainer, recordedResources } from "./pulumi/deployed";
import { deployments, DEPLOY, PastUpdate } from "./pulumi/history";
import { KindsOf } from "./plan/image-changes";
import { Before, lookBack } from "./reconcile";
import { acrossMajors, lostVolumes, LostVolume } from "./plan/lost-volumes";
import { Plan, planOf } from "./plan/plan";
import { Decision, planText } from "./plan/text";
import { removeLeft } from "./host/orphans";
import { RouteProbe, routeProbes } from "./host/routes";
import { dumpDatabases, pullImages, rehearse } from "./host/stages";
import { modelFor, onConfig, Target } from "./pulumi/target";
import { health, recordHealthy } from "./up";
import { NoWayBack, refusedNow, WayBack, wayBack } from "./way-back";
import { Restricted, restricted, weaker } from "./plan/weakenings";

export interface PrepareOptions {
  /** Asked once the plan is shown; the answer is why not, or undefined. */
  readonly confirm: (decision: Decision) => Promise<string | undefined>;
  /** Another configuration than the stack's file. Default: the file. */
  readonly target?: (history: readonly PastUpdate[]) => Target;
  /** Says what the image changes are. Default: nobody looks. */
  readonly kinds?: KindsOf;
  /** Replace PostgreSQL even where its databases cannot be dumped. Default false. */
  readonly withoutDump?: boolean;
}

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

/** An exit code instead where there is nothing to deploy. */
export async function prepare(run: Run, options: PrepareOptions): Promise<Prepared | number> {
  const { stack, history, signal, talk } = run;
  const before = await lookBack(run);
  const back = await wayBack(stack, history);
  const { config: wanted, message, number } = targetOf(run, options, before);
  const wantedModel = await modelFor(stack, wanted).catch((error: unknown) => {
    throw number === undefined ? error : new Refused(refusedNow(number, error));
  });
  const major = majorChange(
    stack,
    before.state.postgresMajor,
    wantedModel.outputs.postgresMajor,
    wantedModel.config.postgresUpgradedFrom,
  );
  if (major !== undefined) throw new Refused(major);
  const lost = lostVolumes(before.state, wantedModel);

  talk.stage("plan");
  const plan = await previewPlan(run, wanted, lost, before.changedByHand);
  // From here on every image has its digest: what was planned is what is pulled, tried and deployed.
  const config = withImages(wanted, plan.images);
  const model = await modelFor(stack, config);
  const declared = declaredContainers(model);
  const probes = routeProbes(model);
  const decision: Decision = {
    plan,
    kinds: (await options.kinds?.(plan, model.config, signal)) ?? {},
    weakenings: weaker(
      restrictionsBefore(stack, before, back),
      restricted(stack, model.resources, declared, model.outputs.restrictions),
    ),
    lost,
    pending: before.pending,
    dump: replacesPostgres(plan) && options.withoutDump !== true,
    ...("none" in back && back.kind !== "first" && { noWayBack: back.none }),
  };
  talk.show(planText(stack, decision));
  // A run without changes is of use all the same: it ends what was cut off, and makes a deployment to return to.
  const needed = before.cutOff || ("none" in back && back.kind === "unusable");
  if (!plan.changes && lost.length === 0 && !needed) {
    const problems = await health(run, declared, probes);
    for (const line of problems) talk.say(line);
    if (problems.length > 0) {
      talk.say("nothing to do, but not all is healthy");
      return NOT_RETURNED;
    }
    if (deployments(history).at(-1)?.outcome === "unverified") await recordHealthy(run);
    talk.say("nothing to do, all is healthy");
    return SUCCEEDED;
  }
  const no = await options.confirm(decision);
  if (no !== undefined) throw new Refused(`${no}; nothing was changed`);

  await removeLeft(run, before.left);
  await pullImages(run, plan, model);
  await rehearse(run, plan, model, declared);
  if (decision.dump) await dumpDatabases(run, model);
  const { changedByHand: replace, deployed } = before;
  return { config, message, declared, probes, replace, lost, deployed, back };
}

/** Going back means that the data of another version of PostgreSQL is left behind. */
function targetOf(
  { history, current }: Run,
  { target }: PrepareOptions,
  { state }: Before,
): Target {
  if (target === undefined) return { config: current, message: DEPLOY };
  const wanted = target(history);
  return { ...wanted, config: acrossMajors(wanted.config, state.postgresMajor) };
}

async function previewPlan(
  { engine, current, signal, stack }: Run,
  config: PlainConfig,
  lost: readonly LostVolume[],
  replace: readonly string[],
): Promise<Plan> {
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

/** What a run that was cut off left in the state is of no one configuration: then it is the last good deployment's. */
function restrictionsBefore(
  stack: string,
  { cutOff, recorded, deployed }: Before,
  back: WayBack | NoWayBack,
): Restricted {
  const rows = cutOff ? [] : recorded.restrictions;
  const inState = restricted(stack, recordedResources(recorded), deployed, rows);
  if (!cutOff) return inState;
  if (!("none" in back)) {
    const { resources, outputs } = back.model;
    return restricted(stack, resources, declaredContainers(back.model), outputs.restrictions);
  }
  return back.kind === "unusable" ? inState : { ...inState, containers: [] };
}

const replacesPostgres = ({ containers }: Plan): boolean =>
  containers.some(
    ({ service, action }) =>
      service === "postgres" && (action === "replaced" || action === "removed"),
  );
