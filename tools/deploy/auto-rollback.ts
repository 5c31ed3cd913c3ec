/** The way back from a deployment that failed, and what to tell about it. */
import { textOf } from "../cli/command";
import { PlainConfig, withImages } from "../../config/file/edit";
import { interrupted, NOT_RETURNED, RETURNED, Run } from "./context";
import { Prepared } from "./prepare";
import { imagesOf, moment, returnMessage } from "./pulumi/history";
import { takeInventory } from "./host/inventory";
import { acrossMajors, lostVolumes } from "./plan/lost-volumes";
import { orphans, removeOrphans } from "./host/orphans";
import { loadTarget } from "./pulumi/target";
import { health, recordHealthy, up } from "./up";
import { logsScript } from "./host/health";
import { RollbackCandidate } from "./rollback";

/** Brings the last good configuration back, pins included. The answer is the exit code. */
export async function autoRollback(
  run: Run,
  failure: readonly string[],
  { back, deployed }: Pick<Prepared, "back" | "deployed">,
): Promise<number> {
  const { stack, reporter, signal } = run;
  reporter.stage("what failed");
  for (const line of failure) reporter.log(line);
  await logContainers(run);
  if ("none" in back) {
    reporter.log(
      `${back.none}; correct Pulumi.${stack}.yaml and deploy again, or remove everything with: npx pulumi destroy --stack ${stack} --exclude-protected`,
    );
    return NOT_RETURNED;
  }
  const { number, start } = back.deployment;
  reporter.stage(`return to deployment ${number}`);
  try {
    const problems = await rollBack(run, back, imagesIn(deployed));
    if (problems.length === 0) {
      await recordHealthy(run);
      reporter.stage("outcome");
      reporter.log(`failed: ${failure[0] ?? "unknown"}`);
      reporter.log(
        `running: deployment ${number} of ${moment(start)} again, everything is healthy`,
      );
      reporter.log(
        `Pulumi.${stack}.yaml still says what failed; correct it, or see npm run deploy -- --stack ${stack} --history`,
      );
      return RETURNED;
    }
    for (const line of problems) reporter.log(line);
  } catch (error) {
    if (signal.aborted) throw interrupted(run);
    reporter.log(textOf(error));
  }
  reporter.stage("outcome");
  reporter.log(`failed: ${failure[0] ?? "unknown"}`);
  reporter.log(
    `could not return to deployment ${number}; the next run starts with what is pending: npm run deploy -- --stack ${stack}`,
  );
  return NOT_RETURNED;
}

/** The answer is what is not well afterwards. */
async function rollBack(
  run: Run,
  { deployment }: RollbackCandidate,
  images: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const { stack, pulumi, shell, signal } = run;
  const live = await takeInventory(shell, stack, signal);
  const cutOff = await pulumi.state();
  const left = orphans(cutOff, live, stack);
  if (cutOff.pending.length > 0) await pulumi.refresh({ signal });
  await removeOrphans(run, left);
  const state = await pulumi.state();
  const pinned = withImages(deployment.config, unpinned(deployment.config, images));
  // What failed has already said that its version of PostgreSQL is the one that the data is of.
  const config = acrossMajors(pinned, state.dataFormats);
  const { model } = loadTarget(stack, config);
  // Volumes that only the failed deployment has: they stay on the host, as always.
  for (const { urn } of lostVolumes(state, model)) await pulumi.unprotect(urn);
  await up(run, config, returnMessage(deployment));
  return health(run, model);
}

/** By service. */
const imagesIn = (containers: Prepared["deployed"]): Readonly<Record<string, string>> =>
  Object.fromEntries(containers.map(({ service, image }) => [service, image]));

/** Images that a configuration leaves to their tags, as they were deployed. */
const unpinned = (
  config: PlainConfig,
  deployed: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(deployed).filter(([service, image]) => {
      const said = imagesOf(config)[service];
      return said !== undefined && !said.includes("@") && image.startsWith(`${said}@`);
    }),
  );

async function logContainers({ shell, stack, reporter, signal }: Run): Promise<void> {
  const said = await shell(logsScript(stack), { signal }).catch(() => undefined);
  for (const line of (said?.stdout ?? "").split("\n")) if (line !== "") reporter.log(line);
}
