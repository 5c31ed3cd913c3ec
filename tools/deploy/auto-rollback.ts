/** Returns to what ran before a deployment that failed. */
import { isUp } from "../../components/stopped";
import { markReturnScript, returnScript } from "../../components/upgrade/return";
import { textOf } from "../cli/command";
import { PlainConfig, withImages } from "../../config/file/edit";
import { EXIT_RETURNED, EXIT_UNHEALTHY, interrupted, Run } from "./context";
import { Prepared } from "./prepare";
import { autoRollbackMessage, filesBackMessage, imagesOf, timestamp } from "./pulumi/history";
import { runDetached } from "./host/detached";
import { Inventory, takeInventory } from "./host/inventory";
import { orphanedVolumes } from "./plan/orphaned-volumes";
import { findOrphans, removeOrphans } from "./host/orphans";
import { writtenFiles } from "./pulumi/state";
import { loadTarget } from "./pulumi/target";
import { health, recordHealthy, up } from "./up";
import { HostError } from "../../host/shell";
import { logsScript } from "./host/health";
import { RollbackCandidate } from "./rollback";

/**
 * Resolves to the exit code.
 *
 * @param unseen the lines of `failure` that were not logged before; default: all of them
 */
export async function autoRollback(
  run: Run,
  failure: readonly string[],
  prepared: Pick<
    Prepared,
    "rollback" | "deployed" | "bareTags" | "running" | "model" | "files" | "adoption"
  >,
  unseen = failure,
): Promise<number> {
  const { stack, reporter, signal } = run;
  const { rollback } = prepared;
  reporter.stage("what failed");
  for (const line of unseen.length > 0 ? unseen : failure.slice(0, 1)) reporter.log(line);
  await logUnhealthyContainers(run);
  if ("none" in rollback && prepared.adoption !== undefined) return returnAdopted(run, prepared);
  if ("none" in rollback) {
    reporter.log(
      `NOT RETURNED: ${rollback.none}; correct Pulumi.${stack}.yaml and deploy again, or remove the stack with: npx pulumi destroy --stack ${stack} --exclude-protected`,
    );
    return EXIT_UNHEALTHY;
  }
  const { number, start } = rollback.deployment;
  let problems: readonly string[];
  try {
    reporter.stage(`return to deployment ${number}`);
    const previous = await startPrevious(run, prepared);
    problems =
      previous.problems.length > 0
        ? previous.problems
        : await putFilesBack(run, rollback, prepared);
    if (problems.length > 0) {
      for (const line of problems) reporter.log(line);
      reporter.stage(`deploying deployment ${number} again`);
      problems = await deployAgain(run, rollback, prepared, previous.live);
    }
  } catch (error) {
    if (signal.aborted) throw interrupted(run);
    problems = [textOf(error)];
  }
  reporter.stage("outcome");
  reporter.log(`failed: ${failure[0] ?? "unknown"}`);
  if (problems.length > 0) {
    for (const line of problems) reporter.log(line);
    reporter.log(
      `NOT RETURNED to deployment ${number}; to try again, run: npm run deploy -- --stack ${stack} --rollback ${number}`,
    );
    return EXIT_UNHEALTHY;
  }
  reporter.log(
    `RETURNED: deployment ${number} of ${timestamp(start)} runs again with its data; everything is healthy`,
  );
  reporter.log(
    `Pulumi.${stack}.yaml still has the configuration that failed; correct it, or choose an earlier one with: npm run deploy -- --stack ${stack} --history`,
  );
  return EXIT_RETURNED;
}

/**
 * Starts the containers again that the update has replaced and Pulumi has not removed yet, with their data, and stops those
 * that it has added. Resolves to what did not succeed, and to the containers of the host afterwards.
 *
 * @param before names of the containers that existed before the update. Default: those in Pulumi's state
 */
async function startPrevious(
  { shell, stack, signal, reporter }: Run,
  { model, running, deployed }: Pick<Prepared, "running" | "model" | "deployed">,
  before = deployed.map(({ name }) => name),
): Promise<{ readonly problems: readonly string[]; readonly live: Inventory }> {
  const onLine = (line: string): void => {
    reporter.log(line);
  };
  const give = () =>
    runDetached(shell, returnScript(stack, model.containers, before), { signal, onLine });
  const { code } = await give().catch((error: unknown) => {
    if (signal.aborted || !(error instanceof HostError)) throw error;
    // The same script waits for the first one, and has nothing left to do then.
    reporter.log(`${textOf(error)}; the rollback still runs on the host; waiting for its end`);
    return give();
  });
  const live = await takeInventory(shell, stack, signal);
  if (code !== 0)
    return { problems: ["not every previous container could be started again"], live };
  // Health goes by name, and an update that came to its end has removed the old containers.
  const up = live.containers.filter(({ state }) => isUp(state.Status)).map(({ id }) => id);
  const problems = running.some((id) => !up.includes(id))
    ? ["not every previous container still exists"]
    : [];
  return { problems, live };
}

/** There is no earlier deployment to return to, but what was to be taken over has not been removed. */
async function returnAdopted(
  run: Run,
  prepared: Pick<Prepared, "running" | "model" | "deployed">,
): Promise<number> {
  const { stack, reporter, signal } = run;
  reporter.stage("return to the previous containers");
  let problems: readonly string[];
  try {
    // Pulumi's state was lost, so it does not tell what existed before.
    const before = prepared.model.containers.map(({ name }) => name);
    ({ problems } = await startPrevious(run, prepared, before));
    if (problems.length === 0) problems = await health(run, prepared.model);
  } catch (error) {
    if (signal.aborted) throw interrupted(run);
    problems = [textOf(error)];
  }
  reporter.stage("outcome");
  for (const line of problems) reporter.log(line);
  const again = `npm run deploy -- --stack ${stack} --adopt`;
  reporter.log(
    problems.length > 0
      ? `NOT RETURNED: the previous containers do not all run; correct Pulumi.${stack}.yaml and run again: ${again}`
      : `RETURNED: the previous containers run again with their data; correct Pulumi.${stack}.yaml and run again: ${again}`,
  );
  return problems.length > 0 ? EXIT_UNHEALTHY : EXIT_RETURNED;
}

/** Writes the live files of before again, where the update has replaced some. Resolves to the problems of the stack afterwards. */
async function putFilesBack(
  run: Run,
  { deployment, target: { model } }: RollbackCandidate,
  { deployed, bareTags, files: before }: Pick<Prepared, "deployed" | "bareTags" | "files">,
): Promise<readonly string[]> {
  const now = Object.entries(writtenFiles(await run.pulumi.state()));
  const target = now.flatMap(([urn, files]) =>
    urn in before && files !== before[urn] ? [urn] : [],
  );
  if (target.length > 0) {
    run.reporter.stage("putting files back");
    const config = withImages(deployment.config, deployedImages(deployment.config, deployed));
    const mode = { ...WITHOUT_TRIAL, bareTags };
    try {
      await up(run, config, filesBackMessage(deployment), mode, { target });
    } catch (error) {
      return [`the files could not be put back: ${textOf(error)}`];
    }
  }
  return health(run, model);
}

/** Deploys the last good configuration again, pins included. Resolves to the problems of the stack afterwards. */
async function deployAgain(
  run: Run,
  { deployment }: RollbackCandidate,
  { deployed, bareTags, model: failedModel }: Pick<Prepared, "deployed" | "bareTags" | "model">,
  live: Inventory,
): Promise<readonly string[]> {
  const { stack, pulumi, shell, signal } = run;
  const failed = await pulumi.state();
  const orphans = findOrphans(failed, live, stack);
  if (failed.pending.length > 0) await pulumi.refresh({ signal });
  await removeOrphans(run, orphans);
  const state = await pulumi.state();
  const config = withImages(deployment.config, deployedImages(deployment.config, deployed));
  const { model } = loadTarget(stack, config);
  // Pulumi refuses to delete protected volumes of the failed deployment. They stay on the host.
  for (const { urn } of orphanedVolumes(state, model)) await pulumi.unprotect(urn);
  const marked = await shell(markReturnScript(stack, failedModel.containers), { signal });
  // Without the marks the older images would start on the newer data.
  if (marked.code !== 0)
    return [`cannot mark the previous data for its restoration: ${marked.stderr.trim()}`];
  await up(run, config, autoRollbackMessage(deployment), { ...WITHOUT_TRIAL, bareTags });
  const problems = await health(run, model);
  if (problems.length === 0) await recordHealthy(run);
  return problems;
}

/** The older images would refuse the newer data on a trial; their own data comes back with them. */
const WITHOUT_TRIAL = { tried: false, olderData: true, returns: true } as const;

/** By service, for images without a digest in the configuration: the digest that was deployed. */
const deployedImages = (
  config: PlainConfig,
  deployed: Prepared["deployed"],
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    deployed
      .filter(({ service, image }) => {
        const configured = imagesOf(config)[service];
        return configured?.includes("@") === false && image.startsWith(`${configured}@`);
      })
      .map(({ service, image }) => [service, image]),
  );

async function logUnhealthyContainers({ shell, stack, reporter, signal }: Run): Promise<void> {
  const logs = await shell(logsScript(stack), { signal }).catch(() => undefined);
  for (const line of (logs?.stdout ?? "").split("\n")) if (line !== "") reporter.log(line);
}
