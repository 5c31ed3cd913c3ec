/** What a run deploys: the stack's file, or the configuration of an earlier deployment. */
import { Model, synth } from "../../model/synth";
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

const models = new Map<string, Promise<Model>>();

/** The program on this configuration, run once for each: a deployment asks several times for the same. */
export function modelFor(stack: string, config: PlainConfig): Promise<Model> {
  const key = JSON.stringify([stack, config]);
  const known = models.get(key);
  if (known !== undefined) return known;
  const model = synth(asStackFile(stack, stackFilePath(stack), config));
  models.set(key, model);
  return model;
}

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
