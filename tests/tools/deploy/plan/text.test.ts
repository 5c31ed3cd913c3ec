import assert from "node:assert/strict";

import { Decision, planText } from "../../../../tools/deploy/plan/text";

const decision: Decision = {
  plan: {
    containers: [],
    others: [],
    images: {},
    newImages: [],
    warnings: [],
    changes: false,
  },
  kinds: {},
  weakenings: [],
  orphanedVolumes: [],
  findings: [],
  tried: [],
  dump: false,
};
const lines = (change: Partial<Decision>): string[] =>
  planText("s", { ...decision, ...change })
    .split("\n")
    .slice(2);

describe("the text of a plan", () => {
  const cases: readonly (readonly [string, Partial<Decision>, readonly (string | RegExp)[]])[] = [
    ["nothing of a trial where nothing is tried", {}, []],
    ["the dump", { dump: true }, ["  first: the databases are dumped"]],
    [
      "the dump before what is tried",
      { dump: true, tried: ["postgres", "n8n"] },
      [/databases are dumped$/, /first: the new postgres, n8n must work on a copy of the data$/],
    ],
    [
      "that there is no trial, and the dump all the same",
      { dump: true, tried: undefined },
      [/databases are dumped$/, /^ {2}NO TRIAL: /],
    ],
    [
      "what is weaker or lost last",
      {
        noRollback: "none was healthy",
        tried: undefined,
        weakenings: [{ kind: "weaker", subject: "app", what: "runs as root", reason: "a test" }],
        orphanedVolumes: [{ urn: "u", name: "s-data" }],
      },
      [
        "  NO ROLLBACK: none was healthy",
        /NO TRIAL/,
        "  WEAKER: app runs as root (a test)",
        /ORPHANED: volume s-data /,
      ],
    ],
  ];
  for (const [what, change, expected] of cases)
    it(`says ${what}`, () => {
      const found = lines(change);
      assert.equal(found.length, expected.length, found.join("\n"));
      expected.forEach((line, index) => {
        if (typeof line === "string") assert.equal(found[index], line);
        else assert.match(found[index] ?? "", line);
      });
    });

  it("has the findings first", () => {
    const text = planText("s", { ...decision, findings: ["app is exited"] });
    assert.match(text, /^stack s:\n {2}current state: app is exited\n {2}no container changes$/);
  });
});
