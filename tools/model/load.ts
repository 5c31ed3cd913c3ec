/** Loads a stack from its file: the parsed configuration, and the model that the program deploys. */
import { relative } from "node:path";

import { describeStack } from "../../components/describe";
import { StackModel } from "../../components/model";
import { ConfigError, parseConfig, rawConfig } from "../../config/config";
import { StackFile } from "../../config/file/read";
import { fromJson } from "../../config/file/yaml";
import { SECRET_NAMES } from "../../config/schema";
import { StackConfig } from "../../config/types";
import { isPinned } from "../../images/reference";
import { ENCRYPTED, isMap } from "../../text/messages";

export interface LoadedStack {
  readonly config: StackConfig;
  /** Tags without a digest are not resolved. */
  readonly model: StackModel;
}

/**
 * Contacts nothing. Throws what the program throws: a {@link ConfigError} with all problems, a HardeningError for a refused
 * exemption, an error about the user's own files.
 *
 * @param options.placeholders replace every secret, set or not, by a placeholder: enough to describe a stack. Default false.
 */
export function loadStack(
  file: StackFile,
  { placeholders = false }: { readonly placeholders?: boolean } = {},
): LoadedStack {
  const secrets = placeholders
    ? {
        ...Object.fromEntries(SECRET_NAMES.map((name) => [`pinned-stack:${name}`, PLACEHOLDER])),
        ...ownSecrets(file),
      }
    : {};
  const isSecure = (key: string): boolean => key in secrets || file.secretKeys.includes(key);
  try {
    const raw = rawConfig(file.stack, { ...file.config, ...secrets }, isSecure);
    const config = parseConfig(placeholders ? { ...raw, placeholder: PLACEHOLDER } : raw);
    return { config, model: describeStack(config, config.images) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const path = relative(".", file.path);
    throw new ConfigError(file.stack, error.problems, path.startsWith("..") ? file.path : path);
  }
}

const OWN_SECRETS = "pinned-stack:secrets";

/** Those of one's own services that the file has. One that is no map is left for the message about it. */
function ownSecrets({ config }: StackFile): Record<string, string> {
  const given = fromJson(config[OWN_SECRETS] ?? "");
  if (given === ENCRYPTED) return { [OWN_SECRETS]: "{}" };
  return isMap(given)
    ? {
        [OWN_SECRETS]: JSON.stringify(
          Object.fromEntries(Object.keys(given).map((name) => [name, PLACEHOLDER])),
        ),
      }
    : {};
}

/** Long enough to pass every rule about secrets. */
const PLACEHOLDER = "[secret of this stack, not read]";

/** Services whose image has no digest. */
export const unresolved = ({ images }: StackModel): string[] =>
  images.filter(({ reference }) => !isPinned(reference)).map(({ service }) => service);
