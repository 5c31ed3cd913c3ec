/** The deployment itself, and the way back from it. */
import { EngineEvent } from "@pulumi/pulumi/automation";

import { imagesOf, PastUpdate, returnMessage, unfinished, unreadable } from "./history";
import { PlainConfig, withImages } from "./configuration";
import { interrupted, NOT_RETURNED, RETURNED, Run } from "./context";
import { declaredContainers } from "./declared";
import { takeInventory } from "./inventory";
import { errorLines, progressLine } from "./progress";
import { orphans, removeScript } from "./recover";
import { StackState } from "./state";
import { modelFor, onConfig } from "./target";
import { routeProbes } from "./routes";
import { logsScript, verify } from "./verify";

/** The engine's errors, one line each, without secrets. */
export class UpFailed extends Error {
  constructor(readonly lines: readonly string[]) {
    super(lines.join("\n"));
  }
}

/** Brings a configuration to the host. Rejects with {@link UpFailed}. */
export async function up(
  run: Run,
  config: PlainConfig,
  message: string,
  replace: readonly string[] = [],
): Promise<void> {
  const { engine, current, signal, talk, mask } = run;
  const events: EngineEvent[] = [];
  try {
    await onConfig(engine, current, config, (options) =>
      engine.up({
        ...options,
        signal,
        message,
        replace,
        onEvent: (event) => {
          events.push(event);
          const line = progressLine(event);
          if (line !== undefined) talk.say(line);
        },
      }),
    );
  } catch (error) {
    const lines = errorLines(events);
    const text = error instanceof Error ? error.message : String(error);
    throw new UpFailed((lines.length > 0 ? lines : [text]).map(mask));
  }
}

/** Only what a run that was cut off left behind: nothing else can be on the host and not in the state. */
export async function removeOrphans({ engine, shell, stack, talk, signal }: Run): Promise<void> {
  if (unfinished(await engine.history(false)) === undefined) return;
  const left = orphans(await engine.state(), await takeInventory(shell, stack, signal), stack);
  if (left.length === 0) return;
  talk.say(`removing what was left: ${left.map(({ name }) => name).join(", ")}`);
  await shell(removeScript(left), { signal });
}

/** The last good configuration again, and what to tell about it. */
export async function goBack(
  run: Run,
  failure: readonly string[],
  good: PastUpdate | undefined,
  before: StackState,
): Promise<number> {
  const { stack, engine, shell, talk, signal } = run;
  talk.stage("what failed");
  failure.forEach((line) => {
    talk.say(line);
  });
  await tellLogs(run);
  if (good === undefined || !good.readable) {
    const why =
      good === undefined ? "there is no earlier deployment to return to" : unreadable(good);
    talk.say(
      `${why}; correct Pulumi.${stack}.yaml and deploy again, or take all away with: npx pulumi destroy --stack ${stack} --exclude-protected`,
    );
    return NOT_RETURNED;
  }
  talk.stage(`return to deployment ${good.number}`);
  try {
    // Pins as they ran, where the configuration has none.
    const config = withImages(good.config, unpinned(good.config, before.images));
    const state = await engine.state();
    if (state.pending.length > 0) await engine.refresh({ signal });
    await removeOrphans(run);
    await up(run, config, returnMessage(good));
    const model = await modelFor(stack, config);
    const declared = declaredContainers(model);
    talk.stage("health");
    const { problems } = await verify(shell, stack, declared, routeProbes(model), { signal });
    if (problems.length === 0) {
      talk.stage("outcome");
      talk.say(`failed: ${failure[0] ?? "unknown"}`);
      talk.say(
        `running: deployment ${good.number} of ${good.start.toISOString()} again, all healthy`,
      );
      talk.say(
        `Pulumi.${stack}.yaml still says what failed; correct it, or see npm run deploy -- --stack ${stack} --history`,
      );
      return RETURNED;
    }
    problems.forEach((line) => {
      talk.say(line);
    });
  } catch (error) {
    if (signal.aborted) throw interrupted(run);
    talk.say(run.mask(error instanceof Error ? error.message : String(error)));
  }
  talk.stage("outcome");
  talk.say(`failed: ${failure[0] ?? "unknown"}`);
  talk.say(
    `could not return to deployment ${good.number}; the next run begins with what is pending: npm run deploy -- --stack ${stack}`,
  );
  return NOT_RETURNED;
}

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

async function tellLogs({ shell, stack, talk, mask, signal }: Run): Promise<void> {
  const said = await shell(logsScript(stack), { signal }).catch(() => undefined);
  for (const line of mask(said?.stdout ?? "").split("\n")) if (line !== "") talk.say(line);
}
