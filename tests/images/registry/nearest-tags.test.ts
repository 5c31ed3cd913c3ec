import assert from "node:assert/strict";
import { nearestTags } from "../../../images/registry/nearest-tags";

describe("the nearest tags", () => {
  const table: readonly [title: string, wanted: string, tags: string, nearest: string][] = [
    [
      "are the neighbouring versions, the newer of two as near first",
      "0.2.7",
      "0.1.0 0.1.1 0.1.2 0.2.0 0.2.4 0.3.0 edge latest master v0.4.1 v0.4.2",
      "0.2.4 0.2.0 0.3.0 0.1.2 0.1.1",
    ],
    ["are at most five", "1.5", "1.0 1.1 1.2 1.3 1.4 1.6 1.7 1.8", "1.6 1.4 1.7 1.3 1.8"],
    [
      "begin with the same version with or without v",
      "0.4.2",
      "0.4.1 v0.4.2 0.4.3",
      "v0.4.2 0.4.3 0.4.1",
    ],
    [
      "begin with a slip of the pen",
      "16-alpin",
      "16 16-alpine 17-alpine 16-bookworm",
      "16-alpine 16 16-bookworm 17-alpine",
    ],
    [
      "keep to the variant before they leave the version",
      "16.9-alpine",
      "16.8-alpine 15.9-alpine 16.9 16.9-bookworm",
      "16.8-alpine 15.9-alpine 16.9 16.9-bookworm",
    ],
    ["of a word are words like it", "lastest", "latest stable edge 1.0 latest-alpine", "latest"],
    ["of a word do not include numbers", "edge", "1 2 3.0", ""],
    [
      "of a version do not include words and signatures",
      "1.0",
      `latest sha256-${"0".repeat(64)}.sig`,
      "",
    ],
    ["do not include the wanted one", "1.0", "1.0 1.0 1.1 1.1", "1.1"],
    ["are none where there are no tags", "1.0", "", ""],
    [
      "compare dates and build numbers as numbers",
      "20240102",
      "20240101 20231231 20240110",
      "20240101 20240110 20231231",
    ],
  ];
  for (const [title, wanted, tags, nearest] of table)
    it(`${title}: ${wanted}`, () => {
      const words = (text: string) => text.split(" ").filter((word) => word !== "");
      assert.deepEqual(nearestTags(wanted, words(tags)), words(nearest));
    });

  const letters = (n: number): string =>
    Array.from({ length: 120 }, (_, i) => "abcdefghijk"[(n * 7 + i * i + n * i) % 11]).join("");
  for (const [title, wanted, tagOf] of [
    ["that have little in common", letters(1), letters],
    ["that are all alike", letters(1), (n: number) => `${letters(1)}${n}`],
    ["of versions", `1.0-${letters(1)}`, (n: number) => `${n}.0-${letters(n)}`],
  ] as const)
    it(`of ten thousand long ones ${title} are found in less than a second`, () => {
      const tags = Array.from({ length: 10_000 }, (_, n) => tagOf(n));
      const started = performance.now();
      nearestTags(wanted, tags);
      assert.ok(performance.now() - started < 1000);
    });

  it("of ten thousand long ones are found at once", () => {
    const tags = Array.from({ length: 10_000 }, (_, n) => `${n}.0-${"x".repeat(100)}`);
    const started = performance.now();
    assert.equal(nearestTags(`5000.1-${"x".repeat(100)}`, tags)[0], `5000.0-${"x".repeat(100)}`);
    assert.ok(performance.now() - started < 1000);
  });
});
