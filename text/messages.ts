/** Messages about problems in the configuration, `path: expected …, got …`, and zod schemas that produce them. Pure. */
import { z } from "zod";

import { redactCredentials } from "./redact";

/** What to say of an unknown key at a path, continuing `path: …`; undefined for the usual words. */
export type KeyHint = (path: readonly string[]) => string | undefined;

/** Converts zod issues to `path: problem` lines. */
export function issueLines(
  key: string,
  issues: readonly z.core.$ZodIssue[],
  hint: KeyHint = () => undefined,
): string[] {
  return issues.flatMap((issue) => {
    const inner = issue.code === "invalid_union" ? mapIssues(issue) : undefined;
    if (inner !== undefined)
      return issueLines(
        key,
        inner.map((one) => ({ ...one, path: [...issue.path, ...one.path] })),
        hint,
      );
    // The last part is the invalid key itself, which may contain a password. The message shows it without one.
    const path = issue.code === "invalid_key" ? issue.path.slice(0, -1) : issue.path;
    const at = [key, ...path.map((part) => pathPart(String(part)))].join(".");
    if (issue.code === "unrecognized_keys")
      return issue.keys.map((name) =>
        unknownKey(`${at}.${pathPart(name)}`, hint([key, ...issue.path.map(String), name])),
      );
    if (issue.code === "invalid_key") return issue.issues.map(({ message }) => `${at}: ${message}`);
    return [`${at}: ${issue.message}`];
  });
}

/**
 * The problems of the one alternative that a map was meant for, first of all one that has all its keys; undefined if the
 * value is no map.
 */
const mapIssues = ({
  errors,
}: z.core.$ZodIssueInvalidUnion): readonly z.core.$ZodIssue[] | undefined => {
  const maps = errors.filter(
    (issues) =>
      issues.length > 0 &&
      issues.every(({ code, path }) => code === "unrecognized_keys" || typeof path[0] === "string"),
  );
  const isKnown = (issues: readonly z.core.$ZodIssue[]): boolean =>
    issues.every(({ code }) => code !== "unrecognized_keys");
  return maps.find(isKnown) ?? maps[0];
};

export const unknownKey = (
  at: string,
  hint = "unknown key; remove it or check its spelling",
): string => `${at}: ${hint}`;

/** `; did you mean "memoryMiB"?`, or nothing if no candidate is near. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const limit = word.length < 2 ? 0 : word.length < 4 ? 1 : word.length < 8 ? 2 : 3;
  let best: string | undefined;
  let least = limit + 1;
  for (const candidate of candidates.slice(0, MAX_CANDIDATES)) {
    const steps = distance(word.slice(0, 80), candidate, least);
    if (steps < least) [best, least] = [candidate, steps];
  }
  return best === undefined || best === word ? "" : `; did you mean ${JSON.stringify(best)}?`;
}

/** A file may name thousands of services. */
const MAX_CANDIDATES = 100;

/** Insertions, deletions, substitutions and swaps of neighbours between two words, letter case aside; at most `limit`. */
function distance(one: string, other: string, limit: number): number {
  const [a, b] = [one.toLowerCase(), other.toLowerCase()];
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let [before, last]: [number[], number[]] = [
    [],
    Array.from({ length: b.length + 1 }, (_, i) => i),
  ];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + cost,
        swapped ? (before[j - 2] ?? 0) + 1 : Infinity,
      );
    }
    [before, last] = [last, row];
  }
  return last[b.length] ?? limit;
}

/** A key as part of a path. Keys with unusual characters are quoted and shortened to keep the message on one line. */
export const pathPart = (key: string): string =>
  /^[\w./:[\]-]{1,80}$/.test(key) ? key : show(key);

/** Default messages for zod issues. Schemas can override them. */
export function zodMessage(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return expectation(TYPE_NAMES[issue.expected] ?? issue.expected, issue.input);
    case "invalid_value":
      return expectation(alternatives(issue.values), issue.input);
    default:
      return undefined;
  }
}

export function expectation(what: string, input: unknown): string {
  if (input === undefined) return `missing, expected ${what}`;
  return input === ENCRYPTED
    ? `expected ${what}, got an encrypted value, which commands that read only the file cannot decrypt; store it in clear text`
    : `expected ${what}, got ${show(input)}`;
}

/** Placeholder for an encrypted value in a stack file. Long enough to satisfy the minimum length of every secret. */
export const ENCRYPTED = "[encrypted in the configuration file]";

interface Expected {
  readonly error: (issue: z.core.$ZodRawIssue) => string | undefined;
}

/** The same message for every problem of a value, except unknown keys. */
export function expected(what: string): Expected {
  return {
    error: (issue) =>
      issue.code === "unrecognized_keys" ? undefined : expectation(what, issue.input),
  };
}

/** {@link expected} for values that may contain a password: the message does not repeat the value. */
export const expectedUnshown = (what: string): Expected => ({
  error: ({ code }) => (code === "unrecognized_keys" ? undefined : `expected ${what}`),
});

/** A string that matches the pattern. `what` describes the pattern in messages. */
export function textLike(what: string, pattern: RegExp): z.ZodString {
  return z.string(expected(what)).regex(pattern, expected(what));
}

const alternatives = (values: readonly unknown[]): string =>
  values.length === 1 ? show(values[0]) : `one of ${values.map(show).join(", ")}`;

/** An integer from `min` to `max`, inclusive. */
export function wholeNumber(min: number, max: number): z.ZodNumber {
  return between("a whole number", min, max, Number.isInteger);
}

/** A number from `min` to `max`, inclusive, with the same message for a wrong type and a value out of range. */
export function between(
  what: string,
  min: number,
  max: number,
  isValid: (value: number) => boolean = () => true,
): z.ZodNumber {
  const range = `${what} from ${min} to ${max}`;
  const isQuoted = (input: unknown): boolean =>
    typeof input === "string" && input.trim() !== "" && Number.isFinite(Number(input));
  const error = {
    error: ({ input }: z.core.$ZodRawIssue) =>
      expectation(isQuoted(input) ? `${range}, without quotes` : range, input),
  };
  return z.number(error).refine((value) => isValid(value) && value >= min && value <= max, error);
}

/** Names of zod's types in terms of YAML. */
const TYPE_NAMES: Partial<Record<string, string>> = {
  object: "a map",
  record: "a map",
  array: "a list",
  string: "a string",
  boolean: "true or false",
};

export const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A value as shown in messages: shortened, without credentials in URLs, and without the contents of maps and lists. */
function show(value: unknown): string {
  if (typeof value === "string") {
    const text = redactCredentials(value);
    return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
  }
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return "a list";
  return value === null || value === undefined ? "nothing" : "a map";
}

/** Pulumi.yaml sets required keys to an empty string by default, so that this program reports them and not Pulumi. */
export const isAbsent = (value: unknown): boolean => value === undefined || value === "";

/** The instruction for a missing or invalid secret. */
export const setCommand = (stack: string, name: string): string =>
  `set it with "npx pulumi config set --secret --stack ${stack} ${name}"`;
