/** The configuration that a deployment applies: the stack file's, or that of an earlier one. */
import { LoadedStack, loadStack } from "../../model/load";
import { PROJECT_FOLDER } from "../../cli/command";
import { bareTagsOf, withBareTags } from "../../../components/model";
import {
  asStackFile,
  changedKeys,
  PlainConfig,
  withConfigFile,
  withImages,
} from "../../../config/file/edit";
import { PulumiStack } from "./stack";

/** The configuration to deploy. */
export interface Target {
  readonly config: PlainConfig;
  /** The message of the Pulumi update. */
  readonly message: string;
  /** The earlier deployment that it is from. Absent: the stack file. */
  readonly number?: number;
}

const stackFilePath = (stack: string): string => `${PROJECT_FOLDER}/Pulumi.${stack}.yaml`;

/** Parses a configuration with this version of the program. */
export const loadTarget = (stack: string, config: PlainConfig): LoadedStack =>
  loadStack(asStackFile(stack, stackFilePath(stack), config));

/** A configuration with the images of its plan, pinned for this run, and what the program makes of it. */
export function withPlannedImages(
  wanted: PlainConfig,
  { model: { stack, ...asWritten } }: LoadedStack,
  images: Readonly<Record<string, string>>,
): LoadedStack & { readonly plain: PlainConfig } {
  const plain = withImages(wanted, images);
  const { config, model } = loadTarget(stack, plain);
  return { plain, config, model: withBareTags(model, bareTagsOf(asWritten)) };
}

/** Runs Pulumi with a configuration: the stack file if it is the same, otherwise a temporary file. */
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
