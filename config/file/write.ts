/**
 * The stack's file on disk. It is replaced as a whole or not at all, and nothing that others wrote meanwhile is lost:
 * the new text is written into `<file>.lock`, which only one can make, and that is renamed onto the file.
 */

import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
  type Stats,
} from "node:fs";
import { basename, dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { editPins, imageOf, PinsError, withoutPins } from "./pins";

export interface WriteOptions {
  /** How long to wait for another run that is writing just now, in ms. Default 3 s; writing takes a few. */
  readonly waitMs?: number;
  /** Ends the waiting: nothing is written then, and its reason is thrown. Later the file is written all the same. */
  readonly signal?: AbortSignal;
}

const WAIT_MS = 3_000;
const POLL_MS = 20;

/** A stack's file has some 3 KiB. YAML libraries take their time for much larger ones: each key is compared with all others. */
const MOST_KIB = 128;

/** The text of a stack's file. Throws a {@link PinsError}. */
export function readPinsFile(path: string): string {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) throw new PinsError(`is no file, ${EXPECTED}`);
    if (stats.size > MOST_KIB * 1024)
      throw new PinsError(`is larger than ${MOST_KIB} KiB, ${EXPECTED}`);
    return decode(readFileSync(path));
  } catch (error) {
    if (error instanceof PinsError) throw error;
    const code = codeOf(error);
    throw new PinsError(
      code === "ENOENT"
        ? "is not there; make it from Pulumi.prod.yaml, or name another stack with --stack"
        : `cannot be read (${code}), ${EXPECTED}`,
      { cause: error },
    );
  }
}

const EXPECTED = "expected a stack's file such as Pulumi.prod.yaml";

/** Bytes that are no text would not come back as they were. */
function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new PinsError("is not in UTF-8", { cause });
  }
}

/** Throws a {@link PinsError} for a file that its owner does not want written, also where root could. */
export function checkWritable(path: string): Stats {
  try {
    const stats = statSync(path);
    if ((stats.mode & 0o222) === 0) throw new PinsError("is read-only, nothing was written");
    accessSync(path, constants.W_OK);
    return stats;
  } catch (error) {
    if (error instanceof PinsError) throw error;
    throw new PinsError(`cannot be written: ${codeOf(error)}`, { cause: error });
  }
}

/**
 * Writes these images, by service, into the file. Throws a {@link PinsError} and leaves the file as it is when it is
 * read-only or has changed since `text` was read, other than by edits of other images.
 */
export async function writePins(
  path: string,
  text: string,
  images: ReadonlyMap<string, string>,
  options: WriteOptions = {},
): Promise<void> {
  const stats = checkWritable(path);
  // A link stays one: what it points to is replaced.
  const target = realpathSync(path);
  const lock = `${target}.lock`;
  const file = await makeLock(lock, options);
  // Without a pause from here on: no signal comes between.
  try {
    try {
      const now = readPinsFile(target);
      refuseForeignChanges(text, now, images);
      writeFileSync(file, editPins(now, images));
      fchmodSync(file, stats.mode & 0o7777);
      if (stats.uid !== process.geteuid?.()) keepOwner(file, stats);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(lock, target);
  } catch (error) {
    unlinkSync(lock);
    if (error instanceof PinsError) throw error;
    throw new PinsError(`cannot be written: ${codeOf(error)}`, { cause: error });
  }
  syncFolder(dirname(target));
}

async function makeLock(lock: string, { waitMs = WAIT_MS, signal }: WriteOptions): Promise<number> {
  const until = Date.now() + waitMs;
  for (;;) {
    try {
      return openSync(lock, "wx", 0o600);
    } catch (error) {
      if (codeOf(error) !== "EEXIST")
        throw new PinsError(`cannot be written: ${codeOf(error)}`, { cause: error });
    }
    if (Date.now() >= until)
      throw new PinsError(
        `is being written by another run, ${basename(lock)} is there; remove that file if there is no such run`,
      );
    await sleep(POLL_MS);
    signal?.throwIfAborted();
  }
}

/** Another run may have pinned other images: those stay. Anything else is for a person to look at. */
function refuseForeignChanges(
  before: string,
  now: string,
  images: ReadonlyMap<string, string>,
): void {
  if (now === before) return;
  const sameLines = [...images].every(([service, image]) => {
    const current = imageOf(now, service);
    return current === imageOf(before, service) || current === image;
  });
  if (sameLines && withoutPins(now) === withoutPins(before)) return;
  throw new PinsError("was changed by someone else meanwhile, nothing was written; run this again");
}

/** Only root can give files away; without that right the file becomes the writer's, as with every editor. */
function keepOwner(file: number, { uid, gid }: Stats): void {
  try {
    fchownSync(file, uid, gid);
  } catch (error) {
    if (codeOf(error) !== "EPERM") throw error;
  }
}

/** The rename itself reaches the disk with the folder. Not all file systems let a folder be synced. */
function syncFolder(folder: string): void {
  const file = openSync(folder, "r");
  try {
    fsyncSync(file);
  } catch {
    // The file is complete either way: old or new.
  } finally {
    closeSync(file);
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : String(error);
