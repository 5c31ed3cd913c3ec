/** Finds the secrets of a Compose file and gives them names. Their values never leave this module, except to a pipe. Pure. */
import { joined, type Piece, type Variables } from "./compose/variables";

/** A secret that entries read, and where its value is. */
export interface ImportedSecret {
  readonly name: string;
  /** Absent if no file that was read has it. */
  readonly value?: string;
  /** The path of a file that holds it: absolute, or from the home directory, `~/…`. */
  readonly file?: string;
  readonly readers: ReadonlySet<string>;
}

/** Part of a text: literal, or the secret of a name. */
export type Part = string | { readonly secret: string };

/** Words of names, also at the end of a longer word: `DBPASS`, `requirepass`. */
const SECRET_WORD =
  /(?:PASSWORD|PASSWD|PASSPHRASE|SECRETS?|TOKEN|CREDENTIALS?|APIKEY|(?<!BY|COM|TRES)PASS)$|^(?:PWD|SALT|PEPPER)$/;
/** Last words of names about a secret that hold none: `TOKEN_EXPIRY`, `PASSWORD_MIN_LENGTH`. */
const ABOUT: ReadonlySet<string> = new Set([
  ...["FILE", "PATH", "DIR", "FOLDER", "ENABLED", "ENABLE", "DISABLED", "ALLOWED", "REQUIRED"],
  ...["EXPIRY", "EXPIRES", "EXPIRATION", "EXP", "TTL", "AGE", "TIMEOUT", "LIFETIME", "DURATION"],
  ...["LENGTH", "MIN", "MAX", "COUNT", "LIMIT", "HEADER", "NAME", "ID", "URL", "URI", "TYPE"],
  ...["ALGORITHM", "POLICY", "SCHEME", "RESET", "HOST", "PORT", "USER", "USERNAME", "METHOD"],
  ...["MODE", "PREFIX", "COOKIE", "INTERVAL", "VERSION", "FORMAT", "PROVIDER"],
]);

/** Whether a variable of this name holds a secret. */
export function isSecretName(name: string): boolean {
  const words = name
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toUpperCase()
    .split(/[^A-Z0-9]+/)
    .filter((word) => word !== "");
  const last = words.at(-1) ?? "";
  if (ABOUT.has(last) || words.includes("PUBLIC") || words.includes("EMPTY")) return false;
  return words.some((word) => SECRET_WORD.test(word)) || /KEYS?$/.test(last);
}

/** Values of variables with such a name that are none: switches, paths. */
const NO_SECRET = /^(?:|true|false|yes|no|on|off|none|null|\d{1,3}|\/\S*)$/i;

/** A password in a URL, a list of settings, or an option of a command. */
const PASSWORDS = [
  /:\/\/[^\s:/?#@]*:([^\s@/]+)@/g,
  /(?:^|[?&;\s"'])[\w.-]{0,40}(?:password|passwd|pwd|pass|secret|token|api_?key)=["']?([^&;\s"'$%{<][^&;\s"']*)/gi,
  /(?:^|\s)--?(?!no-)[\w-]{0,40}(?:password|passwd|pass|secret|token|api-?key)\s+["']?([^-\s"'$%{<][^\s"']*)/gi,
  /\bcurl\s(?:[^\n]{0,200}\s)?(?:-[a-zA-Z]{0,5}u\s?|--user[\s=])["']?[^\s:"']{1,100}:([^\s"'$%{<]+)/g,
  /\b(?:redis|valkey)-cli\s(?:[^\n]{0,200}\s)?-a\s["']?([^\s"'$%{<]+)/g,
  /(?:^|\s)(?:mysql|mariadb)[\w-]{0,20}\s(?:[^\n]{0,200}\s)?-p([^\s"'$%{<][^\s"']*)/g,
];

/** A long random text of one piece, such as a key in hexadecimal or base64. */
export function looksRandom(text: string): boolean {
  if (!/^[A-Za-z0-9+_=-][A-Za-z0-9+/_=-]{31,}$/.test(text)) return false;
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return false;
  const digits = text.match(/\d/g)?.length ?? 0;
  return (
    digits >= 3 &&
    new Set(text).size >= 12 &&
    /[a-z]/i.test(text) &&
    !/^(?:[a-z]+[-_/])+/.test(text)
  );
}

/** `DB_PASSWORD` → `dbPassword`. */
export const camelCase = (text: string): string =>
  text
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== "")
    .map((word) => (/^[A-Z0-9]+$/.test(word) ? word.toLowerCase() : word))
    .map((word, index) =>
      index === 0
        ? word.charAt(0).toLowerCase() + word.slice(1)
        : word.charAt(0).toUpperCase() + word.slice(1),
    )
    .join("")
    .replace(/^(?=\d)/, "n")
    .slice(0, MAX_NAME);

const MAX_NAME = 60;

/** All secrets of one Compose file, by name. */
export class Secrets {
  readonly #variables: Variables;
  /** Variables that a key with a secret's name takes whole, so that they are secrets wherever they are used. */
  readonly #tainted = new Set<string>();
  readonly #byIdentity = new Map<string, string>();
  readonly #byName = new Map<string, ImportedSecret & { readonly readers: Set<string> }>();
  readonly #reserved: ReadonlySet<string>;
  readonly #project: string;

  /**
   * @param reserved names that the program uses otherwise
   * @param project begins all names, so that two projects do not overwrite each other's secrets
   */
  constructor(variables: Variables, reserved: Iterable<string>, project: string) {
    this.#variables = variables;
    this.#reserved = new Set(reserved);
    this.#project = project;
  }

  get all(): readonly ImportedSecret[] {
    return [...this.#byName.values()];
  }

  /** Notes that a variable holds a secret. */
  taint(variable: string): void {
    this.#tainted.add(variable);
  }

  isSecret(variable: string): boolean {
    return (
      this.#tainted.has(variable) ||
      (isSecretName(variable) && !NO_SECRET.test(this.#variables.value(variable) ?? "unknown"))
    );
  }

  /** Whether a key of this name with this value holds a secret as a whole. */
  isWhole(key: string, pieces: readonly Piece[]): boolean {
    const text = joined(pieces);
    const [first] = pieces;
    if (pieces.length === 1 && first?.variable !== undefined && this.isSecret(first.variable))
      return true;
    if (!isSecretName(key)) return looksRandom(text);
    const unset = pieces.some(({ variable }) => variable !== undefined && this.isUnset(variable));
    return unset || !(NO_SECRET.test(text) || /^[a-z][a-z0-9+.-]*:\/\//i.test(text));
  }

  isUnset(variable: string): boolean {
    return this.#variables.value(variable) === undefined;
  }

  /** The name of the secret that a whole value is. @param key the variable or argument that holds it */
  ofValue(key: string, pieces: readonly Piece[], service: string): string {
    const [first] = pieces;
    return pieces.length === 1 && first?.variable !== undefined
      ? this.#ofVariable(first.variable, service)
      : this.#take(`value ${joined(pieces)}`, key, service, { value: joined(pieces) });
  }

  /** The name of a secret in a file. */
  ofFile(name: string, file: string, service: string): string {
    return this.#take(`file ${file}`, name, service, { file });
  }

  /** The name of a secret whose value is nowhere here. */
  ofName(name: string, service: string): string {
    return this.#take(`name ${name}`, name, service, {});
  }

  #ofVariable(variable: string, service: string): string {
    const value = this.#variables.value(variable);
    const isKnown = value !== undefined && value !== "";
    return this.#take(`variable ${variable}`, variable, service, isKnown ? { value } : {});
  }

  /** A text with its secrets named: variables that hold one, and passwords in URLs. */
  parts(key: string, pieces: readonly Piece[], service: string): readonly Part[] {
    if (this.isWhole(key, pieces)) return [{ secret: this.ofValue(key, pieces, service) }];
    return pieces
      .flatMap((piece): Part[] => {
        if (piece.variable !== undefined && this.isSecret(piece.variable))
          return [{ secret: this.#ofVariable(piece.variable, service) }];
        return [piece.text];
      })
      .reduce<Part[]>((parts, part) => {
        const last = parts.at(-1);
        if (typeof part === "string" && typeof last === "string")
          return [...parts.slice(0, -1), last + part];
        return [...parts, part];
      }, [])
      .flatMap((part) =>
        typeof part === "string" ? this.#withoutPasswords(part, key, service) : [part],
      );
  }

  #withoutPasswords(text: string, key: string, service: string): Part[] {
    const found = PASSWORDS.flatMap((pattern) =>
      [...text.matchAll(pattern)].map((match) => {
        const [whole, password = ""] = match;
        const start = match.index + whole.lastIndexOf(password);
        return { start, end: start + password.length, password };
      }),
    ).sort((a, b) => a.start - b.start);
    const parts: Part[] = [];
    let at = 0;
    for (const { start, end, password } of found) {
      if (start < at) continue;
      parts.push(text.slice(at, start), {
        secret: this.#take(`value ${password}`, `${key}_PASSWORD`, service, { value: password }),
      });
      at = end;
    }
    return [...parts, text.slice(at)].filter((part) => part !== "");
  }

  #take(
    identity: string,
    hint: string,
    service: string,
    source: Pick<ImportedSecret, "value" | "file">,
  ): string {
    const known = this.#byIdentity.get(identity);
    const name = known ?? this.#freeName(hint, service);
    this.#byIdentity.set(identity, name);
    const secret = this.#byName.get(name) ?? { name, ...source, readers: new Set<string>() };
    secret.readers.add(service);
    this.#byName.set(name, secret);
    return name;
  }

  #freeName(hint: string, service: string): string {
    const wanted = [hint, `${service}_${hint}`].map((name) =>
      camelCase(`${this.#project}_${name}`),
    );
    const free = wanted.find((name) => !this.#byName.has(name) && !this.#reserved.has(name));
    if (free !== undefined) return free;
    const base = wanted.at(-1) ?? "secret";
    for (let number = 2; ; number++) {
      const name = `${base}${number}`;
      if (!this.#byName.has(name) && !this.#reserved.has(name)) return name;
    }
  }
}
