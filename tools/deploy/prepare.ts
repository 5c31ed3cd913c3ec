/**
 * Everything of a deployment that touches nothing that runs, in the order in which it can fail without anybody noticing:
 * plan and decision, new images, rehearsal, dump.
 */
import { checkDataFormats } from "../../components/describe";
import { StackModel } from "../../components/model";
import { DEFINITIONS } from "../../components/services";
import { withImages, PlainConfig } from "../../config/file/edit";
import { NOT_RETURNED, Refused, Run, SUCCEEDED } from "./context";
import { LoadedStack } from "../model/load";
import { Change } from "../report/changes/change";
import { changes } from "../report/changes/changes";
import { stackView } from "../report/view/stack";
import { DeployedContainer } from "./pulumi/state";
import { deployments, DEPLOY, PastUpdate } from "./pulumi/history";
import { ImageChangeKinds } from "./plan/image-changes";
import { CurrentState, reconcile } from "./reconcile";
import { acrossMajors, lostVolumes, LostVolume } from "./plan/lost-volumes";
import { Plan, planOf } from "./plan/plan";
import { Decision, planText } from "./plan/text";
import { removeOrphans } from "./host/orphans";
import { dumpDatabases } from "./host/dump";
import { pullImages } from "./host/pull";
import { rehearse } from "./host/rehearsal";
import { loadTarget, onConfig, Target } from "./pulumi/target";
import { health, recordHealthy } from "./up";
import { NoRollback, refusedNow, RollbackCandidate, rollbackCandidate } from "./rollback";

export interface PrepareOptions {
  /** Asked once the plan is shown; the answer is why not, or undefined. */
  readonly confirm: (decision: Decision) => Promise<string | undefined>;
  /** Another configuration than the stack's file. Default: the file. */
  readonly target?: (history: readonly PastUpdate[]) => Target;
  /** Says what the image changes are. Default: nobody looks. */
  readonly kinds?: ImageChangeKinds;
  /** Replace PostgreSQL even where its databases cannot be dumped. Default false. */
  readonly withoutDump?: boolean;
}

/** What a deployment is to bring, once everything before it is done. */
export interface Prepared {
  /** Every image in it has its digest. */
  readonly config: PlainConfig;
  /** The message of the update. */
  readonly message: string;
  readonly model: StackModel;
  /** Resources to make anew though nothing about them changed. */
  readonly replace: readonly string[];
  readonly lost: readonly LostVolume[];
  /** What the state says ran before. */
  readonly deployed: readonly DeployedContainer[];
  readonly back: RollbackCandidate | NoRollback;
}

/** An exit code instead where there is nothing to deploy. */
export async function prepare(run: Run, options: PrepareOptions): Promise<Prepared | number> {
  const { stack, history, signal, reporter } = run;
  const before = await reconcile(run);
  const back = rollbackCandidate(stack, history);
  const { config: wanted, message, number } = targetOf(run, options, before);
  const target = loadWanted(stack, wanted, number);
  checkDataFormats(target.config, target.model, before.state.dataFormats);
  const lost = lostVolumes(before.state, target.model);

  reporter.stage("plan");
  const plan = await previewPlan(run, wanted, target.model, before, lost);
  // From here on every image has its digest: what was planned is what is pulled, tried and deployed.
  const config = withImages(wanted, plan.images);
  const loaded = loadTarget(stack, config);
  const { model } = loaded;
  const decision: Decision = {
    plan,
    kinds: (await options.kinds?.(plan, loaded.config, signal)) ?? {},
    weakenings: weakenings(modelBefore(before, back), model),
    lost,
    pending: before.pending,
    dump: replacesDumped(plan) && options.withoutDump !== true,
    ...("none" in back && back.kind !== "first" && { noRollback: back.none }),
  };
  reporter.show(planText(stack, decision));
  // A run without changes is of use all the same: it ends what was cut off, and makes a deployment to return to.
  const needed = before.cutOff || ("none" in back && back.kind === "unusable");
  if (!plan.changes && lost.length === 0 && !needed) {
    const sick = await health(run, model);
    for (const line of sick) reporter.log(line);
    if (sick.length > 0) {
      reporter.log("nothing to do, but not everything is healthy");
      return NOT_RETURNED;
    }
    if (deployments(history).at(-1)?.outcome === "unverified") await recordHealthy(run);
    reporter.log("nothing to do, everything is healthy");
    return SUCCEEDED;
  }
  const no = await options.confirm(decision);
  if (no !== undefined) throw new Refused(`${no}; nothing was changed`);

  await removeOrphans(run, before.left);
  await pullImages(run, plan, loaded);
  await rehearse(run, plan, model);
  if (decision.dump) await dumpDatabases(run, loaded);
  const { changedByHand: replace, deployed } = before;
  return { config, message, model, replace, lost, deployed, back };
}

/** The program's own message would name the stack's file, which says something else than deployment `number`. */
function loadWanted(stack: string, wanted: PlainConfig, number: number | undefined): LoadedStack {
  try {
    return loadTarget(stack, wanted);
  } catch (error) {
    throw number === undefined ? error : new Refused(refusedNow(number, error));
  }
}

/** Going back means that the data of another version of PostgreSQL is left behind. */
function targetOf(
  { history, current }: Run,
  { target }: PrepareOptions,
  { state }: CurrentState,
): Target {
  if (target === undefined) return { config: current, message: DEPLOY };
  const wanted = target(history);
  return { ...wanted, config: acrossMajors(wanted.config, state.dataFormats) };
}

async function previewPlan(
  { pulumi, current, signal }: Run,
  config: PlainConfig,
  model: StackModel,
  { state, changedByHand }: CurrentState,
  lost: readonly LostVolume[],
): Promise<Plan> {
  return onConfig(pulumi, current, config, async (options) => {
    const events = await pulumi.preview({
      ...options,
      signal,
      // Pulumi refuses to plan the deletion of a protected resource; this command asks about these itself.
      exclude: lost.map(({ urn }) => urn),
      replace: changedByHand,
    });
    return planOf(model, state, events);
  });
}

/** A run that was cut off left a state that is of no one configuration: then the last good deployment counts. */
function modelBefore(
  { cutOff, recorded }: CurrentState,
  back: RollbackCandidate | NoRollback,
): StackModel | undefined {
  if (!cutOff) return recorded.model;
  if (!("none" in back)) return back.target.model;
  return back.kind === "unusable" ? recorded.model : undefined;
}

/** CurrentState the first deployment there is nothing to be weaker than. */
const weakenings = (before: StackModel | undefined, after: StackModel): Change[] =>
  before === undefined || before.containers.length === 0
    ? []
    : changes(stackView(before), stackView(after), { newContainers: "policy" }).filter(
        ({ kind }) => kind === "weaker",
      );

const replacesDumped = ({ containers }: Plan): boolean =>
  containers.some(
    ({ service, action }) =>
      (action === "replaced" || action === "removed") &&
      DEFINITIONS.some(({ name, dumpBefore }) => name === service && dumpBefore === true),
  );
