/** What a run deploys: the stack's file, or the configuration of an earlier deployment. */
import { Model, synth } from "../model/synth";
import { PROJECT_FOLDER } from "../scripts/cli";
import { asStackFile, changedKeys, PlainConfig, withConfigFile } from "./configuration";
import { Engine } from "./engine";

export interface Target {
  readonly config: PlainConfig;
  /** The message of the update. */
  readonly message: string;
}

export const stackFilePath = (stack: string): string => `${PROJECT_FOLDER}/Pulumi.${stack}.yaml`;

/** The program on this configuration. */
export const modelFor = (stack: string, config: PlainConfig): Promise<Model> =>
  synth(asStackFile(stack, stackFilePath(stack), config));

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
