import assert from "node:assert/strict";
import {
  formatPlatform,
  isPlatformPart,
  runnablePlatforms,
  listNames,
} from "../../images/platform";

describe("the name of a platform", () => {
  const table: readonly [parts: string, name: string][] = [
    ["linux amd64", "linux/amd64"],
    ["linux amd64 ", "linux/amd64"],
    ["linux amd64 v1", "linux/amd64"],
    ["linux amd64 v3", "linux/amd64/v3"],
    ["linux arm64 v8", "linux/arm64"],
    ["linux arm v7", "linux/arm"],
    ["linux arm v6", "linux/arm/v6"],
    ["linux riscv64", "linux/riscv64"],
    ["windows amd64", "windows/amd64"],
  ];
  for (const [parts, name] of table)
    it(`is ${name} for ${JSON.stringify(parts)}`, () => {
      const [os = "", architecture = "", variant] = parts.split(" ");
      assert.equal(formatPlatform({ os, architecture, variant }), name);
    });
});

describe("what a host runs", () => {
  const table: readonly [platform: string, runs: string][] = [
    ["linux/amd64", "linux/amd64"],
    ["linux/amd64/v3", "linux/amd64/v3 linux/amd64/v2 linux/amd64"],
    ["linux/arm64", "linux/arm64"],
    ["linux/arm64/v8", "linux/arm64"],
    ["linux/arm/v7", "linux/arm linux/arm/v6 linux/arm/v5"],
    ["linux/arm/v6", "linux/arm/v6 linux/arm/v5"],
    ["linux/s390x", "linux/s390x"],
  ];
  for (const [platform, runs] of table)
    it(`is ${runs} on ${platform}`, () => {
      assert.equal(runnablePlatforms(platform).join(" "), runs);
    });
});

describe("a part of a platform's name", () => {
  const good = ["linux", "amd64", "v8", "386", "loong64", "ppc64le", "a.b_c-d", "x".repeat(32)];
  for (const part of good)
    it(`may be ${part}`, () => {
      assert.equal(isPlatformPart(part), true);
    });
  const bad = ["", "Linux", "-x", ".", "a b", "a/b", "a\n", "\u001b[2J", "`a`", "x".repeat(33)];
  for (const part of bad)
    it(`is not ${JSON.stringify(part)}`, () => {
      assert.equal(isPlatformPart(part), false);
    });
});

describe("platforms in one line", () => {
  const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `p${n}`);
  it("are all there up to twenty", () => {
    assert.equal(listNames(["linux/amd64", "linux/arm64"]), "linux/amd64, linux/arm64");
    assert.equal(listNames(names(20)), names(20).join(", "));
  });
  it("are counted from there on", () => {
    assert.equal(listNames(names(21)), `${names(20).join(", ")} and 1 more`);
  });
});
