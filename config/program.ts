import * as pulumi from "@pulumi/pulumi";
import { isConfigSecret } from "@pulumi/pulumi/runtime/config";

import { parseConfig, rawConfig } from "./config";
import { StackConfig } from "./types";

declare module "@pulumi/pulumi/runtime/config" {
  /** Part of the SDK, but left out of its published types. */
  export function isConfigSecret(key: string): boolean;
}

/** Reads the configuration that Pulumi gave to the program. Throws a ConfigError with every problem. */
export const readConfig = (): StackConfig =>
  parseConfig(rawConfig(pulumi.getStack(), pulumi.runtime.allConfig(), isConfigSecret));
