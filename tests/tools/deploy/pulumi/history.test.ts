import assert from "node:assert/strict";

import { PlainConfig } from "../../../../config/file/edit";
import {
  allPages,
  deployments,
  historyRows,
  lastGood,
  NONE_VERIFIED,
  parseHistory,
  PastUpdate,
  autoRollbackMessage,
  shortImage,
  unfinished,
} from "../../../../tools/deploy/pulumi/history";
import { past as pastOf } from "../past";

const config = (images: Readonly<Record<string, string>> = {}): PlainConfig => ({
  values: { "pinned-stack:images": JSON.stringify(images) },
  secretKeys: [],
});
const past = (number: number, change: Partial<PastUpdate> = {}): PastUpdate =>
  pastOf(number, change, config());
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
      [good, past(2, { succeeded: false }), past(3, { message: autoRollbackMessage(good) })],
      ["succeeded", "failed", "succeeded"],
      3,
    ],
    [
      "a return from one that was not healthy",
      [good, past(2), past(3, { message: autoRollbackMessage(good), succeeded: false })],
      ["succeeded", "rolled back", "failed"],
      1,
    ],
    ["a refresh between", [good, past(2, { kind: "refresh", succeeded: false })], ["succeeded"], 1],
    [
      "one that nobody saw healthy",
      [good, past(2, { unverified: true })],
      ["succeeded", "unverified"],
      1,
    ],
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

  const started = (day: number, message: string): object => ({
    kind: "update",
    startTime: new Date(Date.UTC(2026, 0, day)).toISOString(),
    result: "succeeded",
    message,
  });
  const answer = [started(3, ""), started(2, "npm run deploy"), started(1, "npm run deploy")];
  for (const [what, verified, unverified] of [
    ["counts every success where nobody kept a record", undefined, []],
    ["counts none of ours before the first was found healthy", NONE_VERIFIED, [1, 2]],
    ["counts ours up to the one that was found healthy", "2026-01-01T00:00:00.000Z", [2]],
  ] as const)
    it(`${what}, and every plain "pulumi up"`, () => {
      const found = parseHistory(answer, verified).filter((update) => update.unverified);
      assert.deepEqual(
        found.map(({ number }) => number),
        unverified,
      );
    });

  it("tells a secret of another passphrase from a password", () => {
    const secret = (value: string): object => ({
      ...started(1, ""),
      config: { "pinned-stack:postgresPassword": { value, secret: true } },
    });
    const [before, now] = parseHistory([
      secret("a real password"),
      // What the CLI gives instead of an error.
      secret("ERROR_UNABLE_TO_DECRYPT"),
    ]);
    assert.deepEqual([before?.readable, now?.readable], [false, true]);
  });

  it("has all pages of the backend, however long one is", async () => {
    const updates = Array.from({ length: 12 }, (_, index) => started(12 - index, ""));
    for (const size of [5, 12, 100]) {
      const all = await allPages((page) =>
        Promise.resolve(updates.slice((page - 1) * size, page * size)),
      );
      assert.deepEqual(
        parseHistory(all).map(({ number }) => number),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
      );
    }
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
