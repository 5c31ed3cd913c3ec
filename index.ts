/** The Pulumi program: reads the configuration, resolves the images, builds the model and creates the stack from it. */
import "./host/promise-traces";

import * as pulumi from "@pulumi/pulumi";

import { describeStack } from "./components/describe";
import { lastDeployment } from "./components/last-deployment";
import { hostsOf, SELF_SIGNED_CERTIFICATE } from "./components/ingress";
import { bareTagsIn, withBareTags } from "./components/model";
import { ownHealthChecks } from "./components/services/own/definition";
import { imagesSince, StackOutputs, stackOutputs } from "./components/outputs";
import { Stack } from "./components/stack";
import { stoppedContainers } from "./components/stopped";
import { readConfig, readOptions } from "./config/program";
import { warningsOf } from "./config/rules";
import { DockerHost } from "./host/docker-host";
import { dayOf } from "./images/age";
import { resolveForPulumi } from "./images/resolve/program";
import { checkForPulumi } from "./images/signatures/program";

export = async (): Promise<StackOutputs> => {
  const config = readConfig();
  const { tried, olderData, networks, bareTags = bareTagsIn(config.images) } = readOptions();
  const { images, warnings } = await resolveForPulumi({
    ...config,
    ownHealthChecks: ownHealthChecks(config),
  });
  const unexpected = await checkForPulumi({ ...config, images, folder: __dirname });
  const last = await lastDeployment(config.stack);
  const now = new Date();
  const described = describeStack(config, images, imagesSince(images, last, dayOf(now)));
  const model = withBareTags(described, bareTags);
  const host = new DockerHost(config.stack, config);
  // Networks to adopt: the stack runs already, whatever the state says.
  const isDeployed = networks !== undefined || Object.keys(last.images).length > 0;
  const restarted = { ...last.restarted, ...(await stoppedContainers(host, isDeployed)) };

  new Stack(config.stack, {
    model,
    host,
    networkPool: config.networkPool,
    ...(networks && { networks }),
    deployed: Object.keys(last.images),
    restarted,
    trial: { atMost: config.trial.atMost, backups: config.backups, tried, olderData },
    // Marked as a secret, so that Pulumi encrypts it in its state.
    secret: (name) =>
      name === SELF_SIGNED_CERTIFICATE
        ? host.selfSignedCertificate(hostsOf(model.ingress), now)
        : pulumi.secret(config.secret(name).reveal()),
    warnings: [...warningsOf(config), ...warnings, ...unexpected],
  });
  return stackOutputs(model, restarted);
};
