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
