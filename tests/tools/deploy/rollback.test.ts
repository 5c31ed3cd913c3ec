import assert from "node:assert/strict";

import { PastUpdate } from "../../../tools/deploy/pulumi/history";
import { rollbackTarget } from "../../../tools/deploy/rollback";
import { past as pastOf } from "./past";

const past = (number: number, domain: string, change: Partial<PastUpdate> = {}): PastUpdate =>
  pastOf(number, change, { values: { "pinned-stack:domain": domain }, secretKeys: [] });
const failed = { succeeded: false };

describe("going back", () => {
  const cases: readonly (readonly [string, readonly PastUpdate[], number | undefined, string])[] = [
    ["to the one before", [past(1, "a"), past(2, "b")], undefined, "1"],
    [
      "past a return to what runs",
      [past(1, "a"), past(2, "b"), past(3, "c", failed), past(4, "b")],
      undefined,
      "1",
    ],
    [
      "past a deployment that changed nothing",
      [past(1, "a"), past(2, "b"), past(3, "b")],
      undefined,
      "1",
    ],
    ["to the one that is named", [past(1, "a"), past(2, "b"), past(3, "c")], 2, "2"],
  ];
  for (const [what, history, number, target] of cases)
    it(`goes ${what}`, () => {
      const { message, config } = rollbackTarget(history, number);
      assert.equal(message, `npm run deploy: rollback to ${target}`);
      assert.equal(config, history[Number(target) - 1]?.config);
    });

  const refused: readonly (readonly [string, readonly PastUpdate[], number | undefined, RegExp])[] =
    [
      ["nowhere", [], undefined, /no earlier .*another configuration/],
      [
        "to what runs already",
        [past(1, "a"), past(2, "a")],
        undefined,
        /no earlier .*another configuration/,
      ],
      [
        "to one that failed",
        [past(1, "a"), past(2, "b", failed), past(3, "c")],
        2,
        /^deployment 2: .*success.* \(1, 3\)$/,
      ],
      [
        "to one whose secrets nobody can read any more",
        [past(1, "a", { readable: false }), past(2, "b")],
        undefined,
        /secrets of deployment 1 .*another passphrase.*; .*pins and settings into the stack file/,
      ],
    ];
  for (const [what, history, number, message] of refused)
    it(`goes not ${what}`, () => {
      assert.throws(() => rollbackTarget(history, number), { message, exitCode: 1 });
    });
});
