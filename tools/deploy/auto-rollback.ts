/** The way back from a deployment that failed, and what to tell about it. */
import { textOf } from "../cli/command";
import { PlainConfig, withImages } from "../../config/file/edit";
import { interrupted, NOT_RETURNED, RETURNED, Run } from "./context";
import { Prepared } from "./prepare";
import { imagesOf, moment, returnMessage } from "./pulumi/history";
import { takeInventory } from "./host/inventory";
import { acrossMajors, lostVolumes } from "./plan/lost-volumes";
import { orphans, removeLeft } from "./host/orphans";
import { loadTarget } from "./pulumi/target";
import { health, recordHealthy, up } from "./up";
import { logsScript } from "./host/health";
import { WayBack } from "./way-back";

/** Brings the last good configuration back, pins included. The answer is the exit code. */
export async function goBack(
  run: Run,
  failure: readonly string[],
  { back, deployed }: Pick<Prepared, "back" | "deployed">,
): Promise<number> {
  const { stack, talk, signal } = run;
  talk.stage("what failed");
  for (const line of failure) talk.say(line);
  await tellLogs(run);
  if ("none" in back) {
    talk.say(
      `${back.none}; correct Pulumi.${stack}.yaml and deploy again, or take all away with: npx pulumi destroy --stack ${stack} --exclude-protected`,
    );
    return NOT_RETURNED;
  }
  const { number, start } = back.deployment;
  talk.stage(`return to deployment ${number}`);
  try {
    const problems = await bringBack(run, back, imagesIn(deployed));
    if (problems.length === 0) {
      await recordHealthy(run);
      talk.stage("outcome");
      talk.say(`failed: ${failure[0] ?? "unknown"}`);
      talk.say(`running: deployment ${number} of ${moment(start)} again, all healthy`);
      talk.say(
        `Pulumi.${stack}.yaml still says what failed; correct it, or see npm run deploy -- --stack ${stack} --history`,
      );
      return RETURNED;
    }
    for (const line of problems) talk.say(line);
  } catch (error) {
    if (signal.aborted) throw interrupted(run);
    talk.say(textOf(error));
  }
  talk.stage("outcome");
  talk.say(`failed: ${failure[0] ?? "unknown"}`);
  talk.say(
    `could not return to deployment ${number}; the next run begins with what is pending: npm run deploy -- --stack ${stack}`,
  );
  return NOT_RETURNED;
}

/** The answer is what is not well afterwards. */
async function bringBack(
  run: Run,
  { deployment }: WayBack,
  images: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const { stack, engine, shell, signal } = run;
  const live = await takeInventory(shell, stack, signal);
  const cutOff = await engine.state();
  const left = orphans(cutOff, live, stack);
  if (cutOff.pending.length > 0) await engine.refresh({ signal });
  await removeLeft(run, left);
  const state = await engine.state();
  const pinned = withImages(deployment.config, unpinned(deployment.config, images));
  // What failed has already said that its version of PostgreSQL is the one that the data is of.
  const config = acrossMajors(pinned, state.dataFormats);
  const { model } = loadTarget(stack, config);
  // Volumes that only the failed deployment has: they stay on the host, as always.
  for (const { urn } of lostVolumes(state, model)) await engine.unprotect(urn);
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

async function tellLogs({ shell, stack, talk, signal }: Run): Promise<void> {
  const said = await shell(logsScript(stack), { signal }).catch(() => undefined);
  for (const line of (said?.stdout ?? "").split("\n")) if (line !== "") talk.say(line);
}
