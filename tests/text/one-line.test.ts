import assert from "node:assert/strict";

import { markdown } from "../../tools/report/markdown";
import { oneLine } from "../../text/one-line";
import { textTables } from "../../tools/report/tables";
import { columns } from "../../tools/cli/command";

const plain = { columns, title: (text: string) => text, head: (text: string) => text };

describe("a text in a table", () => {
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
    it(`is one line that orders nothing of a terminal: ${JSON.stringify(text)}`, () => {
      assert.equal(oneLine(text), expected);
    });

  const sections = [
    {
      title: "Exemptions",
      rows: [
        ["service", "reason", "control"],
        ["n8n", "first\r\nsecond\rthird\u001b[2J", "user"],
      ],
      none: "none",
    },
  ];
  it("does not break the tables of a terminal", () => {
    assert.equal(
      textTables("stack s", sections, plain),
      "stack s\n\nExemptions\nSERVICE  REASON              CONTROL\nn8n      first second third  user\n",
    );
  });
  it("does not break the tables of Markdown", () => {
    assert.match(markdown("s", "lead", sections), /^\| n8n \| first second third \| user \|$/m);
  });
});

describe("a text in Markdown", () => {
  // As cmark-gfm, which GitHub has, shows it: what stands on the left again.
  const cases: readonly (readonly [string, string])[] = [
    ["a | b", "a \\| b"],
    ["<b>*x*_y_`z`", "\\<b\\>\\*x\\*\\_y\\_\\`z\\`"],
    ["[x](y)", "\\[x\\](y)"],
    ["~~x~~", "\\~\\~x\\~\\~"],
    ["&lt;", "\\&lt;"],
    ["$x$", "\\$x\\$"],
    ["http://a.example", "http\\://a.example"],
    ["see HTTPS://a.example/x", "see HTTPS\\://a.example/x"],
    ["www.a.example", "www\\.a.example"],
    ["a@b.example", "a<span>@</span>b.example"],
    ["\\|", "\\\\\\|"],
    ["\u202e", "\\\\u{202e}"],
    ["10:30, a: b.c, [.:@/-]", "10:30, a: b.c, \\[.:@/-\\]"],
  ];
  for (const [text, expected] of cases)
    it(`is no markup: ${text}`, () => {
      const rows = [["head"], [text]];
      assert.equal(
        markdown(text, text, [{ title: "t", rows, none: "" }]),
        `# ${expected}\n\n${expected}\n\n## t\n\n| head |\n| --- |\n| ${expected} |\n`,
      );
    });

  it("is made in time that grows with the text's length", () => {
    const started = performance.now();
    for (const part of [" ", "\t", " \n", "\u001b[", "\u202e"]) oneLine(`${part.repeat(100_000)}x`);
    assert.ok(performance.now() - started < 1000);
  });
});
