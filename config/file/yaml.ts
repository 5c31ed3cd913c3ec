/** The YAML of a stack file, `Pulumi.<stack>.yaml`: parsing, and the spellings of keys. Pure. */

import { isMap } from "../../text/messages";
import { isNode, parseDocument, type Document, type ErrorCode } from "yaml";

/** The stack file cannot be used. The message never quotes the file, which may contain secrets in clear text. */
export class StackFileError extends Error {
  override readonly name = "StackFileError";
}

/** The name of a stack file; `undefined` for an invalid stack name, which must not become part of a path. */
export const stackFileName = (stack: string): string | undefined =>
  /^[A-Za-z0-9_.-]{1,100}$/.test(stack) ? `Pulumi.${stack}.yaml` : undefined;

export const badStackName = (stack: string): string =>
  `stack ${JSON.stringify(stack)}: expected only letters, digits, "_", "." and "-"`;

/** Namespace of the project's configuration keys. */
export const PREFIX = "pinned-stack:";

/** Adds the project's namespace to a key without one, as Pulumi does. If a file has both spellings, the last one wins. */
export const fullKey = (key: string): string => (key.includes(":") ? key : PREFIX + key);

/** All spellings of a key, the full one first. A key of another namespace has only one. */
export function spellings(key: string): readonly string[] {
  const full = fullKey(key);
  return full.startsWith(PREFIX) ? [full, full.slice(PREFIX.length)] : [full];
}

const ADVICE: Readonly<Partial<Record<ErrorCode, string>>> = {
  DUPLICATE_KEY: "a map has the same key twice; remove one of them",
  MULTIPLE_DOCS: 'there is more than one document; remove the line "---" and everything after it',
  TAB_AS_INDENT: "indent with spaces, not with tabs",
  BAD_INDENT: "indent all entries of a map or list equally",
  RESOURCE_EXHAUSTION: "it is nested too deeply",
};

/** Throws a {@link StackFileError} with the position of a syntax error. */
export function parseStackYaml(text: string): Document.Parsed {
  // More verbose levels print warnings that quote the file.
  const document = parseDocument(text, { logLevel: "error", merge: true });
  const [error] = document.errors;
  if (error === undefined) return document;
  const { line, col } = error.linePos?.[0] ?? { line: 1, col: 1 };
  const advice = ADVICE[error.code] ?? "quote strings with special characters";
  throw new StackFileError(
    `line ${line}, column ${col}: not valid YAML (${error.code}): ${advice}`,
  );
}

/** The value of a YAML node. Throws a {@link StackFileError} for aliases that cannot be resolved. */
export function plainValue(document: Document.Parsed, node: unknown): unknown {
  if (!isNode(node)) return undefined;
  try {
    const value: unknown = node.toJS(document, { maxAliasCount: 100 });
    // Throws for a circular value.
    JSON.stringify(value);
    return value;
  } catch {
    throw new StackFileError(
      "an alias (*name) is undefined or expands too far; quote strings that start with *",
    );
  }
}

/** Whether Pulumi encrypted the value: `{ secure: … }`. */
export const isEncrypted = (value: unknown): boolean =>
  isMap(value) && typeof value.secure === "string" && Object.keys(value).length === 1;

/** Decodes a structured value, which Pulumi passes as JSON. Returns other text unchanged. */
export function fromJson(text: string): unknown {
  if (!/^[[{]/.test(text)) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
