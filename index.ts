/** The Pulumi program: reads the configuration, resolves the images, builds the model and creates the stack from it. */
import "./host/promise-traces";

import * as pulumi from "@pulumi/pulumi";

import { describeStack } from "./components/describe";
import { lastDeployment } from "./components/last-deployment";
import { hostsOf, SELF_SIGNED_CERTIFICATE } from "./components/ingress";
import { bareTagsIn, withBareTags } from "./components/model";
import { usesImageHealth } from "./components/services/own/definition";
import { imagesSince, StackOutputs, stackOutputs } from "./components/outputs";
import { Stack } from "./components/stack";
import { stoppedContainers } from "./components/stopped";
import { readConfig } from "./config/program";
import { warningsOf } from "./config/rules";
import { DockerHost } from "./host/docker-host";
import { resolveForPulumi } from "./images/resolve/program";
import { checkForPulumi } from "./images/signatures/program";

export = async (): Promise<StackOutputs> => {
  const config = readConfig();
  const ownHealthChecks = Object.keys(config.images).filter((service) =>
    usesImageHealth(config.services[service]?.own),
  );
  const { images, warnings } = await resolveForPulumi({ ...config, ownHealthChecks });
  const unexpected = await checkForPulumi({ ...config, images, folder: __dirname });
  const last = await lastDeployment(config.stack);
  const now = new Date();
  const today = now.toISOString().slice(0, 10);
  const described = describeStack(config, images, imagesSince(images, last, today));
  // `npm run deploy` resolves tags itself, and says which the stack file does not pin.
  const bareTags = process.env.PINNED_STACK_BARE_TAGS?.split(",") ?? bareTagsIn(config.images);
  const model = withBareTags(described, bareTags);
  const host = new DockerHost(config.stack, config);
  // Of `npm run deploy -- --adopt`: the stack runs already, whatever the state says.
  const adopted = process.env.PINNED_STACK_NETWORKS;
  const isDeployed = adopted !== undefined || Object.keys(last.images).length > 0;
  const restarted = { ...last.restarted, ...(await stoppedContainers(host, isDeployed)) };

  new Stack(config.stack, {
    model,
    host,
    networkPool: config.networkPool,
    networks: JSON.parse(adopted ?? "{}") as Record<string, string>,
    deployed: Object.keys(last.images),
    restarted,
    trial: {
      atMost: config.trial.atMost,
      backups: config.backups,
      tried: process.env.PINNED_STACK_TRIAL !== "off",
      olderData: process.env.PINNED_STACK_OLDER_DATA === "accept",
    },
    // Marked as a secret, so that Pulumi encrypts it in its state.
    secret: (name) =>
      name === SELF_SIGNED_CERTIFICATE
        ? host.selfSignedCertificate(hostsOf(model.ingress), now)
        : pulumi.secret(config.secret(name).reveal()),
    warnings: [...warningsOf(config), ...warnings, ...unexpected],
  });
  return stackOutputs(model, restarted);
};
