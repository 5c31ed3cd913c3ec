import assert from "node:assert/strict";

import { PlainConfig } from "../../deploy/configuration";
import {
  deployments,
  historyRows,
  lastGood,
  parseHistory,
  PastUpdate,
  returnMessage,
  shortImage,
  unfinished,
} from "../../deploy/history";

const config = (images: Readonly<Record<string, string>> = {}): PlainConfig => ({
  values: { "pinned-stack:images": JSON.stringify(images) },
  secretKeys: [],
});
const past = (number: number, change: Partial<PastUpdate> = {}): PastUpdate => ({
  number,
  kind: "update",
  start: new Date(Date.UTC(2026, 0, number)),
  succeeded: true,
  message: "npm run deploy",
  config: config(),
  ...change,
});
const good = past(1);

describe("the history of a stack", () => {
  it("is read from Pulumi's, which has the newest first", () => {
    const answer = [
      { kind: "update", startTime: "2026-01-02T00:00:00.000Z", result: "failed", message: "b" },
      {
        kind: "update",
        startTime: "2026-01-01T00:00:00.000Z",
        result: "succeeded",
        config: { a: { value: "1", secret: false }, b: { secret: true } },
      },
    ];
    assert.deepEqual(parseHistory(answer), [
      past(1, { message: "", config: { values: { a: "1" }, secretKeys: ["b"] } }),
      past(2, { succeeded: false, message: "b", config: { values: {}, secretKeys: [] } }),
    ]);
    assert.deepEqual(parseHistory(null), []);
  });

  const cases: readonly (readonly [
    string,
    readonly PastUpdate[],
    readonly string[],
    number | undefined,
  ])[] = [
    ["nothing", [], [], undefined],
    ["one good deployment", [good], ["succeeded"], 1],
    ["a failure after it", [good, past(2, { succeeded: false })], ["succeeded", "failed"], 1],
    [
      "a return",
      [good, past(2, { succeeded: false }), past(3, { message: returnMessage(good) })],
      ["succeeded", "failed", "succeeded"],
      3,
    ],
    [
      "a return from one that was not healthy",
      [good, past(2), past(3, { message: returnMessage(good), succeeded: false })],
      ["succeeded", "returned from", "failed"],
      1,
    ],
    ["a refresh between", [good, past(2, { kind: "refresh", succeeded: false })], ["succeeded"], 1],
    ["an end of it all", [good, past(2, { kind: "destroy" })], [], undefined],
  ];
  for (const [what, history, outcomes, last] of cases)
    it(`knows the last good deployment after ${what}`, () => {
      assert.deepEqual(
        deployments(history).map(({ outcome }) => outcome),
        outcomes,
      );
      assert.equal(lastGood(history)?.number, last);
    });

  it("knows whether the last deployment came to its end", () => {
    assert.equal(unfinished([good]), undefined);
    assert.equal(unfinished([good, past(2, { succeeded: false })])?.number, 2);
    assert.equal(unfinished([past(1, { succeeded: false }), past(2)]), undefined);
  });

  it("shows the pins that changed, the newest deployment first", () => {
    const [a, b] = ["a", "b"].map((digit) => `ghcr.io/x/app:v1@sha256:${digit.repeat(64)}`) as [
      string,
      string,
    ];
    assert.deepEqual(
      historyRows([
        past(1, { config: config({ app: a }) }),
        past(2, { config: config({ app: b }) }),
        past(3, { config: config({ app: b }) }),
      ]),
      [
        ["NUMBER", "WHEN", "OUTCOME", "WHAT", "PINS"],
        ["3", "2026-01-03T00:00:00Z", "succeeded", "npm run deploy", "unchanged"],
        ["2", "2026-01-02T00:00:00Z", "succeeded", "npm run deploy", "app app:v1@bbbbbbbbbbbb"],
        ["1", "2026-01-01T00:00:00Z", "succeeded", "npm run deploy", "app app:v1@aaaaaaaaaaaa"],
      ],
    );
    assert.equal(shortImage("nginx:1.27"), "nginx:1.27");
  });
});
