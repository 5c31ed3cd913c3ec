/** Expected lines by their facts, so that other words around them break no test. */
import assert from "node:assert/strict";

const GAP = / …(?: |$)/;

/**
 * Asserts that there are exactly these lines, in this order. Of each, the parts between " … " must be there in their order:
 * `adminAllow.1: … too wide … 127.0.0.1` begins with the key and ends with the address. Without a gap, the whole line counts.
 */
export function assertLines(actual: readonly string[], expected: readonly string[]): void {
  const matches =
    actual.length === expected.length &&
    actual.every((line, index) => patternOf(expected[index] ?? "").test(line));
  // Fails with the difference as its message.
  if (!matches) assert.deepEqual(actual, expected);
}

/** A pattern for the `message` of an expected error. */
export const patternOf = (facts: string): RegExp =>
  new RegExp(
    `^${facts
      .split(GAP)
      .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`))
      .join(".*")}$`,
  );
