import assert from "node:assert/strict";
import { parseAge } from "../../config/schema";
import { dayOf, describeAge, formatAge, judgeAge } from "../../images/age";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("the age of an image in words", () => {
  const table: readonly [ms: number, words: string][] = [
    [-HOUR, "0 minutes"],
    [0, "0 minutes"],
    [MINUTE, "1 minute"],
    [119 * MINUTE, "119 minutes"],
    [120 * MINUTE, "2 hours"],
    [47 * HOUR, "47 hours"],
    [2 * DAY, "2 days"],
    [59 * DAY, "59 days"],
    [60 * DAY, "2 months"],
    [729 * DAY, "24 months"],
    [730 * DAY, "2 years"],
  ];
  for (const [ms, words] of table)
    it(`is ${words} for ${ms} ms`, () => {
      assert.equal(describeAge(ms), words);
    });
});

describe("an age as the configuration writes it", () => {
  for (const text of ["0", "3d", "36h", "90m", "1d"])
    it(`is ${text} again after parsing`, () => {
      assert.equal(formatAge(parseAge(text) ?? NaN), text);
    });
});

describe("the minimum age", () => {
  const now = new Date("2026-11-24T12:00:00Z");
  const ago = (ms: number) => new Date(now.getTime() - ms);
  const table: readonly [title: string, created: Date | undefined, minimum: number, age: string][] =
    [
      ["takes anything where there is none", ago(0), 0, "ready"],
      ["takes an unknown age where there is none", undefined, 0, "ready"],
      ["takes an image that is just old enough", ago(3 * DAY), 3 * DAY, "ready"],
      ["holds an image that is a millisecond too young", ago(3 * DAY - 1), 3 * DAY, "young"],
      ["holds an image of unknown age", undefined, 3 * DAY, "unknown"],
      ["forgives a builder's clock that is a little fast", ago(-MINUTE), DAY, "young"],
      ["takes a date in the future for none", ago(-HOUR), DAY, "unknown"],
    ];
  for (const [title, created, minimum, age] of table)
    it(title, () => {
      assert.equal(judgeAge(created, minimum, now).age, age);
    });

  it("says from when on a young image is old enough", () => {
    const judged = judgeAge(new Date("2026-11-23T08:30:00Z"), 3 * DAY, now);
    assert.deepEqual(judged, { age: "young", eligible: new Date("2026-11-26T08:30:00Z") });
    assert.equal(dayOf(new Date("2026-11-26T23:30:00-05:00")), "2026-11-27");
  });
});
