import assert from "node:assert/strict";

import { counted, oneLine, printable } from "../../text/one-line";
import { assertQuick } from "../properties/check";

describe("a text in one line", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["as it is, ünï", "as it is, ünï"],
    ["two  spaces", "two  spaces"],
    ["one\ntwo", "one two"],
    ["one \r\n\n  two", "one two"],
    ["one\rtwo", "one two"],
    ["one\u2028two\u2029three", "one two three"],
    ["one\u0085two", "one two"],
    ["one\ttwo\vthree\ffour", "one two three four"],
    ["\u001b[31mred\u001b[0m", "red"],
    ["\u001b]0;title\u0007text", "text"],
    ["\u009b2Jtext", "text"],
    ["bell\u0007, null\u0000", "bell, null"],
    ["for \u202eadmins\u202c only", "for \\u{202e}admins\\u{202c} only"],
    ["\u2066a\u2067b\u2068c\u2069", "\\u{2066}a\\u{2067}b\\u{2068}c\\u{2069}"],
    ["\u202aa\u202bb\u202dc", "\\u{202a}a\\u{202b}b\\u{202d}c"],
    ["a\u200eb\u200fc\u061cd", "a\\u{200e}b\\u{200f}c\\u{61c}d"],
    ["👩\u200d🔧 עברית", "👩\u200d🔧 עברית"],
  ];
  for (const [text, expected] of cases)
    it(`has nothing that a terminal acts on: ${JSON.stringify(text)}`, () => {
      assert.equal(oneLine(text), expected);
    });

  it("is made in time that grows with its length", () => {
    for (const part of [" ", "\t", " \n", "\u001b[", "\u202e"])
      assertQuick(JSON.stringify(part), () => oneLine(`${part.repeat(100_000)}x`));
  });
});

describe("a printable text", () => {
  it("has no escape sequence, and no control character but tabs and line feeds", () => {
    assert.equal(
      printable("\u001b[31mred\u001b[0m\u0007\r\n\ttab\u009b2J\u001b]0;title\u0007 ünï"),
      "red\n\ttab ünï",
    );
  });
});

describe("a number of things", () => {
  it("is in the singular for one", () => {
    assert.deepEqual(
      [0, 1, 2].map((count) => counted(count, "image")),
      ["0 images", "1 image", "2 images"],
    );
  });
});
