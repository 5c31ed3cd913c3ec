/** YAML of a stack's file, `Pulumi.<stack>.yaml`: how it is parsed, and how its keys are spelled. Pure. */

import { isMap } from "../../text/messages";
import { isNode, parseDocument, type Document, type ErrorCode } from "yaml";

/** The file cannot be used. The message contains nothing of its text, which may have secrets that nobody encrypted yet. */
export class StackFileError extends Error {
  override readonly name = "StackFileError";
}

/** The name of a stack's file; `undefined` for a name that Pulumi does not accept, since it becomes part of a path. */
export const stackFileName = (stack: string): string | undefined =>
  /^[A-Za-z0-9_.-]{1,100}$/.test(stack) ? `Pulumi.${stack}.yaml` : undefined;

export const badStackName = (stack: string): string =>
  `stack ${JSON.stringify(stack)}: expected letters, digits, _ . -`;

export const PREFIX = "pinned-stack:";

/** Pulumi takes a key without a namespace for the project's own. If a file has both spellings, the later one counts. */
export const fullKey = (key: string): string => (key.includes(":") ? key : PREFIX + key);

/** All spellings of a key, the full one first; a key of another namespace has one only. */
export function spellings(key: string): readonly string[] {
  const full = fullKey(key);
  return full.startsWith(PREFIX) ? [full, full.slice(PREFIX.length)] : [full];
}

const ADVICE: Readonly<Partial<Record<ErrorCode, string>>> = {
  DUPLICATE_KEY: "a map has the same key twice, remove one of them",
  MULTIPLE_DOCS: 'there is more than one document, remove the line "---" and what follows',
  TAB_AS_INDENT: "indent with spaces, not with tabs",
  BAD_INDENT: "indent the entries of a map or list equally",
  RESOURCE_EXHAUSTION: "it is nested too deeply",
};

/** Throws a {@link StackFileError} with the place of a syntax error. */
export function parseStackYaml(text: string): Document.Parsed {
  // A lower level prints warnings with lines of the file.
  const document = parseDocument(text, { logLevel: "error", merge: true });
  const [error] = document.errors;
  if (error === undefined) return document;
  const { line, col } = error.linePos?.[0] ?? { line: 1, col: 1 };
  const advice = ADVICE[error.code] ?? "put texts with special characters in quotes";
  throw new StackFileError(
    `line ${line}, column ${col}: not valid YAML (${error.code}): ${advice}`,
  );
}

/** The value of a node of the document. Throws a {@link StackFileError} for aliases that cannot be resolved. */
export function plainValue(document: Document.Parsed, node: unknown): unknown {
  if (!isNode(node)) return undefined;
  try {
    const value: unknown = node.toJS(document, { maxAliasCount: 100 });
    // Throws for a value that contains itself.
    JSON.stringify(value);
    return value;
  } catch {
    throw new StackFileError(
      "an alias (*name) is undefined or expands to too much; put texts that start with * in quotes",
    );
  }
}

/** Whether a value is one that Pulumi encrypted: `{ secure: … }`. */
export const isEncrypted = (value: unknown): boolean =>
  isMap(value) && typeof value.secure === "string" && Object.keys(value).length === 1;

/** The structure that a text holds as JSON, as Pulumi stores structures; any other text as it is. */
export function fromJson(text: string): unknown {
  if (!/^[[{]/.test(text)) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
