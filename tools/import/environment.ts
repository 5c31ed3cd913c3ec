/** Converts `environment` and `env_file`: secrets become files where the image reads them, and exemptions elsewhere. Pure. */
import { isMap } from "../../text/messages";
import { listOf, pairsOf, scalar } from "./compose/syntax";
import { parseEnvFile, type Piece } from "./compose/variables";
import { keyOf, type Context, type Source } from "./context";
import { type Draft } from "./draft";
import { isHostKey } from "./hosts";
import { isSecretName, type Part } from "./secrets";

/** A variable of a container: its parts, or `undefined` if it takes that of the shell. */
type Given = ReadonlyMap<string, readonly Piece[] | undefined>;

/** Variables whose value is a file now: variable to path. */
export type MovedVariables = ReadonlyMap<string, string>;

const VARIABLE = /^[A-Za-z_]\w{0,200}$/;
const MAX_ENV_FILE_KIB = 64;

/** Adds `environment` and `secrets` to the entry. */
export function convertEnvironment(draft: Draft, source: Source, context: Context): MovedVariables {
  const { secrets, mentions } = context;
  const environment: Record<string, string> = {};
  const moved = new Map<string, string>();
  for (const [variable, pieces] of givenVariables(draft, source, context)) {
    if (pieces === undefined) continue;
    if (!VARIABLE.test(variable)) {
      draft.say(
        "question",
        `variable ${variable}`,
        "expected letters, digits and _; it is left out",
      );
      continue;
    }
    if (variable === "DOCKER_HOST") {
      draft.readsDocker = true;
      continue;
    }
    const parts = secrets.parts(variable, pieces, draft.name);
    const [first] = parts;
    const isWhole = parts.length === 1 && first !== undefined && typeof first !== "string";
    const fileForm = isWhole ? fileVariable(source, variable, first.secret) : undefined;
    if (isWhole && fileForm !== undefined) {
      const [name, value] = fileForm;
      environment[name] = value;
      addSecret(draft, first.secret);
      moved.set(variable, secretPath(first.secret));
      draft.say("tightened", `${variable} is a secret`, `a file, ${name}, not in the environment`);
      continue;
    }
    environment[variable] = parts
      .map((part) =>
        typeof part === "string"
          ? draft.rewrite(mentions, part, isHostKey(variable)).replaceAll("$", "$$$$")
          : `\${${part.secret}}`,
      )
      .join("");
    if (parts.some((part) => typeof part !== "string"))
      draft.exempt("environmentSecrets", [variable], variable);
  }
  if (Object.keys(environment).length > 0) draft.entry.environment = environment;
  return moved;
}

const fileVariable = ({ known }: Source, variable: string, secret: string) =>
  known.fileVariable?.(variable, secretPath(secret));

const secretPath = (secret: string): string => `/run/secrets/${secret}`;

/** Adds a secret to the files of the entry, once. */
export function addSecret(draft: Draft, name: string): void {
  draft.entry.secrets ??= [];
  if (!draft.entry.secrets.includes(name)) draft.entry.secrets.push(name);
}

/** Variables that hold a secret because a variable with such a name takes their whole value: in any service. */
export function taintSecrets(source: Pick<Source, "name" | "service">, context: Context): void {
  for (const [key, template] of pairsOf(source.service.environment)) {
    if (template === undefined || !isSecretName(key)) continue;
    const [first, ...rest] = context.variables.pieces(template);
    if (first?.variable !== undefined && rest.length === 0) context.secrets.taint(first.variable);
  }
}

function givenVariables(draft: Draft, source: Source, context: Context): Given {
  const { variables } = context;
  const { name, service } = source;
  const given = new Map<string, readonly Piece[] | undefined>();
  for (const [key, value] of envFileVariables(draft, source, context))
    // Often both are the same file, and then the same secret.
    given.set(key, [{ text: value, ...(variables.value(key) === value && { variable: key }) }]);
  for (const [key, template] of pairsOf(service.environment)) {
    const at = `services.${name}.environment.${key}`;
    if (template !== undefined) given.set(key, variables.pieces(template, at));
    else {
      const value = variables.value(key);
      // Compose leaves it out, too.
      if (value === undefined) variables.miss(key, at);
      given.set(key, value === undefined ? undefined : [{ text: value, variable: key }]);
    }
  }
  return given;
}

function envFileVariables(
  draft: Draft,
  source: Source,
  context: Context,
): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const item of listOf(keyOf(source, "env_file", context))) {
    const path = isMap(item) ? scalar(item.path) : scalar(item);
    const required = !isMap(item) || !(item.required === false || item.required === "false");
    if (path === undefined) continue;
    const found = context.folder.text(path, MAX_ENV_FILE_KIB);
    if ("text" in found)
      for (const [key, value] of parseEnvFile(found.text, context.variables.values))
        values.set(key, value);
    else if (required)
      draft.say(
        "question",
        `env_file ${path} ${found.problem}`,
        "put it there and import again, or write its variables below environment",
      );
  }
  return values;
}

/** A text for a shell in which secrets are read from their files. */
export const readingSecrets = (parts: readonly Part[]): string =>
  parts
    .map((part) => (typeof part === "string" ? part : `$(cat ${secretPath(part.secret)})`))
    .join("");
