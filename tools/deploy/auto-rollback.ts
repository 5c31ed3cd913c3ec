/** Returns to what ran before a deployment that failed. */
import { detached } from "../../components/hardened/start";
import { isUp } from "../../components/stopped";
import { markReturnScript, returnScript } from "../../components/upgrade/return";
import { textOf } from "../cli/command";
import { PlainConfig, withImages } from "../../config/file/edit";
import { EXIT_RETURNED, EXIT_UNHEALTHY, interrupted, Run } from "./context";
import { Prepared } from "./prepare";
import { autoRollbackMessage, imagesOf, timestamp } from "./pulumi/history";
import { takeInventory } from "./host/inventory";
import { orphanedVolumes } from "./plan/orphaned-volumes";
import { findOrphans, removeOrphans } from "./host/orphans";
import { loadTarget } from "./pulumi/target";
import { health, recordHealthy, up } from "./up";
import { logsScript } from "./host/health";
import { RollbackCandidate } from "./rollback";

/** Resolves to the exit code. */
export async function autoRollback(
  run: Run,
  failure: readonly string[],
  prepared: Pick<Prepared, "rollback" | "deployed" | "bareTags" | "running" | "model">,
): Promise<number> {
  const { stack, reporter, signal } = run;
  const { rollback } = prepared;
  reporter.stage("what failed");
  for (const line of failure) reporter.log(line);
  await logUnhealthyContainers(run);
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
    problems = await putBack(run, rollback, prepared);
    if (problems.length > 0) {
      for (const line of problems) reporter.log(line);
      reporter.stage(`deploying deployment ${number} again`);
      problems = await deployAgain(run, rollback, prepared);
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

/** Long enough for a stop and a start of every container, ms. */
const RETURN_MS = 30 * 60_000;

/**
 * Starts the containers again that the update has replaced and Pulumi has not removed yet. Resolves to the problems of the
 * stack afterwards.
 */
async function putBack(
  run: Run,
  { target }: RollbackCandidate,
  { model, running }: Pick<Prepared, "model" | "running">,
): Promise<readonly string[]> {
  const { shell, stack, signal, reporter } = run;
  const script = `exec 2>&1\n${detached(returnScript(stack, model.containers))}`;
  const onLine = (line: string): void => {
    reporter.log(line);
  };
  const { code } = await shell(script, { signal, timeoutMs: RETURN_MS, onLine });
  if (code !== 0) return ["not every previous container could be started again"];
  // Health goes by name, and an update that came to its end has removed the old containers.
  const live = await takeInventory(shell, stack, signal);
  const up = live.containers.filter(({ state }) => isUp(state.Status)).map(({ id }) => id);
  if (running.some((id) => !up.includes(id))) return ["not every previous container still exists"];
  return health(run, target.model);
}

/** Deploys the last good configuration again, pins included. Resolves to the problems of the stack afterwards. */
async function deployAgain(
  run: Run,
  { deployment }: RollbackCandidate,
  { deployed, bareTags, model: failedModel }: Pick<Prepared, "deployed" | "bareTags" | "model">,
): Promise<readonly string[]> {
  const { stack, pulumi, shell, signal } = run;
  const live = await takeInventory(shell, stack, signal);
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
    return [`the data of before could not be marked for its return: ${marked.stderr.trim()}`];
  // The older images would refuse the newer data on a trial; their own data comes back with them.
  const trial = { tried: false, olderData: true, bareTags };
  await up(run, config, autoRollbackMessage(deployment), trial);
  const problems = await health(run, model);
  if (problems.length === 0) await recordHealthy(run);
  return problems;
}

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
