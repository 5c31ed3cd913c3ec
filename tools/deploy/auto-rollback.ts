/** Rolls back to the last good deployment after a failure. */
import { textOf } from "../cli/command";
import { PlainConfig, withImages } from "../../config/file/edit";
import { EXIT_UNCHANGED, EXIT_UNHEALTHY, interrupted, Run } from "./context";
import { Prepared } from "./prepare";
import { autoRollbackMessage, imagesOf, timestamp } from "./pulumi/history";
import { takeInventory } from "./host/inventory";
import { orphanedVolumes, withUpgradedFrom } from "./plan/orphaned-volumes";
import { findOrphans, removeOrphans } from "./host/orphans";
import { loadTarget } from "./pulumi/target";
import { health, recordHealthy, up } from "./up";
import { logsScript } from "./host/health";
import { RollbackCandidate } from "./rollback";

/** Deploys the last good configuration again, pins included. Resolves to the exit code. */
export async function autoRollback(
  run: Run,
  failure: readonly string[],
  { rollback, deployed }: Pick<Prepared, "rollback" | "deployed">,
): Promise<number> {
  const { stack, reporter, signal } = run;
  reporter.stage("what failed");
  for (const line of failure) reporter.log(line);
  await logUnhealthyContainers(run);
  if ("none" in rollback) {
    reporter.log(
      `no rollback: ${rollback.none}; correct Pulumi.${stack}.yaml and deploy again, or remove the stack with: npx pulumi destroy --stack ${stack} --exclude-protected`,
    );
    return EXIT_UNHEALTHY;
  }
  const { number, start } = rollback.deployment;
  reporter.stage(`auto-rollback to deployment ${number}`);
  let isHealthy = false;
  try {
    const problems = await rollBack(run, rollback, deployed);
    for (const line of problems) reporter.log(line);
    if (problems.length === 0) {
      await recordHealthy(run);
      isHealthy = true;
    }
  } catch (error) {
    if (signal.aborted) throw interrupted(run);
    reporter.log(textOf(error));
  }
  reporter.stage("outcome");
  reporter.log(`failed: ${failure[0] ?? "unknown"}`);
  if (!isHealthy) {
    reporter.log(
      `the rollback to deployment ${number} failed; to finish the pending changes, run: npm run deploy -- --stack ${stack}`,
    );
    return EXIT_UNHEALTHY;
  }
  reporter.log(`running: deployment ${number} of ${timestamp(start)} again, everything is healthy`);
  reporter.log(
    `Pulumi.${stack}.yaml still has the configuration that failed; correct it, or choose an earlier one with: npm run deploy -- --stack ${stack} --history`,
  );
  return EXIT_UNCHANGED;
}

/** Resolves to the problems that the health check finds afterwards. */
async function rollBack(
  run: Run,
  { deployment }: RollbackCandidate,
  deployed: Prepared["deployed"],
): Promise<readonly string[]> {
  const { stack, pulumi, shell, signal } = run;
  const live = await takeInventory(shell, stack, signal);
  const failed = await pulumi.state();
  const orphans = findOrphans(failed, live, stack);
  if (failed.pending.length > 0) await pulumi.refresh({ signal });
  await removeOrphans(run, orphans);
  const state = await pulumi.state();
  const pinned = withImages(deployment.config, deployedImages(deployment.config, deployed));
  // The failed deployment may have changed PostgreSQL's major version.
  const config = withUpgradedFrom(pinned, state.dataFormats);
  const { model } = loadTarget(stack, config);
  // Pulumi refuses to delete protected volumes of the failed deployment. They stay on the host.
  for (const { urn } of orphanedVolumes(state, model)) await pulumi.unprotect(urn);
  await up(run, config, autoRollbackMessage(deployment));
  return health(run, model);
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
