/** Runs one Pulumi update, the health check after it, and records healthy deployments. */
import { EngineEvent } from "@pulumi/pulumi/automation";

import { textOf } from "../cli/command";
import { PlainConfig } from "../../config/file/edit";
import { NOTHING_CHANGED, Refused, Run, ProgramMode } from "./context";
import { StackModel } from "../../components/model";
import { stackLocked } from "./pulumi/lock";
import { errorLines, progressLine } from "./pulumi/events";
import { routeProbes } from "./host/routes";
import { onConfig } from "./pulumi/target";
import { waitUntilHealthy } from "./host/health";

/** Pulumi's errors, one line each. */
export class UpFailed extends Error {
  constructor(readonly lines: readonly string[]) {
    super(lines.join("\n"));
  }
}

/** Deploys a configuration. Rejects with {@link UpFailed}, or with {@link Refused} if Pulumi did not start the update. */
export async function up(
  { pulumi, current, signal, reporter }: Run,
  config: PlainConfig,
  message: string,
  { tried, olderData, bareTags }: ProgramMode,
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
        environment: {
          ...(!tried && { PINNED_STACK_TRIAL: "off" }),
          ...(olderData && { PINNED_STACK_OLDER_DATA: "accept" }),
          ...(bareTags.length > 0 && { PINNED_STACK_BARE_TAGS: bareTags.join(",") }),
        },
        onEvent: (event) => {
          events.push(event);
          const line = progressLine(event);
          if (line !== undefined) reporter.log(line);
        },
      }),
    );
  } catch (error) {
    if (error instanceof Error && LOCKED.test(error.message))
      throw new Refused(
        `${stackLocked(pulumi.stack, lockHolder(error.message))}\n${NOTHING_CHANGED}`,
      );
    const lines = errorLines(events);
    throw new UpFailed(lines.length > 0 ? lines : [textOf(error)]);
  }
}

/** Errors of a file backend and of Pulumi Cloud. */
const LOCKED = /the stack is currently locked|Another update is currently in progress/;
const lockHolder = (text: string): string =>
  /created by (.*)/.exec(text)?.[1] ?? "another update is in progress";

/** Resolves to the problems, one line each; empty if everything is healthy. Logs the notes. */
export async function health(
  { shell, stack, signal, reporter, healthTimeoutMs }: Run,
  model: StackModel,
): Promise<readonly string[]> {
  reporter.stage("health");
  const { problems, notes } = await waitUntilHealthy(
    shell,
    stack,
    model.containers,
    routeProbes(model),
    { signal, timeoutMs: healthTimeoutMs },
  );
  for (const note of notes) reporter.log(note);
  return problems;
}

/** Makes the newest deployment the rollback candidate. */
export async function recordHealthy(run: Run): Promise<void> {
  const newest = (await run.pulumi.history(false)).at(-1);
  if (newest !== undefined) await recordVerified(run, newest.start.toISOString());
}

/** Only logs an error: a backend may have no tags, and then Pulumi's own result counts. */
export async function recordVerified({ pulumi, reporter }: Run, start: string): Promise<void> {
  await pulumi.setVerified(start).catch((error: unknown) => {
    reporter.log(`cannot record the last healthy deployment: ${textOf(error)}`);
  });
}
