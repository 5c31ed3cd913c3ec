import assert from "node:assert/strict";
import { dayOf, describeAge, formatAge, judgeAge, parseAge } from "../../images/age";

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
  const ages = { "0": 0, "90m": 90 * MINUTE, "36h": 36 * HOUR, "1d": DAY, "99999d": 99999 * DAY };
  for (const [text, ms] of Object.entries(ages))
    it(`is ${ms} ms for ${text}, and ${text} again`, () => {
      assert.equal(parseAge(text), ms);
      assert.equal(formatAge(ms), text);
    });

  for (const text of ["", "3", "d", "3D", "3 d", "-3d", "1.5d", "100000d", "3dx", "x3d", "0d\n"])
    it(`is not ${JSON.stringify(text)}`, () => {
      assert.equal(parseAge(text), undefined);
    });
});

describe("the minimum age", () => {
  const now = new Date("2026-11-24T12:00:00Z");
  const ago = (ms: number) => new Date(now.getTime() - ms);
  const table: readonly [title: string, created: Date | undefined, minimum: number, age: string][] =
    [
      ["accepts anything without a minimum", ago(0), 0, "ready"],
      ["accepts an unknown age without a minimum", undefined, 0, "ready"],
      ["accepts an image that is just old enough", ago(3 * DAY), 3 * DAY, "ready"],
      ["holds an image that is a millisecond too young", ago(3 * DAY - 1), 3 * DAY, "young"],
      ["holds an image of unknown age", undefined, 3 * DAY, "unknown"],
      ["forgives a builder's clock that is a little fast", ago(-MINUTE), DAY, "young"],
      ["ignores a date in the future", ago(-HOUR), DAY, "unknown"],
    ];
  for (const [title, created, minimum, age] of table)
    it(title, () => {
      assert.equal(judgeAge(created, minimum, now).age, age);
    });

  it("says when a young image is old enough", () => {
    const judged = judgeAge(new Date("2026-11-23T08:30:00Z"), 3 * DAY, now);
    assert.deepEqual(judged, { age: "young", eligible: new Date("2026-11-26T08:30:00Z") });
    assert.equal(dayOf(new Date("2026-11-26T23:30:00-05:00")), "2026-11-27");
  });
});
