/** A stack's configuration as its file says it, for commands that work without the Pulumi CLI. */
import { parseDocument } from "yaml";
import * as pulumi from "@pulumi/pulumi";

import { fullKey } from "./keys";
import { ENCRYPTED } from "../../text/messages";
import { PinsError } from "./pins";
import { readPinsFile } from "./write";
import { yamlProblem } from "./yaml-problem";

/** Configuration as Pulumi gives it to a program: each value a text, structures as JSON. */
export interface StackFile {
  readonly stack: string;
  readonly path: string;
  readonly config: Readonly<Record<string, string>>;
  /** Keys with an encrypted value in them. What they hold cannot be read without the passphrase. */
  readonly secretKeys: readonly string[];
}

/** A name that Pulumi accepts for a stack; it becomes part of a path here. */
const STACK_NAME = /^[A-Za-z0-9_.-]{1,100}$/;

/** Reads `Pulumi.<stack>.yaml` in a folder. Throws a RunError when it cannot be read or is no YAML. */
export function readStackFile(
  stack: string,
  folder: string,
  path = `${folder}/Pulumi.${stack}.yaml`,
): StackFile {
  if (!STACK_NAME.test(stack))
    throw new pulumi.RunError(`stack ${JSON.stringify(stack)}: expected letters, digits, _ . -`);
  let text: string;
  try {
    text = readPinsFile(path);
  } catch (error) {
    if (error instanceof PinsError) throw new pulumi.RunError(`${path}: ${error.message}`);
    throw error;
  }
  const root = parseYaml(text, path);
  const config = isMap(root) && isMap(root.config) ? root.config : {};
  const secretKeys: string[] = [];
  return {
    stack,
    path,
    config: Object.fromEntries(
      Object.entries(config).map(([written, value]) => {
        const key = fullKey(written);
        const clear = withoutSecrets(value, () => void secretKeys.push(key));
        return [key, typeof clear === "string" ? clear : JSON.stringify(clear)];
      }),
    ),
    secretKeys,
  };
}

/** What the text says. No message has any of it: a secret may stand there that nobody has encrypted yet. */
function parseYaml(text: string, path: string): unknown {
  const document = parseDocument(text, { logLevel: "error", merge: true });
  const [problem] = document.errors;
  if (problem !== undefined) {
    const { line, col } = problem.linePos?.[0] ?? { line: 1, col: 1 };
    throw new pulumi.RunError(`${path}: line ${line}, column ${col}: ${yamlProblem(problem.code)}`);
  }
  try {
    const root: unknown = document.toJS({ maxAliasCount: 100 });
    // Refuses what holds itself.
    JSON.stringify(root);
    return root;
  } catch {
    throw new pulumi.RunError(
      `${path}: an alias (*name) stands for nothing, or for too much; put texts that start with * in quotes`,
    );
  }
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `{ secure: … }` is how Pulumi stores an encrypted value. */
function withoutSecrets(value: unknown, found: () => void): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, found));
  if (!isMap(value)) return value;
  if (typeof value.secure === "string" && Object.keys(value).length === 1) {
    found();
    return ENCRYPTED;
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, withoutSecrets(item, found)]),
  );
}
