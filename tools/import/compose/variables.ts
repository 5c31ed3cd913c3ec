/**
 * Variables of a Compose file: `${NAME}` in its texts, and the files that give them values. Pure.
 * https://docs.docker.com/reference/compose-file/interpolation/
 */

/** A part of a text: literal, or the value of a variable. */
export interface Piece {
  readonly text: string;
  /** The variable whose value it is. */
  readonly variable?: string;
}

export const joined = (pieces: readonly Piece[]): string => pieces.map(({ text }) => text).join("");

/** Defaults may contain variables, whose defaults may contain variables, and so on. */
const MAX_DEPTH = 20;

/** Replaces variables, and remembers those without a value. */
export class Variables {
  readonly #values: ReadonlyMap<string, string>;
  readonly #missing = new Map<string, Set<string>>();
  readonly #invalid = new Set<string>();

  /** @param values of all variables; the environment of this process is not read */
  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  get values(): ReadonlyMap<string, string> {
    return this.#values;
  }

  value(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** Variables without a value or a default that were needed, and where: `services.app.image`. */
  get missing(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#missing;
  }

  /** Paths of texts with a malformed variable, which stay as they are. */
  get invalid(): ReadonlySet<string> {
    return this.#invalid;
  }

  /** The text with all variables replaced. Missing ones become empty, as in Compose. */
  text(template: string, at: string): string {
    return joined(this.pieces(template, at));
  }

  /** The parts of a text. @param at where it is, for {@link missing}. Default: nothing is remembered. */
  pieces(template: string, at?: string): readonly Piece[] {
    const parsed = parse(template, 0, false, 0);
    if (parsed === undefined) {
      if (at !== undefined) this.#invalid.add(at);
      return [{ text: template }];
    }
    return this.#evaluate(parsed.nodes, at);
  }

  /** Notes that a variable has no value. */
  miss(name: string, at: string): void {
    this.#missing.set(name, (this.#missing.get(name) ?? new Set()).add(at));
  }

  #evaluate(nodes: readonly Node[], at: string | undefined): Piece[] {
    return nodes.flatMap((node): Piece[] => {
      if (typeof node === "string") return [{ text: node }];
      const { name, operator, rest } = node;
      const value = this.#values.get(name);
      const isSet = operator.startsWith(":")
        ? value !== undefined && value !== ""
        : value !== undefined;
      switch (operator.at(-1)) {
        case "-":
          return isSet ? [{ text: value ?? "", variable: name }] : this.#evaluate(rest, at);
        case "+":
          return isSet ? this.#evaluate(rest, at) : [];
        default:
          if (!isSet && at !== undefined) this.miss(name, at);
          return [{ text: value ?? "", variable: name }];
      }
    });
  }
}

type Node =
  | string
  | {
      readonly name: string;
      /** `""`, `-`, `:-`, `?`, `:?`, `+` or `:+` */
      readonly operator: string;
      readonly rest: readonly Node[];
    };

const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const OPERATOR = /:?[-?+]/y;

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** Up to the closing brace of a default if `nested`, otherwise to the end. `undefined` for a malformed variable. */
function parse(
  text: string,
  start: number,
  nested: boolean,
  depth: number,
): { readonly nodes: readonly Node[]; readonly end: number } | undefined {
  if (depth > MAX_DEPTH) return undefined;
  const nodes: Node[] = [];
  let literal = "";
  const flush = (): void => {
    if (literal !== "") nodes.push(literal);
    literal = "";
  };
  let at = start;
  while (at < text.length) {
    const one = text.charAt(at);
    if (nested && one === "}") {
      flush();
      return { nodes, end: at };
    }
    if (one !== "$") {
      literal += one;
      at++;
      continue;
    }
    if (text.charAt(at + 1) === "$") {
      literal += "$";
      at += 2;
      continue;
    }
    const braced = text.charAt(at + 1) === "{";
    const name = match(NAME, text, at + (braced ? 2 : 1));
    if (name === undefined) {
      // A lone $ is a text; ${…} without a name is an error.
      if (braced) return undefined;
      literal += "$";
      at++;
      continue;
    }
    flush();
    if (!braced) {
      nodes.push({ name, operator: "", rest: [] });
      at += 1 + name.length;
      continue;
    }
    at += 2 + name.length;
    const operator = match(OPERATOR, text, at) ?? "";
    const inner =
      operator === "" ? { nodes: [], end: at } : parse(text, at + operator.length, true, depth + 1);
    if (inner === undefined || text.charAt(inner.end) !== "}") return undefined;
    nodes.push({ name, operator, rest: inner.nodes });
    at = inner.end + 1;
  }
  if (nested) return undefined;
  flush();
  return { nodes, end: at };
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/**
 * The values of an env file: `KEY=value`, `KEY: value`, with or without `export`, quotes and comments. Lines without a value
 * would take that of the shell and are left out. Values may use variables of earlier lines and those in `known`.
 */
export function parseEnvFile(
  text: string,
  known: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  const all = new Map(known);
  const variables = new Variables(all);
  const line = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*[=:][ \t]*/gm;
  for (let found = line.exec(text); found !== null; found = line.exec(text)) {
    const [, name = ""] = found;
    const { value, end, literal } = readValue(text, line.lastIndex);
    const replaced = literal ? value : variables.text(value, name);
    values.set(name, replaced);
    all.set(name, replaced);
    const next = text.indexOf("\n", end);
    line.lastIndex = next === -1 ? text.length : next;
  }
  return values;
}

/** A value that begins at `start`. `literal`: in single quotes, without variables. */
function readValue(
  text: string,
  start: number,
): { readonly value: string; readonly end: number; readonly literal: boolean } {
  const quote = text.charAt(start);
  if (quote === "'") {
    const close = text.indexOf("'", start + 1);
    if (close !== -1) return { value: text.slice(start + 1, close), end: close + 1, literal: true };
  }
  if (quote === '"') {
    const closed = /"((?:[^"\\]|\\[^])*)"/y;
    closed.lastIndex = start;
    const inner = closed.exec(text)?.[1];
    if (inner !== undefined)
      return {
        value: inner.replace(/\\([^])/g, (_, one: string) =>
          // "\$" is a dollar sign, which the replacement of variables writes as two.
          one === "$" ? "$$" : (ESCAPES[one] ?? (/["\\]/.test(one) ? one : `\\${one}`)),
        ),
        end: closed.lastIndex,
        literal: false,
      };
  }
  const next = text.indexOf("\n", start);
  const end = next === -1 ? text.length : next;
  const value = text
    .slice(start, end)
    .replace(/(?:^|[ \t])#.*$/, "")
    .trim();
  return { value, end, literal: false };
}
