/** The files with the evidence of the pinned images: `signatures/<service>.sigstore.json` beside the stack's file. */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { UserError } from "../../text/user-error";
import {
  formatEvidence,
  parseEvidence,
  withEvidence,
  type Evidence,
  type EvidenceFile,
} from "./evidence";

const FOLDER = "signatures";
/** 20 images with 50 signatures of 100 KiB would be far above this; real files have less than 1 MiB. */
const MAX_BYTES = 16 * 1024 * 1024;

const evidenceFileName = (service: string): string => `${FOLDER}/${service}.sigstore.json`;

/**
 * The evidence of a service's images; empty without a file. Throws a {@link UserError} for a file that is no such file.
 * @param folder that of the stack's file
 */
export function readEvidence(folder: string, service: string): EvidenceFile {
  const name = evidenceFileName(service);
  const path = join(folder, name);
  let text: string;
  try {
    if (statSync(path).size > MAX_BYTES) throw new UserError(`${name}: ${UNUSABLE}`);
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    if (error instanceof UserError) throw error;
    throw new UserError(
      `${name}: cannot be read (${error instanceof Error && "code" in error ? String(error.code) : "unknown"}); correct its permissions`,
      { cause: error },
    );
  }
  const images = parseEvidence(text);
  if (images === undefined) throw new UserError(`${name}: ${UNUSABLE}`);
  return images;
}

const UNUSABLE =
  'expected a file that "npm run pin" wrote; restore it with git, or delete it and run "npm run pin"';

/** Puts the evidence into the service's file, in one step. */
export function writeEvidence(folder: string, service: string, evidence: Evidence): void {
  const path = join(folder, evidenceFileName(service));
  const images = withEvidence(readEvidence(folder, service), evidence);
  const unfinished = `${path}.${process.pid}.new`;
  mkdirSync(join(folder, FOLDER), { recursive: true });
  try {
    writeFileSync(unfinished, formatEvidence(images), { flag: "wx" });
    renameSync(unfinished, path);
  } finally {
    rmSync(unfinished, { force: true });
  }
}
