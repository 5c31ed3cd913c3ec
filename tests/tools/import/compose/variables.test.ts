import assert from "node:assert/strict";

import { parseEnvFile, Variables } from "../../../../tools/import/compose/variables";

const values = new Map([
  ["A", "one"],
  ["EMPTY", ""],
  ["B_2", "two"],
]);

describe("variables of a Compose file", () => {
  const texts: readonly (readonly [template: string, text: string, missing?: string])[] = [
    ["plain", "plain"],
    ["$A ${A} x$A-y", "one one xone-y"],
    ["$$A $${A} 5$ $", "$A ${A} 5$ $"],
    ["${B_2}", "two"],
    ["${NO}", "", "NO"],
    ["${NO:-d} ${NO-d} ${EMPTY:-d} ${EMPTY-d}", "d d d "],
    ["${A:+x} ${NO:+x} ${EMPTY+x} ${EMPTY:+x}", "x  x "],
    ["${NO:-${A:-x}}/${NO:-$A}", "one/one"],
    ["${NO:?must be set}", "", "NO"],
    ["${NO:-a}b}", "ab}"],
    ["${NO:-${ALSO}}", "", "ALSO"],
  ];
  for (const [template, text, missing] of texts)
    it(`replaces ${template}`, () => {
      const variables = new Variables(values);
      assert.equal(variables.text(template, "here"), text);
      assert.deepEqual([...variables.missing.keys()], missing === undefined ? [] : [missing]);
    });

  it("remembers where one without a value was needed", () => {
    const variables = new Variables(values);
    variables.text("$NO", "services.a.image");
    variables.text("${NO}", "services.b.image");
    variables.pieces("${OTHER}");
    assert.deepEqual(
      [...variables.missing].map(([name, places]) => [name, [...places]]),
      [["NO", ["services.a.image", "services.b.image"]]],
    );
  });

  for (const template of [
    "${}",
    "${ A }",
    "${A",
    "${A:-x",
    "${A.b}",
    `${"${A:-".repeat(50)}x${"}".repeat(50)}`,
  ])
    it(`leaves a malformed one as it is: ${template.slice(0, 20)}`, () => {
      const variables = new Variables(new Map());
      assert.equal(variables.text(template, "here"), template);
      assert.deepEqual([...variables.invalid], ["here"]);
    });

  it("tells which part of a text is whose value", () => {
    assert.deepEqual(new Variables(values).pieces("x-${A}:${NO:-d}"), [
      { text: "x-" },
      { text: "one", variable: "A" },
      { text: ":" },
      { text: "d" },
    ]);
  });
});

describe("an env file", function () {
  this.timeout(60_000);
  it("has values with and without quotes, comments and variables of earlier lines", () => {
    const text = `# a comment
A=one
export B = "two words"   # why
C='literal $A'
D=$A/x # comment
E="\${A}\\n\\$A \\"q\\" \\t"
F: yaml
G=
H="several
lines"
I=a#b
ONLY_A_NAME
J=last`;
    assert.deepEqual(Object.fromEntries(parseEnvFile(text)), {
      ...{ A: "one", B: "two words", C: "literal $A", D: "one/x", E: 'one\n$A "q" \t', F: "yaml" },
      ...{ G: "", H: "several\nlines", I: "a#b", J: "last" },
    });
  });

  it("may use what is known already, and is read in linear time", () => {
    assert.equal(parseEnvFile("A=${X}", new Map([["X", "x"]])).get("A"), "x");
    const started = performance.now();
    parseEnvFile(Array.from({ length: 4000 }, (_, index) => `K${index}="open`).join("\n"));
    assert.ok(performance.now() - started < 20_000);
  });
});
