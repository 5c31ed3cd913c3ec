import assert from "node:assert/strict";

import { isOlder, tagVersion, Version } from "../../images/tag-version";

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

  const bad: readonly (readonly [string, string | undefined])[] = [
    ["no tag", undefined],
    ["an empty tag", ""],
    ["a name", "latest"],
    ["another name", "stable"],
    ["a name with a version behind it", "alpine3.20"],
    ["a v alone", "v"],
    ["two of them", "vv1"],
    ["a capital V", "V1.2"],
    ["a dot in front", ".5"],
    ["a sign in front", "-1"],
    ["a space in front", " 16"],
    ["a line in front", "latest\n16"],
    ["a date", "20240115"],
    ["more digits than a version has", "1234567"],
    ["the hash of a commit", "sha-6f3f25ba"],
  ];
  for (const [title, tag] of bad)
    it(`is not known from ${title}: ${JSON.stringify(tag ?? null)}`, () => {
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
