import assert from "node:assert/strict";

import { Allowed, confirm } from "../../../../tools/deploy/plan/confirm";

const nothing = { weakenings: [], orphanedVolumes: [] };
const both = {
  weakenings: [{ kind: "weaker", subject: "app", what: "runs as root" } as const],
  orphanedVolumes: [{ urn: "u", name: "s-data" }],
};
const allowed = (change: Partial<Allowed> = {}): Allowed => ({
  yes: false,
  allowWeaker: false,
  allowDelete: false,
  ...change,
});

describe("what a person has to agree to", () => {
  for (const [what, decision, change, why] of [
    ["an ordinary plan with --yes", nothing, { yes: true }, undefined],
    [
      "an ordinary plan",
      nothing,
      {},
      "cannot ask for confirmation without a terminal; to deploy without asking, add --yes",
    ],
    [
      "weaker restrictions",
      both,
      { yes: true },
      "restrictions become weaker; to accept this, add --allow-weaker",
    ],
    [
      "volumes that leave",
      both,
      { yes: true, allowWeaker: true },
      "data volumes leave the stack; to accept this, add --allow-delete",
    ],
    ["all of it", both, { yes: true, allowWeaker: true, allowDelete: true }, undefined],
  ] as const)
    it(`is not asked where nobody is: ${what}${why === undefined ? "" : ` is refused, ${why}`}`, async () => {
      assert.equal(await confirm(decision, allowed(change), undefined), why);
    });

  const answering = async (
    answers: readonly string[],
    change: Partial<Allowed> = {},
  ): Promise<readonly [string | undefined, readonly string[]]> => {
    const questions: string[] = [];
    const why = await confirm(both, allowed(change), (question, wanted) => {
      questions.push(question);
      return Promise.resolve(answers[questions.length - 1] === wanted);
    });
    return [why, questions];
  };
  const [weaker, lost, yes] = [
    'restrictions become weaker; type "weaker" to accept this: ',
    'data volumes leave the stack; type "delete" to accept this: ',
    'type "yes" to deploy: ',
  ];

  it("is a word for each, and a yes for the rest", async () => {
    assert.deepEqual(await answering(["weaker", "delete", "yes"]), [
      undefined,
      [weaker, lost, yes],
    ]);
  });

  it("ends with the first that is not agreed to", async () => {
    assert.deepEqual(await answering(["yes"]), [
      "restrictions become weaker: not accepted",
      [weaker],
    ]);
    assert.deepEqual(await answering(["weaker", ""]), [
      "data volumes leave the stack: not accepted",
      [weaker, lost],
    ]);
    assert.deepEqual(await answering(["weaker", "delete", "no"]), [
      "not confirmed",
      [weaker, lost, yes],
    ]);
  });

  it("is not what was allowed beforehand", async () => {
    assert.deepEqual(await answering(["yes"], { allowWeaker: true, allowDelete: true }), [
      undefined,
      [yes],
    ]);
  });
});
