/** JSON from outside, which may be anything. Pure. */
import { z } from "zod";

/** `undefined` for a text that is not JSON. */
export function parseJson(text: Buffer | string): unknown {
  try {
    return JSON.parse(text.toString("utf8")) as unknown;
  } catch {
    return undefined;
  }
}

/**
 * Whether a value from {@link parseJson} has at most so many levels of maps and lists. JSON.parse reads any depth, but
 * JSON.stringify exhausts the stack.
 */
export const isNestedAtMost = (value: unknown, levels: number): boolean =>
  typeof value !== "object" ||
  value === null ||
  (levels > 0 && Object.values(value).every((one) => isNestedAtMost(one, levels - 1)));

/** Keeps the strings of a map and drops malformed values. */
export const texts = z
  .record(z.string(), z.unknown())
  .transform((map) =>
    Object.fromEntries(
      Object.entries(map).filter(
        (entry): entry is [string, string] => typeof entry[1] === "string",
      ),
    ),
  )
  .catch({});
