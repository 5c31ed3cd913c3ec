/** The configuration as Pulumi gives it to the program, and the options of `npm run deploy`. Only this file reads them. */
import * as pulumi from "@pulumi/pulumi";
import { isConfigSecret } from "@pulumi/pulumi/runtime/config";

import { parseConfig, rawConfig } from "./config";
import { StackConfig } from "./types";

declare module "@pulumi/pulumi/runtime/config" {
  /** Exists in the SDK, but is missing from its published types. */
  export function isConfigSecret(key: string): boolean;
}

/** Reads the configuration of the current Pulumi stack. Throws a ConfigError with every problem. */
export const readConfig = (): StackConfig =>
  parseConfig(rawConfig(pulumi.getStack(), pulumi.runtime.allConfig(), isConfigSecret));

/** What `npm run deploy` tells the program in its environment; none of it is set for a plain `pulumi up`. */
interface ProgramOptions {
  /** Whether new containers are tried on copies of their data first. Default true. */
  readonly tried: boolean;
  /** Whether PostgreSQL may continue with its data from before an upgrade. Default false. */
  readonly olderData: boolean;
  /** Docker's ids, by name, of networks to import into Pulumi's state. */
  readonly networks?: Readonly<Record<string, string>>;
  /** Services whose image the stack file does not pin: the configuration of a deployment has digests only. */
  readonly bareTags?: readonly string[];
}

/** tools/deploy/up.ts sets these variables. */
export function readOptions({ env }: Pick<NodeJS.Process, "env"> = process): ProgramOptions {
  const { PINNED_STACK_NETWORKS: networks, PINNED_STACK_BARE_TAGS: bareTags } = env;
  return {
    tried: env.PINNED_STACK_TRIAL !== "off",
    olderData: env.PINNED_STACK_OLDER_DATA === "accept",
    ...(networks !== undefined && { networks: JSON.parse(networks) as Record<string, string> }),
    ...(bareTags !== undefined && { bareTags: bareTags.split(",") }),
  };
}
