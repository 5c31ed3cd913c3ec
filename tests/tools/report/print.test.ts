import assert from "node:assert/strict";

import { markdown, textTables } from "../../../tools/report/print";

describe("a text in a table", () => {
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
      textTables("stack s", sections),
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
});
