/** The part of a deployment that starts and stops no container: plan, confirmation, image pulls. */
import { EngineEvent } from "@pulumi/pulumi/automation";

import { bareTagsOf, StackModel } from "../../components/model";
import { PlainConfig } from "../../config/file/edit";
import { ADOPT, Adoption, adoptedPlan, adoptionFindings, adoptionProblem } from "./adopt";
import { EXIT_OK, EXIT_UNHEALTHY, NOTHING_CHANGED, Refused, Run, ProgramMode } from "./context";
import { LoadedStack } from "../model/load";
import { DeployedContainer, deployedModel, writtenFiles } from "./pulumi/state";
import { deployments, DEPLOY, PastUpdate } from "./pulumi/history";
import { ImageChangeKinds } from "./plan/image-changes";
import { CurrentState, reconcile } from "./reconcile";
import { OrphanedVolume, orphanedVolumes } from "./plan/orphaned-volumes";
import { Plan, planOf } from "./plan/plan";
import { replacesDatabase, triedIn } from "./plan/trial";
import { weakenings } from "./plan/weakenings";
import { Decision, planText } from "./plan/text";
import { checkImages, refuseUnmet, verifiedLines } from "../../images/signatures/check";
import { CommandError, PROJECT_FOLDER, textOf } from "../cli/command";
import { lostProviders } from "./pulumi/events";
import { removeOrphans } from "./host/orphans";
import { pullImages } from "./host/pull";
import { loadTarget, onConfig, Target, withPlannedImages } from "./pulumi/target";
import { health, recordHealthy } from "./up";
import { NoRollback, refusedNow, RollbackCandidate, rollbackCandidate } from "./rollback";

export interface PrepareOptions {
  /** Called after the plan is shown. Resolves to the reason not to deploy, or undefined. */
  readonly confirm: (decision: Decision) => Promise<string | undefined>;
  /** Chooses another configuration than that of the stack file. */
  readonly target?: (history: readonly PastUpdate[]) => Target;
  /** Default: the plan shows no kinds of change. */
  readonly imageChangeKinds?: ImageChangeKinds;
  /** Take over what Pulumi's state has lost. Default: the deployment is refused then. */
  readonly adopt?: boolean;
  /** Replace containers without trying them on copies of their data first. Default false. */
  readonly withoutTrial?: boolean;
}

/** What to deploy. */
export interface Prepared {
  /** Every image has a digest. */
  readonly config: PlainConfig;
  /** The message of the Pulumi update. */
  readonly message: string;
  readonly model: StackModel;
  /** URNs of resources to replace although their inputs did not change. */
  readonly replace: readonly string[];
  readonly orphanedVolumes: readonly OrphanedVolume[];
  readonly trial: ProgramMode;
  /** Containers in Pulumi's state before this deployment. */
  readonly deployed: readonly DeployedContainer[];
  /** Live files before this deployment. */
  readonly files: ReturnType<typeof writtenFiles>;
  /** Services whose image was deployed without a pin in the stack file. */
  readonly bareTags: readonly string[];
  /** Docker's ids of the containers that ran before this deployment. */
  readonly running: readonly string[];
  readonly rollback: RollbackCandidate | NoRollback;
  readonly adoption: Adoption | undefined;
}

/** Resolves to an exit code if there is nothing to deploy. */
export async function prepare(run: Run, options: PrepareOptions): Promise<Prepared | number> {
  const { stack, history, signal, reporter } = run;
  const current = await reconcile(run);
  const { adoption } = current;
  if (adoption !== undefined && options.adopt !== true)
    throw new Refused(`${adoptionProblem(stack, adoption)}\n${NOTHING_CHANGED}`);
  if (adoption === undefined && options.adopt === true)
    reporter.log("Pulumi's state knows the stack, so there is nothing to take over");
  const rollback = rollbackCandidate(stack, history);
  const { config: wanted, message, number } = targetOf(run, options);
  const target = loadWanted(stack, wanted, number);
  const orphaned = orphanedVolumes(current.state, target.model);

  reporter.stage("plan");
  const checked = await checkImages({ ...target.config, folder: PROJECT_FOLDER });
  refuseUnmet(checked);
  const preview = await previewPlan(run, wanted, target.model, current, orphaned);
  const plan = adoption === undefined ? preview : adoptedPlan(preview, target.model, adoption);
  // Pins every image, so that the images of the plan are pulled, tried and deployed.
  const pinned = withPlannedImages(wanted, target, plan.images);
  const { model } = pinned;
  const decision: Decision = {
    plan,
    kinds: (await options.imageChangeKinds?.(plan, pinned.config, signal)) ?? {},
    weakenings: weakenings(modelBefore(current, rollback, model), model),
    orphanedVolumes: orphaned,
    findings: [
      ...current.findings,
      ...(adoption === undefined ? [] : await adoptionFindings(run, adoption, target.model)),
    ],
    verified: verifiedLines(checked),
    tried: options.withoutTrial === true ? undefined : triedIn(plan, model),
    dump: replacesDatabase(plan, model),
    ...("none" in rollback && rollback.kind !== "first" && { noRollback: rollback.none }),
  };
  reporter.show(planText(stack, decision));
  // An update without changes still completes an interrupted run, or creates a deployment to roll back to.
  const needed =
    current.interrupted ||
    adoption !== undefined ||
    current.stopped.length > 0 ||
    ("none" in rollback && rollback.kind === "unusable");
  if (!plan.changes && orphaned.length === 0 && !needed) {
    const problems = await health(run, model);
    for (const line of problems) reporter.log(line);
    if (problems.length > 0) {
      reporter.log("nothing to do, but not everything is healthy");
      return EXIT_UNHEALTHY;
    }
    if (deployments(history).at(-1)?.outcome === "unverified") await recordHealthy(run);
    reporter.log("nothing to do, everything is healthy");
    return EXIT_OK;
  }
  const refusal = await options.confirm(decision);
  if (refusal !== undefined) throw new Refused(`${refusal}; nothing was changed`);

  await removeOrphans(run, current.orphans);
  await pullImages(run, plan, pinned);
  const { drifted: replace, deployed, running, recorded } = current;
  const trial = {
    tried: options.withoutTrial !== true,
    olderData: options.target !== undefined,
    bareTags: bareTagsOf(model),
  };
  return {
    config: pinned.plain,
    message: adoption === undefined ? message : ADOPT,
    model,
    replace,
    orphanedVolumes: orphaned,
    trial,
    deployed,
    files: writtenFiles(current.state),
    bareTags: recorded.model === undefined ? [] : bareTagsOf(recorded.model),
    running,
    rollback,
    adoption,
  };
}

/** Errors of the program would name the stack file instead of deployment `number`. */
function loadWanted(stack: string, wanted: PlainConfig, number: number | undefined): LoadedStack {
  try {
    return loadTarget(stack, wanted);
  } catch (error) {
    throw number === undefined ? error : new Refused(refusedNow(number, error));
  }
}

const targetOf = ({ history, current }: Run, { target }: PrepareOptions): Target =>
  target === undefined ? { config: current, message: DEPLOY } : target(history);

async function previewPlan(
  { pulumi, current, signal }: Run,
  config: PlainConfig,
  model: StackModel,
  { state, drifted }: CurrentState,
  orphaned: readonly OrphanedVolume[],
): Promise<Plan> {
  return onConfig(pulumi, current, config, async (options) => {
    const events: EngineEvent[] = [];
    try {
      await pulumi.preview({
        ...options,
        signal,
        // Pulumi refuses to plan the deletion of protected resources; the plan lists these volumes itself.
        exclude: orphaned.map(({ urn }) => urn),
        replace: drifted,
        onEvent: (event) => events.push(event),
      });
    } catch (error) {
      const lost = lostProviders(events);
      throw lost.length > 0 ? new CommandError([...lost, textOf(error)].join("\n"), 1) : error;
    }
    return planOf(model, state, events);
  });
}

/**
 * What is deployed, to compare restrictions with. After an interrupted run the state mixes two configurations, so the last
 * good deployment counts instead. It also completes a state that has lost containers, for instance after a refresh: the bare
 * policy would make every exemption of theirs look new. Where nothing was ever healthy, what is not in the state yet counts
 * as it does in a first deployment.
 */
function modelBefore(
  { interrupted, recorded }: CurrentState,
  rollback: RollbackCandidate | NoRollback,
  wanted: StackModel,
): StackModel | "nothing" | "unknown" {
  if ("none" in rollback) {
    return recorded.model === undefined || rollback.kind === "unusable"
      ? deployedModel(recorded)
      : completed(recorded.model, wanted);
  }
  const good = rollback.target.model;
  if (interrupted || recorded.model === undefined) return good;
  return completed(recorded.model, good);
}

/** With the containers of `other` that `model` lacks. */
function completed(model: StackModel, other: StackModel): StackModel {
  const known = new Set(model.containers.map(({ name }) => name));
  const missing = other.containers.filter(({ name }) => !known.has(name));
  return { ...model, containers: [...model.containers, ...missing] };
}
