import assert from "node:assert/strict";

import { isOlder, tagOrder, tagVersion, Version } from "../../images/tag-version";

describe("the version in a tag", () => {
  const good: readonly (readonly [string, Version])[] = [
    ["16", [16]],
    ["16-alpine", [16]],
    ["16-alpine3.20", [16]],
    ["16alpine", [16]],
    ["18.1-trixie", [18, 1]],
    ["1.27-alpine", [1, 27]],
    ["2.19.5", [2, 19, 5]],
    ["2.19.5-alpine", [2, 19, 5]],
    ["v0.49.1", [0, 49, 1]],
    ["v3.6.4-rc.1", [3, 6, 4]],
    ["1.2.3.4", [1, 2, 3, 4]],
    ["1.2.3.4.5", [1, 2, 3, 4]],
    ["1.2.x", [1, 2]],
    ["1..2", [1]],
    ["0", [0]],
    ["007", [7]],
    ["999999.1", [999999, 1]],
    ["16.1234567", [16]],
  ];
  for (const [tag, version] of good)
    it(`${tag} is ${version.join(".")}`, () => {
      assert.deepEqual(tagVersion(tag), version);
    });

  // No tag, names, a version behind a name, near-versions, a date, more digits than a version has, a commit's hash.
  for (const tag of [
    ...[undefined, "", "latest", "stable", "alpine3.20", "v", "vv1", "V1.2", ".5", "-1", " 16"],
    ...["latest\n16", "20240115", "1234567", "sha-6f3f25ba"],
  ])
    it(`is unknown for ${JSON.stringify(tag ?? null)}`, () => {
      assert.equal(tagVersion(tag), undefined);
    });
});

describe("a tag", () => {
  const rows: readonly (readonly [string | undefined, Version, boolean])[] = [
    ["2.33.4", [2, 33, 5], true],
    ["2.33.5", [2, 33, 5], false],
    ["2.33.6", [2, 33, 5], false],
    // Numbers, not texts.
    ["2.33.10", [2, 33, 5], false],
    ["2.9.9", [2, 33, 5], true],
    ["10.0.0", [2, 33, 5], false],
    // The first number that differs decides.
    ["1.99.99", [2, 33, 5], true],
    ["3.0.0", [2, 33, 5], false],
    ["2.34.0", [2, 33, 5], false],
    // What is not said is 0.
    ["2.33", [2, 33, 5], true],
    ["2.33", [2, 33, 1], true],
    ["2.33", [2, 33, 0], false],
    ["2.33", [2, 33], false],
    ["2", [2, 33, 5], true],
    ["3", [2, 33, 5], false],
    // What comes after the last number that is asked for does not count.
    ["2.33.4.9", [2, 33, 5], true],
    ["2.33.5.1", [2, 33, 5], false],
    ["2.33.5", [2, 33], false],
    ["2.32.5", [2, 33], true],
    // As tags are written.
    ["v0.53.0", [0, 54, 0], true],
    ["v0.54.0", [0, 54, 0], false],
    ["2.33.4-alpine", [2, 33, 5], true],
    ["2.33.5-alpine", [2, 33, 5], false],
    // Of an unknown version nothing old is assumed.
    ["latest", [2, 33, 5], false],
    ["20240115", [2, 33, 5], false],
    ["", [2, 33, 5], false],
    [undefined, [2, 33, 5], false],
  ];
  for (const [tag, than, older] of rows)
    it(`${JSON.stringify(tag ?? "none")} is ${older ? "" : "not "}older than ${than.join(".")}`, () => {
      assert.equal(isOlder(tag, than), older);
    });
});

describe("a tag after another", () => {
  const cases: readonly (readonly [string, string, ReturnType<typeof tagOrder>])[] = [
    ["v3.6.4", "v3.6.5", "newer"],
    ["v3.6.5", "v3.6.4", "older"],
    ["v3.6.9", "v3.6.10", "newer"],
    ["1.9", "1.10.1", "newer"],
    ["2", "1.10.1", "older"],
    ["v3.6.4", "v3.6", "unclear"],
    ["v3.6.4", "v3", "unclear"],
    ["v3.6", "v3.6.4", "unclear"],
    ["v3.6.4", "latest", "newer"],
    ["latest", "v3.6.4", "newer"],
    ["v3.6.4", "3.6.4", "newer"],
    ["v3.6.4", "v3.6.4-rc1", "older"],
    ["v3.6.4-rc1", "v3.6.4", "newer"],
    ["v3.6.4-rc.2", "v3.6.4-rc.10", "newer"],
    ["v3.6.4-rc1", "v3.6.4-beta2", "older"],
    ["v3.6.4-alpha", "v3.6.4-beta", "newer"],
    ["1.0", "1.0rc1", "older"],
    ["1.0-RC2", "1.0-RC1", "older"],
    ["v3.6.4", "v3.6.5-rc1", "newer"],
    ["1.27.1", "1.27.1-alpine", "newer"],
    ["1.27.1-alpine", "1.27.1", "newer"],
    ["1.27.1-alpine", "1.27.1-rc1-alpine", "older"],
    ["1.27.1", "1.27.1-alphabet", "newer"],
  ];
  for (const [before, after, order] of cases)
    it(`is ${order}: ${before} → ${after}`, () => {
      assert.equal(tagOrder(before, after), order);
    });
});
