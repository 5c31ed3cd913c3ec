/** What a run deploys: the stack's file, or the configuration of an earlier deployment. */
import { LoadedStack, loadStack } from "../../model/load";
import { PROJECT_FOLDER } from "../../cli/command";
import { asStackFile, changedKeys, PlainConfig, withConfigFile } from "../../../config/file/edit";
import { Engine } from "./stack";

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

/** Runs the engine on a configuration: from the stack's file where it says the same, else from a file of its own. */
export async function onConfig<T>(
  engine: Engine,
  current: PlainConfig,
  wanted: PlainConfig,
  work: (options: { readonly configFile?: string }) => Promise<T>,
): Promise<T> {
  if (changedKeys(current, wanted).length === 0) return work({});
  return withConfigFile(
    {
      stackFile: stackFilePath(engine.stack),
      current,
      wanted,
      setSecret: (file, key, value) => engine.setSecret(file, key, value),
    },
    (configFile) => work({ configFile }),
  );
}
