/**
 * The keys of Sigstore's public instance, shipped as data: trusted-root.json, from sigstore/root-signing. The verification
 * contacts nothing. A signature of a log that this file does not know yet is `uncheckable`, not bad.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const TRUSTED_ROOT = {
  file: join(__dirname, "trusted-root.json"),
  sha256: "6494e21ea73fa7ee769f85f57d5a3e6a08725eae1e38c755fc3517c9e6bc0b66",
  /** The day on which the file was the current one. */
  date: "2026-11-05",
} as const;

/** Throws if the file is not the one that this version of the program was released with. */
export function readTrustedRoot(): unknown {
  const bytes = readFileSync(TRUSTED_ROOT.file);
  const actual = createHash("sha256").update(bytes).digest("hex");
  if (actual !== TRUSTED_ROOT.sha256)
    throw new Error(
      `${TRUSTED_ROOT.file}: expected the SHA-256 ${TRUSTED_ROOT.sha256}, got ${actual}; restore the file from the repository`,
    );
  return JSON.parse(bytes.toString("utf8")) as unknown;
}
