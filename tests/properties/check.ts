/** Properties as this project checks them: the same inputs on every machine and in every run, and few of them. */

import assert from "node:assert/strict";

import fc from "fast-check";

/** Change it to look further; a counterexample becomes a row in a table of tests. */
const SEED = 20_261_107;

/** Checks the property on `runs` inputs that are the same each time. */
export function holds<T>(property: fc.IProperty<T>, runs = 300): void {
  fc.assert(property, { seed: SEED, numRuns: runs });
}

/** The same for a property that waits for something; `runs` is small, since each takes milliseconds. */
export async function holdsLater<T>(property: fc.IAsyncProperty<T>, runs = 40): Promise<void> {
  await fc.assert(property, { seed: SEED, numRuns: runs });
}

/** The value, or what was thrown, which has to be an error of this class. */
export function outcome<T, E extends Error>(
  work: () => T,
  expected: new (...args: never[]) => E,
): { readonly value: T } | { readonly error: E } {
  try {
    return { value: work() };
  } catch (error) {
    assert.ok(error instanceof expected, `threw ${String(error)}`);
    return { error };
  }
}

/** One line, with nothing in it that moves a terminal's cursor. */
export function assertOneLine(text: string, longest: number): void {
  assert.ok(!Array.from(text).some((character) => character < " "), JSON.stringify(text));
  assert.ok(text.length <= longest, `${text.length} characters: ${text.slice(0, 200)}`);
}

/**
 * Fails where the work takes a second. Far more than a linear reading of these inputs needs and far less than a
 * quadratic one: for inputs of 100,000 characters and more.
 */
export function assertQuick(what: string, work: () => unknown): void {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  assert.ok(user + system < 1_000_000, `${what}: ${(user + system) / 1e6} s`);
}

/** Long runs of what patterns repeat, with something at the end that keeps them from matching. */
export const LONG_INPUTS: readonly string[] = [
  "a",
  "a-",
  "a.",
  "a/",
  "a:",
  "@",
  "_",
  "-",
  " ",
  ",",
  ", ",
  "a ",
  "a=",
  'a="',
  '\\"',
  "[",
  "0",
  ":0",
  "é",
].flatMap((piece) =>
  ["", "!", "\n", "\u0000"].map((end) => piece.repeat(Math.ceil(200_000 / piece.length)) + end),
);
