/** One Pulumi update with its progress, the health check after it, and the record of what was healthy. */
import { EngineEvent } from "@pulumi/pulumi/automation";

import { textOf } from "../cli/command";
import { PlainConfig } from "../../config/file/edit";
import { Refused, Run, UNTOUCHED } from "./context";
import { StackModel } from "../../components/model";
import { stackLocked } from "./pulumi/lock";
import { errorLines, progressLine } from "./pulumi/events";
import { routeProbes } from "./host/routes";
import { onConfig } from "./pulumi/target";
import { verify } from "./host/health";

/** Pulumi's errors, one line each. */
export class UpFailed extends Error {
  constructor(readonly lines: readonly string[]) {
    super(lines.join("\n"));
  }
}

/** Brings a configuration to the host. Rejects with {@link UpFailed}; with {@link Refused} where Pulumi never began. */
export async function up(
  { pulumi, current, signal, reporter }: Run,
  config: PlainConfig,
  message: string,
  replace: readonly string[] = [],
): Promise<void> {
  const events: EngineEvent[] = [];
  try {
    await onConfig(pulumi, current, config, (options) =>
      pulumi.up({
        ...options,
        signal,
        message,
        replace,
        onEvent: (event) => {
          events.push(event);
          const line = progressLine(event);
          if (line !== undefined) reporter.log(line);
        },
      }),
    );
  } catch (error) {
    if (error instanceof Error && IN_USE.test(error.message))
      throw new Refused(`${stackLocked(pulumi.stack, lockLine(error.message))}\n${UNTOUCHED}`);
    const lines = errorLines(events);
    throw new UpFailed(lines.length > 0 ? lines : [textOf(error)]);
  }
}

/** Pulumi did not begin, as a file backend and Pulumi Cloud say it; with other backends only the update itself finds out. */
const IN_USE = /the stack is currently locked|Another update is currently in progress/;
const lockLine = (text: string): string =>
  /created by (.*)/.exec(text)?.[1] ?? "another update is in progress";

/** What is not well, one line each; what is only still to come is said. */
export async function health(
  { shell, stack, signal, reporter, patienceMs }: Run,
  model: StackModel,
): Promise<readonly string[]> {
  reporter.stage("health");
  const { problems, notes } = await verify(shell, stack, model.containers, routeProbes(model), {
    signal,
    ...(patienceMs !== undefined && { patienceMs }),
  });
  for (const note of notes) reporter.log(note);
  return problems;
}

/** For the next run: the newest deployment is one to return to. */
export async function recordHealthy(run: Run): Promise<void> {
  const newest = (await run.pulumi.history(false)).at(-1);
  if (newest !== undefined) await keepRecord(run, newest.start.toISOString());
}

/** A backend without tags is no reason to fail; then what Pulumi says of a deployment counts. */
export async function keepRecord({ pulumi, reporter }: Run, start: string): Promise<void> {
  await pulumi.setVerified(start).catch((error: unknown) => {
    reporter.log(`no record of what was healthy could be kept: ${textOf(error)}`);
  });
}
