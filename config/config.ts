/** Parses and validates the configuration of a stack, and applies the defaults. Pure. */
import { ServiceSettings } from "../components/model";
import { definitionsWith, SecretName, SERVICE_NAMES } from "../components/services";
import { ServiceDefinition } from "../components/services/definition";
import { ownExemptions } from "../components/services/own/definition";
import { COMPOSE_KEYS, OWN_NAME, OwnService } from "../components/services/own/schema";
import {
  didYouMean,
  isAbsent,
  isMap,
  issueLines,
  pathPart,
  setCommand,
  unknownKey,
  zodMessage,
} from "../text/messages";
import { UserError } from "../text/user-error";
import { isEnabled, ruleProblems } from "./rules";
import {
  ConfigKey,
  Images,
  KEYS,
  ParsedKeys,
  readableImages,
  readableServices,
  SECRET_NAMES,
  SECRETS,
  ServicesInput,
  shapeOf,
} from "./schema";
import { RawConfig, Secret, Secrets, StackConfig } from "./types";

export { Secret } from "./types";
export type { RawConfig, StackConfig } from "./types";

const PROJECT = "pinned-stack";

/** Maximum number of problems in a message. A file that is not a stack file may have thousands. */
const MAX_SHOWN = 100;

/** All problems of a configuration, one per line. */
export class ConfigError extends UserError {
  constructor(
    stack: string,
    readonly problems: readonly string[],
    file = `Pulumi.${stack}.yaml`,
  ) {
    const count = problems.length === 1 ? "one problem" : `${problems.length} problems`;
    const rest = problems.length - MAX_SHOWN;
    const lines = [...problems.slice(0, MAX_SHOWN), ...(rest > 0 ? [`and ${rest} more`] : [])];
    super(
      `the configuration of stack "${stack}" (${file}) has ${count}:\n${lines.map((line) => `  ${line}`).join("\n")}`,
    );
  }
}

/**
 * Decodes the configuration and drops the keys of other namespaces.
 * @param config as Pulumi passes it to a program: full key to string, with structured values as JSON
 * @param isSecure whether the value of a full key is stored encrypted
 */
export function rawConfig(
  stack: string,
  config: Readonly<Record<string, string>>,
  isSecure: (key: string) => boolean,
): RawConfig {
  const prefix = `${PROJECT}:`;
  const own = Object.entries(config).filter(([key]) => key.startsWith(prefix));
  return {
    stack,
    values: Object.fromEntries(
      own.map(([key, text]) => {
        const name = key.slice(prefix.length);
        return [name, isSecretName(name) ? text : decode(text)];
      }),
    ),
    secure: new Set(
      own
        .map(([key]) => key)
        .filter(isSecure)
        .map((key) => key.slice(prefix.length)),
    ),
  };
}

/** Pulumi passes every value as a string, structured values as JSON. */
function decode(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  // A key without a value in the stack file. As a string it would be a valid host name.
  if (text === "null") return null;
  if (!/^[[{]/.test(text)) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** Validates the configuration and applies the defaults. Throws a {@link ConfigError} with all problems. */
export function parseConfig(raw: RawConfig): StackConfig {
  const problems: string[] = [];
  const keys = parseKeys(raw, problems);
  const secrets = parseSecrets(raw, problems);
  for (const name of Object.keys(raw.values))
    if (!Object.hasOwn(KEYS, name) && !isSecretName(name))
      problems.push(unknownKey(pathPart(name), keyHint([name])));

  const input = usable(keys.services ?? readableServices(raw.values.services), raw);
  // Treat unreadable services as disabled: their problem is listed already, and they must not require images or secrets.
  const unreadable = SERVICE_NAMES.filter(
    (name) => keys.services === undefined && !(name in input),
  );
  const off = Object.fromEntries(unreadable.map((name) => [name, { enabled: false }]));
  const readable = readableImages(raw.values.images);
  const definitions = definitionsWith(ownServices(input));
  const services = withDefaults(
    definitions,
    { ...input, ...off },
    readable,
    keys.domain ?? "localhost",
  );
  const images = Object.fromEntries(
    definitions.flatMap(({ name }) => {
      const image = (keys.images as Images | undefined)?.[name];
      return image !== undefined && services[name]?.enabled === true ? [[name, image]] : [];
    }),
  );
  problems.push(
    ...ruleProblems(raw, { ...keys, services: input }, services, readable, definitions),
  );
  if (problems.length > 0) throw new ConfigError(raw.stack, problems);

  return {
    // No problem was found, so all keys are present.
    ...(keys as ParsedKeys),
    stack: raw.stack,
    services,
    images,
    secrets,
    secret: (name) => {
      const secret = secrets[name];
      if (secret === undefined) throw new Error(`${name} was not checked before use`);
      return secret;
    },
  };
}

/** Parses each key separately, so that a problem in one does not hide problems in others. */
function parseKeys(raw: RawConfig, problems: string[]): Partial<ParsedKeys> {
  const parsed = (Object.keys(KEYS) as ConfigKey[]).flatMap((key) => {
    const { schema, fallback } = { fallback: undefined, ...KEYS[key] };
    const given = raw.values[key];
    const value = isAbsent(given) ? fallback : given;
    const result = schema.safeParse(value, { error: zodMessage });
    if (result.success) return [[key, result.data]];
    problems.push(...issueLines(key, result.error.issues, keyHint));
    return [];
  });
  return Object.fromEntries(parsed) as Partial<ParsedKeys>;
}

/** What to do about a key that is not known, by its path. */
function keyHint(path: readonly string[]): string | undefined {
  const [key = "", service = "", ...rest] = path;
  const name = path.at(-1) ?? "";
  const known =
    path.length === 1
      ? [...Object.keys(KEYS), ...SECRET_NAMES]
      : key === "services" && rest.length === 1
        ? Object.keys(shapeOf(service))
        : [];
  const isOwn = !(SERVICE_NAMES as readonly string[]).includes(service);
  const compose = key === "services" && isOwn ? COMPOSE_KEYS[rest.join(".")] : undefined;
  if (compose !== undefined) return compose;
  const near = didYouMean(name, known);
  return near === "" ? undefined : `unknown key${near}`;
}

/** Without those whose names cannot be used and those without an image, which config/own-rules.ts reports. */
const usable = (given: ServicesInput, { values: { images } }: RawConfig): ServicesInput =>
  Object.fromEntries(
    Object.entries(given).filter(
      ([name]) =>
        (SERVICE_NAMES as readonly string[]).includes(name) ||
        (OWN_NAME.test(name) && isMap(images) && !isAbsent(images[name])),
    ),
  );

/** The services of one's own, as far as they can be read. */
const ownServices = (given: ServicesInput): Record<string, { readonly own?: OwnService }> =>
  Object.fromEntries(
    Object.entries(given).flatMap(([name, input]) =>
      (SERVICE_NAMES as readonly string[]).includes(name) || input === undefined
        ? []
        : [[name, { own: input as unknown as OwnService }]],
    ),
  );

const isSecretName = (name: string): name is SecretName =>
  (SECRET_NAMES as readonly string[]).includes(name);

/** Prefix of the secrets of the `dev` stack, which are public. */
const DEV_SECRET_PREFIX = "dev-only-";

function parseSecrets(raw: RawConfig, problems: string[]): Secrets {
  // config/own-rules.ts checks those of one's own services.
  const given = isMap(raw.values.secrets) ? raw.values.secrets : {};
  const secrets: Partial<Record<string, Secret>> = Object.fromEntries(
    Object.entries(given).flatMap(([name, text]) =>
      typeof text === "string" ? [[name, new Secret(text)]] : [],
    ),
  );
  for (const name of SECRET_NAMES) {
    const text = raw.values[name];
    if (isAbsent(text)) continue;
    const set = setCommand(raw.stack, name);
    const { minLength, random } = SECRETS[name];
    const long = `expected at least ${minLength} ${random === undefined ? "" : "random "}characters${random ?? ""}`;
    if (typeof text !== "string") problems.push(`${name}: expected a string; ${set}`);
    else if (text.trim() !== text || /[\r\n\0]/.test(text))
      problems.push(`${name}: starts or ends with white space, or contains a line break; ${set}`);
    else if (text.length < minLength) problems.push(`${name}: ${long}; ${set}`);
    else if (random !== undefined && isRepetitive(text))
      problems.push(`${name}: repeats itself, ${long}; ${set}`);
    else if (raw.stack !== "dev" && text.startsWith(DEV_SECRET_PREFIX))
      problems.push(`${name}: is the public secret of the dev stack; ${set}`);
    else if (raw.stack !== "dev" && !raw.secure.has(name))
      problems.push(`${name}: is stored in clear text; ${set}`);
    else secrets[name] = new Secret(text);
  }
  return secrets;
}

/** Different characters in a key and in its second half. Of random keys, not one in a million has fewer. */
const [MIN_VARIETY, MIN_VARIETY_OF_HALF] = [8, 5];

/** Whether a text has few different characters, or is one text over and over. */
function isRepetitive(text: string): boolean {
  const half = Math.floor(text.length / 2);
  const variety = (part: string): number => new Set(part).size;
  return (
    variety(text) < MIN_VARIETY ||
    variety(text.slice(half)) < MIN_VARIETY_OF_HALF ||
    Array.from({ length: half }, (_, index) => text.slice(index + 1)).some((rest) =>
      text.startsWith(rest),
    )
  );
}

function withDefaults(
  definitions: readonly ServiceDefinition[],
  given: ServicesInput,
  readable: Images,
  domain: string,
): StackConfig["services"] {
  const settings = (definition: ServiceDefinition): ServiceSettings => {
    const { name, route, options = {} } = definition;
    const input = given[name] ?? {};
    const own = definition.own === true ? (input as unknown as OwnService) : undefined;
    const { memoryMiB, cpus, pidsLimit, admin, login } = input;
    const exemptions = own === undefined ? (input.exemptions ?? []) : ownExemptions(own);
    const { environment = {}, secrets = [], links = [], aliases = [] } = input;
    const host = input.host ?? (route?.atDomain === true ? domain : `${name}.${domain}`);
    return {
      enabled: isEnabled(definition, given, readable, definitions),
      ...(route && { host }),
      limits: {
        ...(memoryMiB !== undefined && { memoryMiB }),
        ...(cpus !== undefined && { cpus }),
        ...(pidsLimit !== undefined && { pidsLimit }),
      },
      exemptions,
      options: Object.fromEntries(
        Object.keys(options).flatMap((key) => (key in input ? [[key, input[key]]] : [])),
      ),
      ...(["environment", "secrets", "links", "aliases", "admin", "login"].some(
        (key) => input[key] !== undefined,
      ) && {
        extras: {
          ...{ environment, secrets, links, aliases },
          ...(admin !== undefined && { admin }),
          ...(login && { login }),
        },
      }),
      ...(own && { own }),
    };
  };
  return Object.fromEntries(
    definitions.map((definition) => [definition.name, settings(definition)]),
  ) as StackConfig["services"];
}
