/** One run of the engine with its progress, the look at health after it, and the record of what was healthy. */
import { EngineEvent } from "@pulumi/pulumi/automation";

import { textOf } from "../cli/command";
import { PlainConfig } from "../../config/file/edit";
import { Refused, Run, UNTOUCHED } from "./context";
import { StackModel } from "../../components/model";
import { engineLocked } from "./pulumi/lock";
import { errorLines, progressLine } from "./pulumi/events";
import { routeProbes } from "./host/routes";
import { onConfig } from "./pulumi/target";
import { verify } from "./host/health";

/** The engine's errors, one line each. */
export class UpFailed extends Error {
  constructor(readonly lines: readonly string[]) {
    super(lines.join("\n"));
  }
}

/** Brings a configuration to the host. Rejects with {@link UpFailed}; with {@link Refused} where the engine never began. */
export async function up(
  { engine, current, signal, talk }: Run,
  config: PlainConfig,
  message: string,
  replace: readonly string[] = [],
): Promise<void> {
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
    if (error instanceof Error && IN_USE.test(error.message))
      throw new Refused(`${engineLocked(engine.stack, lockLine(error.message))}\n${UNTOUCHED}`);
    const lines = errorLines(events);
    throw new UpFailed(lines.length > 0 ? lines : [textOf(error)]);
  }
}

/** The engine did not begin: of a folder and of Pulumi Cloud. Backends elsewhere tell no one before. */
const IN_USE = /the stack is currently locked|Another update is currently in progress/;
const lockLine = (text: string): string =>
  /created by (.*)/.exec(text)?.[1] ?? "another update is in progress";

/** What is not well, one line each; what is only still to come is said. */
export async function health(
  { shell, stack, signal, talk, patienceMs }: Run,
  model: StackModel,
): Promise<readonly string[]> {
  talk.stage("health");
  const { problems, notes } = await verify(shell, stack, model.containers, routeProbes(model), {
    signal,
    ...(patienceMs !== undefined && { patienceMs }),
  });
  for (const note of notes) talk.say(note);
  return problems;
}

/** For the next run: the newest deployment is one to return to. */
export async function recordHealthy(run: Run): Promise<void> {
  const newest = (await run.engine.history(false)).at(-1);
  if (newest !== undefined) await keepRecord(run, newest.start.toISOString());
}

/** A backend that keeps none is no reason to fail; then what the engine says of a deployment counts. */
export async function keepRecord({ engine, talk }: Run, start: string): Promise<void> {
  await engine.setVerified(start).catch((error: unknown) => {
    talk.say(`no record of what was healthy could be kept: ${textOf(error)}`);
  });
}
