/**
 * How a problem with the configuration reads: `path: what is wrong, what was expected`, and schemas that say so by
 * themselves. Pure.
 */
import { z } from "zod";

import { redactCredentials } from "./redact";

/** Issues of zod as `path: problem` lines. */
export function issueLines(key: string, issues: readonly z.core.$ZodIssue[]): string[] {
  return issues.flatMap((issue) => {
    // The last part is the key itself, which the message shows without a password that may be in it.
    const path = issue.code === "invalid_key" ? issue.path.slice(0, -1) : issue.path;
    const at = [key, ...path.map((part) => pathPart(String(part)))].join(".");
    if (issue.code === "unrecognized_keys")
      return issue.keys.map((name) => unknownKey(`${at}.${pathPart(name)}`));
    if (issue.code === "invalid_key") return issue.issues.map(({ message }) => `${at}: ${message}`);
    return [`${at}: ${issue.message}`];
  });
}

export const unknownKey = (at: string): string =>
  `${at}: unknown key, remove it or check its spelling`;

/** A key as part of a path; a strange one is quoted and shortened, so that a line stays one line. */
export const pathPart = (key: string): string =>
  /^[\w./:[\]-]{1,80}$/.test(key) ? key : show(key);

/** Messages for what zod finds by itself; schemas bring their own where more can be said. */
export function zodMessage(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return expectation(words[issue.expected] ?? issue.expected, issue.input);
    case "invalid_value":
      return expectation(alternatives(issue.values), issue.input);
    default:
      return undefined;
  }
}

export function expectation(what: string, input: unknown): string {
  if (input === undefined) return `missing, expected ${what}`;
  return input === ENCRYPTED
    ? `expected ${what}, got an encrypted value, which commands that read the file alone cannot see; write it in clear text`
    : `expected ${what}, got ${show(input)}`;
}

/** Stands for an encrypted value where a stack's file is read: long enough for every rule about secrets, and no secret. */
export const ENCRYPTED = "[encrypted in the stack file]";

interface Expected {
  readonly error: (issue: z.core.$ZodRawIssue) => string | undefined;
}

/** One message for all that can be wrong with a value. */
export function expected(what: string): Expected {
  return {
    error: (issue) =>
      issue.code === "unrecognized_keys" ? undefined : expectation(what, issue.input),
  };
}

/** For values that may be a password or hold one: the usual messages repeat what they got. */
export const unshown = (what: string): Expected => ({
  error: ({ code }) => (code === "unrecognized_keys" ? undefined : `expected ${what}`),
});

/** A text; the pattern says what `what` says in words. */
export function textLike(what: string, pattern: RegExp): z.ZodString {
  return z.string(expected(what)).regex(pattern, expected(what));
}

const alternatives = (values: readonly unknown[]): string =>
  values.length === 1 ? show(values[0]) : `one of ${values.map(show).join(", ")}`;

/** A whole number, both ends included. */
export function whole(least: number, most: number): z.ZodNumber {
  return between("a whole number", least, most, Number.isInteger);
}

/** A number, both ends included, with one message for type and range. */
export function between(
  what: string,
  least: number,
  most: number,
  fits: (value: number) => boolean = () => true,
): z.ZodNumber {
  const range = `${what} from ${least} to ${most}`;
  const isQuoted = (input: unknown): boolean =>
    typeof input === "string" && input.trim() !== "" && Number.isFinite(Number(input));
  const error = {
    error: ({ input }: z.core.$ZodRawIssue) =>
      expectation(isQuoted(input) ? `${range}, without quotes` : range, input),
  };
  return z.number(error).refine((value) => fits(value) && value >= least && value <= most, error);
}

const words: Partial<Record<string, string>> = {
  object: "a map",
  record: "a map",
  array: "a list",
  string: "a text",
  boolean: "true or false",
};

export const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * A value as a message repeats it: short, without the login that an address may have, and nothing of what a map holds,
 * since that may be a secret.
 */
function show(value: unknown): string {
  if (typeof value === "string") {
    const text = redactCredentials(value);
    return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
  }
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return "a list";
  return value === null || value === undefined ? "nothing" : "a map";
}

/** Pulumi.yaml gives keys that a stack has to set an empty text, so that the message about them is ours. */
export const isAbsent = (value: unknown): boolean => value === undefined || value === "";

/** The way out where a secret is missing or wrong. */
export const setCommand = (stack: string, name: string): string =>
  `set it with "npx pulumi config set --secret --stack ${stack} ${name}"`;
