/** What a run deploys: the stack's file, or the configuration of an earlier deployment. */
import { LoadedStack, loadStack } from "../../model/load";
import { PROJECT_FOLDER } from "../../cli/command";
import { asStackFile, changedKeys, PlainConfig, withConfigFile } from "../../../config/file/edit";
import { PulumiStack } from "./stack";

export interface Target {
  readonly config: PlainConfig;
  /** The message of the update. */
  readonly message: string;
  /** The deployment whose configuration it is; undefined: the stack's file says it. */
  readonly number?: number;
}

const stackFilePath = (stack: string): string => `${PROJECT_FOLDER}/Pulumi.${stack}.yaml`;

/** The stack that this version of the program makes of a configuration. */
export const loadTarget = (stack: string, config: PlainConfig): LoadedStack =>
  loadStack(asStackFile(stack, stackFilePath(stack), config));

/** Runs Pulumi on a configuration: that of the stack's file where it is the same, else a temporary file. */
export async function onConfig<T>(
  pulumi: PulumiStack,
  current: PlainConfig,
  wanted: PlainConfig,
  work: (options: { readonly configFile?: string }) => Promise<T>,
): Promise<T> {
  if (changedKeys(current, wanted).length === 0) return work({});
  return withConfigFile(
    {
      stackFile: stackFilePath(pulumi.stack),
      current,
      wanted,
      setSecret: (file, key, value) => pulumi.setSecret(file, key, value),
    },
    (configFile) => work({ configFile }),
  );
}
