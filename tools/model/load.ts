/** A stack from its file: the configuration as the program understands it, and the model that it deploys. */
import { relative } from "node:path";

import { describeStack } from "../../components/describe";
import { StackModel } from "../../components/model";
import { ConfigError, parseConfig, rawConfig } from "../../config/config";
import { StackFile } from "../../config/file/read";
import { SECRET_NAMES } from "../../config/schema";
import { StackConfig } from "../../config/types";
import { isPinned } from "../../images/reference";

export interface LoadedStack {
  readonly config: StackConfig;
  /** Images are those of the configuration: a bare tag stays one. */
  readonly model: StackModel;
}

export interface LoadOptions {
  /** Take a placeholder for every secret, whether it is set or not, for what only describes a stack. Default false. */
  readonly placeholders?: boolean;
}

/**
 * Contacts nothing. Throws what the program throws: a {@link ConfigError} with all problems, a HardeningError for a refused
 * exemption, an error about the user's own files.
 */
export function loadStack(
  file: StackFile,
  { placeholders = false }: LoadOptions = {},
): LoadedStack {
  const secrets = placeholders
    ? Object.fromEntries(SECRET_NAMES.map((name) => [`pinned-stack:${name}`, PLACEHOLDER]))
    : {};
  const isSecure = (key: string): boolean => key in secrets || file.secretKeys.includes(key);
  try {
    const config = parseConfig(rawConfig(file.stack, { ...file.config, ...secrets }, isSecure));
    return { config, model: describeStack(config, config.images) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const path = relative(".", file.path);
    throw new ConfigError(file.stack, error.problems, path.startsWith("..") ? file.path : path);
  }
}

/** Long enough for every rule about secrets. */
const PLACEHOLDER = "[secret of this stack, not read]";

/** Services whose image has no digest: a preview asks its registry. */
export const unresolved = ({ images }: StackModel): string[] =>
  images.filter(({ reference }) => !isPinned(reference)).map(({ service }) => service);
