/** Comparison with expected files in tests/golden/. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Compares with a file under tests/golden, or writes it when UPDATE_GOLDEN=1: then the diff is for a person to read. */
export function assertGolden(name: string, actual: string): void {
  const path = join(__dirname, "..", "golden", name);
  if (process.env.UPDATE_GOLDEN === "1") {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, actual);
  }
  assert.equal(actual, readFileSync(path, "utf8"), `tests/golden/${name} differs`);
}
