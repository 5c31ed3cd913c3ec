/** The program that Pulumi runs: configuration, images, model, host, stack, outputs. */
import "./host/promise-traces";

import * as pulumi from "@pulumi/pulumi";

import { dataProblems, describeStack } from "./components/describe";
import { HardeningError } from "./components/hardened/policy";
import { imagesSince, lastDeployment, StackOutputs, stackOutputs } from "./components/outputs";
import { Stack } from "./components/stack";
import { readConfig } from "./config/config";
import { warningsOf } from "./config/rules";
import { DockerHost } from "./host/docker-host";
import { resolveForPulumi } from "./images/resolve/program";

async function program(): Promise<StackOutputs> {
  const config = readConfig();
  const { images, warnings } = await resolveForPulumi(config);
  const last = await lastDeployment(config.stack);
  const today = new Date().toISOString().slice(0, 10);
  const model = describeStack(config, images, imagesSince(images, last, today));
  refuse(dataProblems(config, model, last.dataFormats));

  const host = new DockerHost(config.stack, config);
  new Stack(config.stack, {
    model,
    host,
    secret: config.secret,
    warnings: [...warningsOf(config), ...warnings],
  });
  return stackOutputs(model, last);
}

/** Messages to the user, which Pulumi prints without a stack trace. */
function refuse(problems: readonly string[]): void {
  if (problems.length > 0) throw new pulumi.RunError(problems.join("\n"));
}

export = () =>
  program().catch((error: unknown) => {
    if (error instanceof HardeningError) refuse(error.problems);
    throw error;
  });
