/** Parses the text of a Compose file: YAML, size limits, and what this program does not resolve itself. Pure. */
import { isScalar, parseDocument, visit, type Document, type ErrorCode, type Tags } from "yaml";

import { isMap, pathPart } from "../../../text/messages";
import { UserError } from "../../../text/user-error";

/** A map of a Compose file. Numbers are texts as written, because Compose replaces variables before it reads types. */
export type Raw = Readonly<Record<string, unknown>>;

export interface ComposeFile {
  /** Name of the project, if the file has one. */
  readonly name: unknown;
  readonly services: Readonly<Record<string, Raw>>;
  readonly volumes: Raw;
  readonly networks: Raw;
  readonly secrets: Raw;
  readonly configs: Raw;
}

/** All problems of a Compose file that cannot be imported, one per line. */
export class ComposeError extends UserError {
  override readonly name = "ComposeError";
  constructor(
    file: string,
    readonly problems: readonly string[],
  ) {
    const rest = problems.length - MAX_SHOWN;
    const shown = problems.slice(0, MAX_SHOWN).map((problem) => `${file}: ${problem}`);
    super([...shown, ...(rest > 0 ? [`${file}: and ${rest} more problems`] : [])].join("\n"));
  }
}

/** Maximum number of problems in a message. */
const MAX_SHOWN = 100;

/** The parser takes about two seconds for this much. The largest public Compose files have 60 KiB. */
export const MAX_FILE_KIB = 512;

/** A stack file holds fewer: 128 KiB, and one Docker host. */
const MAX_SERVICES = 200;

/** How often an anchor may be expanded, nested anchors multiplied. */
const MAX_ALIASES = 10_000;

/** In one list or map of a service; nobody writes so many. */
const MAX_ITEMS = 1000;

/** How to get a file without `extends`, `include` and overrides. Variables stay, so no secret is written to it. */
const RESOLVE =
  'resolve it first with "docker compose config --no-interpolate --no-path-resolution > resolved.yaml" and import resolved.yaml';

/** Throws a {@link ComposeError} with all problems. @param file as the user named it, for messages */
export function parseCompose(text: string, file: string): ComposeFile {
  const root = parseYaml(text, file);
  if (!isMap(root)) throw new ComposeError(file, ['expected a map with the key "services"']);
  const { services } = root;
  if (services === undefined || services === null)
    throw new ComposeError(file, [
      Object.values(root).some((value) => isMap(value) && "image" in value)
        ? 'has no "services", so it is in the format of Compose 1; move the services below "services:"'
        : 'has no "services"; is this a Compose file?',
    ]);
  if (!isMap(services)) throw new ComposeError(file, ["services: expected a map"]);
  const count = Object.keys(services).length;
  if (count === 0) throw new ComposeError(file, ["services: is empty"]);
  if (count > MAX_SERVICES)
    throw new ComposeError(file, [
      `services: has ${count} services, expected at most ${MAX_SERVICES}; a stack is one host: split the file`,
    ]);

  const problems = [
    ...("include" in root
      ? [`include: reads other files, which is not done here; ${RESOLVE}`]
      : []),
    ...Object.entries(services).flatMap(([name, service]) => serviceProblems(name, service)),
  ];
  for (const key of SECTIONS) {
    const value = root[key];
    if (value !== undefined && value !== null && !isMap(value))
      problems.push(`${key}: expected a map`);
  }
  if (problems.length > 0) throw new ComposeError(file, problems);
  const section = (key: (typeof SECTIONS)[number]): Raw => (root[key] ?? {}) as Raw;
  return {
    name: root.name,
    services: services as Readonly<Record<string, Raw>>,
    volumes: section("volumes"),
    networks: section("networks"),
    secrets: section("secrets"),
    configs: section("configs"),
  };
}

const SECTIONS = ["volumes", "networks", "secrets", "configs"] as const;

/** Compose's rule. */
const SERVICE_NAME = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$/;

function serviceProblems(name: string, service: unknown): string[] {
  const at = `services.${pathPart(name)}`;
  if (!SERVICE_NAME.test(name))
    return [`${at}: expected a name of letters, digits, ".", "_" and "-", at most 100`];
  if (!isMap(service)) return [`${at}: expected a map such as { image: name:tag }`];
  if ("extends" in service)
    return [`${at}.extends: takes over another service, which is not done here; ${RESOLVE}`];
  return Object.entries(service).flatMap(([key, value]) => {
    const count = Array.isArray(value)
      ? value.length
      : isMap(value)
        ? Object.keys(value).length
        : 0;
    return count > MAX_ITEMS
      ? [`${at}.${pathPart(key)}: has ${count} items, expected at most ${MAX_ITEMS}`]
      : [];
  });
}

const ADVICE: Readonly<Partial<Record<ErrorCode, string>>> = {
  DUPLICATE_KEY: "a map has the same key twice; remove one of them",
  MULTIPLE_DOCS: 'there is more than one document; split it at the line "---"',
  TAB_AS_INDENT: "indent with spaces, not with tabs",
  BAD_INDENT: "indent all entries of a map or list equally",
  RESOURCE_EXHAUSTION: "it is nested too deeply",
  BAD_ALIAS: "quote texts that begin with *",
};

function parseYaml(text: string, file: string): unknown {
  if (text.length > MAX_FILE_KIB * 1024)
    throw new ComposeError(file, [
      `is larger than ${MAX_FILE_KIB} KiB, which no Compose file of one host is; split it`,
    ]);
  // The parser quotes the file in its more verbose messages.
  const document = parseDocument(text, {
    ...{ logLevel: "error", merge: true, customTags: withTexts },
    // Takes quadratic time; see doubledKey.
    uniqueKeys: false,
  });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = error.linePos?.[0] ?? { line: 1, col: 1 };
    const advice = ADVICE[error.code] ?? "quote texts with special characters";
    throw new ComposeError(file, [
      `line ${line}, column ${col}: not valid YAML (${error.code}): ${advice}`,
    ]);
  }
  const tag = document.warnings.find(({ code }) => code === "TAG_RESOLVE_FAILED");
  if (tag !== undefined) {
    const line = tag.linePos?.[0].line ?? 1;
    throw new ComposeError(file, [
      `line ${line}: has a tag such as !reset or !override, which belongs to a file that changes another one; ${RESOLVE}`,
    ]);
  }
  const doubled = doubledKey(document);
  if (doubled !== undefined) {
    const line = text.slice(0, doubled).split("\n").length;
    throw new ComposeError(file, [
      `line ${line}: not valid YAML (DUPLICATE_KEY): ${ADVICE.DUPLICATE_KEY ?? ""}`,
    ]);
  }
  return valueOf(document, file);
}

/** The position of the first key that its map has twice. */
function doubledKey(document: Document.Parsed): number | undefined {
  let found: number | undefined;
  visit(document, {
    Map: (_, map) => {
      const keys = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key) || typeof key.value === "symbol") continue;
        if (keys.has(key.value)) {
          found = key.range?.[0] ?? 0;
          return visit.BREAK;
        }
        keys.add(key.value);
      }
      return undefined;
    },
  });
  return found;
}

/** All scalars but true, false and null stay texts as written: `1.10`, `0755`, `22:22`. */
const withTexts = (tags: Tags): Tags =>
  tags.filter((tag) => typeof tag === "string" || !/:(?:int|float)$/.test(tag.tag));

function valueOf(document: Document.Parsed, file: string): unknown {
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    // Throws for a value that contains itself.
    JSON.stringify(value);
    return value;
  } catch (error) {
    const what = error instanceof Error ? error.message : "";
    throw new ComposeError(file, [
      /^Unresolved alias/.test(what)
        ? "an alias (*name) has no anchor (&name) before it"
        : /^Merge sources/.test(what)
          ? "a merge key (<<) expects a map, or a list of maps"
          : "an alias (*name) contains itself or expands too far; write the value itself",
    ]);
  }
}
