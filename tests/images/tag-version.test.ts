import assert from "node:assert/strict";

import { isOlder, tagOrder, tagVersion } from "../../images/tag-version";

const dotted = (version: string): number[] => version.split(".").map(Number);

describe("the version in a tag", () => {
  const tags: Readonly<Record<string, string>> = {
    "16": "16 16-alpine 16-alpine3.20 16alpine 16.1234567",
    "18.1": "18.1-trixie",
    "1.27": "1.27-alpine",
    "2.19.5": "2.19.5 2.19.5-alpine",
    "0.49.1": "v0.49.1",
    "3.6.4": "v3.6.4-rc.1",
    "1.2.3.4": "1.2.3.4 1.2.3.4.5",
    "1.2": "1.2.x",
    "1": "1..2",
    "0": "0",
    "7": "007",
    "999999.1": "999999.1",
  };
  for (const [version, list] of Object.entries(tags))
    for (const tag of list.split(" "))
      it(`${tag} is ${version}`, () => {
        assert.deepEqual(tagVersion(tag), dotted(version));
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
  // The version, tags that are older, and tags that are not. Numbers count, not texts; the first that differs decides; what
  // a tag does not say is 0, and what comes after the last number asked for does not count.
  const rows: readonly (readonly [than: string, older: string, others: string])[] = [
    ["2.33.5", "2.33.4 2.9.9 1.99.99 2.33 2 2.33.4.9", "2.33.5 2.33.6 2.33.10 10.0.0 3.0.0 2.34.0"],
    ["2.33.5", "2.33.4-alpine v2.33.4", "2.33.5.1 3 2.33.5-alpine v2.33.5"],
    ["2.33.1", "2.33", ""],
    ["2.33.0", "", "2.33"],
    ["2.33", "2.32.5", "2.33 2.33.5"],
    ["0.54.0", "v0.53.0", "v0.54.0"],
    ["2.33.5", "", "latest 20240115"],
  ];
  for (const [than, ...lists] of rows)
    for (const [index, list] of lists.entries())
      for (const tag of list.split(" ").filter(Boolean))
        it(`${tag} is ${index === 0 ? "" : "not "}older than ${than}`, () => {
          assert.equal(isOlder(tag, dotted(than)), index === 0);
        });

  it("that is missing is not older", () => {
    assert.deepEqual([isOlder("", [2, 33, 5]), isOlder(undefined, [2, 33, 5])], [false, false]);
  });
});

describe("a tag after another", () => {
  const orders: Readonly<Record<ReturnType<typeof tagOrder>, readonly string[]>> = {
    newer: [
      "v3.6.4 v3.6.5, v3.6.9 v3.6.10, 1.9 1.10.1, v3.6.4 latest, latest v3.6.4, v3.6.4 3.6.4",
      "v3.6.4-rc1 v3.6.4, v3.6.4-rc.2 v3.6.4-rc.10, v3.6.4-alpha v3.6.4-beta, v3.6.4 v3.6.5-rc1",
      "1.27.1 1.27.1-alpine, 1.27.1-alpine 1.27.1, 1.27.1 1.27.1-alphabet",
    ],
    older: [
      "v3.6.5 v3.6.4, 2 1.10.1, v3.6.4 v3.6.4-rc1, v3.6.4-rc1 v3.6.4-beta2, 1.0 1.0rc1",
      "1.0-RC2 1.0-RC1, 1.27.1-alpine 1.27.1-rc1-alpine",
    ],
    unclear: ["v3.6.4 v3.6, v3.6.4 v3, v3.6 v3.6.4"],
  };
  for (const [order, lines] of Object.entries(orders))
    for (const pair of lines.flatMap((line) => line.split(", ")))
      it(`is ${order}: ${pair}`, () => {
        const [before = "", after = ""] = pair.split(" ");
        assert.equal(tagOrder(before, after), order);
      });
});
