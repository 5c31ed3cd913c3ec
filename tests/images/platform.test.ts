import assert from "node:assert/strict";
import { formatPlatform, runnable } from "../../images/platform";

describe("the name of a platform", () => {
  const table: readonly [
    os: string,
    architecture: string,
    variant: string | undefined,
    name: string,
  ][] = [
    ["linux", "amd64", undefined, "linux/amd64"],
    ["linux", "amd64", "", "linux/amd64"],
    ["linux", "amd64", "v1", "linux/amd64"],
    ["linux", "amd64", "v3", "linux/amd64/v3"],
    ["linux", "arm64", "v8", "linux/arm64"],
    ["linux", "arm", "v7", "linux/arm"],
    ["linux", "arm", "v6", "linux/arm/v6"],
    ["linux", "riscv64", undefined, "linux/riscv64"],
    ["windows", "amd64", undefined, "windows/amd64"],
  ];
  for (const [os, architecture, variant, name] of table)
    it(`is ${name} for ${os} ${architecture} ${variant ?? "without variant"}`, () => {
      assert.equal(formatPlatform({ os, architecture, variant }), name);
    });
});

describe("what a host runs", () => {
  const table: readonly [platform: string, runs: readonly string[]][] = [
    ["linux/amd64", ["linux/amd64"]],
    ["linux/amd64/v3", ["linux/amd64/v3", "linux/amd64/v2", "linux/amd64"]],
    ["linux/arm64", ["linux/arm64"]],
    ["linux/arm64/v8", ["linux/arm64"]],
    ["linux/arm/v7", ["linux/arm", "linux/arm/v6", "linux/arm/v5"]],
    ["linux/arm/v6", ["linux/arm/v6", "linux/arm/v5"]],
    ["linux/s390x", ["linux/s390x"]],
  ];
  for (const [platform, runs] of table)
    it(`is ${runs.join(", ")} on ${platform}`, () => {
      assert.deepEqual(runnable(platform), runs);
    });
});
