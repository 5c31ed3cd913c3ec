/** Reads the configuration from a stack file, for commands that work without the Pulumi CLI. */
import { ENCRYPTED, isMap } from "../../text/messages";
import { UserError } from "../../text/user-error";
import { readStackText } from "./write";
import {
  badStackName,
  fullKey,
  isEncrypted,
  parseStackYaml,
  plainValue,
  stackFileName,
  StackFileError,
} from "./yaml";

/** Configuration as Pulumi passes it to a program: every value is a string, structured values are JSON. */
export interface StackFile {
  readonly stack: string;
  readonly path: string;
  readonly config: Readonly<Record<string, string>>;
  /** Keys that are encrypted or contain an encrypted value. `config` has placeholders for these values. */
  readonly secretKeys: readonly string[];
}

/** Reads `Pulumi.<stack>.yaml` in a folder. Throws a {@link UserError} if it cannot be read or is not valid YAML. */
export function readStackFile(
  stack: string,
  folder: string,
  path = `${folder}/Pulumi.${stack}.yaml`,
): StackFile {
  if (stackFileName(stack) === undefined) throw new UserError(badStackName(stack));
  const root = parse(path);
  const config = isMap(root) && isMap(root.config) ? root.config : {};
  const secretKeys: string[] = [];
  return {
    stack,
    path,
    config: Object.fromEntries(
      Object.entries(config).map(([spelling, value]) => {
        const key = fullKey(spelling);
        const clear = withoutSecrets(value, () => void secretKeys.push(key));
        return [key, typeof clear === "string" ? clear : JSON.stringify(clear)];
      }),
    ),
    secretKeys,
  };
}

function parse(path: string): unknown {
  try {
    const document = parseStackYaml(readStackText(path));
    return plainValue(document, document.contents);
  } catch (error) {
    if (error instanceof StackFileError) throw new UserError(`${path}: ${error.message}`);
    throw error;
  }
}

/** Replaces each encrypted value by a placeholder and calls `found` for it. */
function withoutSecrets(value: unknown, found: () => void): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, found));
  if (isEncrypted(value)) {
    found();
    return ENCRYPTED;
  }
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, withoutSecrets(item, found)]),
  );
}
