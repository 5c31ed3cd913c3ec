/** The configuration as Pulumi gives it to the program. Only this file asks Pulumi for it. */
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
