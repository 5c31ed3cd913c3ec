/**
 * Reads and writes the stack file. A write is atomic and safe against concurrent runs: the new text is written to
 * `<file>.lock`, which only one process can create, and then renamed to the file.
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
import { editPins, imageOf, withoutPins } from "./pins";
import { StackFileError } from "./yaml";

export interface WriteOptions {
  /** How long to wait for a concurrent write, in ms. Default 3000; a write takes a few milliseconds. */
  readonly waitMs?: number;
  /** Aborts the wait: its reason is thrown and nothing is written. No effect once the write has started. */
  readonly signal?: AbortSignal;
}

const WAIT_MS = 3_000;
const POLL_MS = 20;

/** A stack file has about 3 KiB. The YAML parser takes quadratic time in the number of keys. */
const MAX_KIB = 128;

/** The text of a stack file. Throws a {@link StackFileError} if it cannot be read, is too large or is not UTF-8. */
export function readStackText(path: string): string {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) throw new StackFileError(`is not a file, ${EXPECTED}`);
    if (stats.size > MAX_KIB * 1024)
      throw new StackFileError(`is larger than ${MAX_KIB} KiB, ${EXPECTED}`);
    return decode(readFileSync(path));
  } catch (error) {
    if (error instanceof StackFileError) throw error;
    const code = codeOf(error);
    throw new StackFileError(
      code === "ENOENT"
        ? "does not exist; copy Pulumi.prod.yaml, or name another stack with --stack"
        : `cannot be read (${code}), ${EXPECTED}`,
      { cause: error },
    );
  }
}

const EXPECTED = "expected a stack file such as Pulumi.prod.yaml";

/** Rejects invalid UTF-8, because writing the text back would change it. */
function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new StackFileError("is not UTF-8 text", { cause });
  }
}

/** Throws a {@link StackFileError} if the file is read-only, even for root. */
export function checkWritable(path: string): Stats {
  try {
    const stats = statSync(path);
    if ((stats.mode & 0o222) === 0) throw new StackFileError("is read-only, nothing was written");
    accessSync(path, constants.W_OK);
    return stats;
  } catch (error) {
    if (error instanceof StackFileError) throw error;
    throw new StackFileError(`cannot be written: ${codeOf(error)}`, { cause: error });
  }
}

/**
 * Writes the images of the given services to the file. Throws a {@link StackFileError} and leaves the file unchanged if it
 * is read-only, or if anything except images of other services has changed since `text` was read.
 */
export const writePins = (
  path: string,
  text: string,
  images: ReadonlyMap<string, string>,
  options: WriteOptions = {},
): Promise<void> =>
  replaceText(
    path,
    (now) => {
      checkConcurrentChanges(text, now, images);
      return editPins(now, images);
    },
    options,
  );

/**
 * Writes the text that `edit` makes of the file. Throws a {@link StackFileError} and leaves the file unchanged if it is
 * read-only, if anything has changed since `text` was read, or if the result would be too large.
 */
export const writeStackText = (
  path: string,
  text: string,
  edit: (text: string) => string,
  options: WriteOptions = {},
): Promise<void> =>
  replaceText(
    path,
    (now) => {
      if (now !== text) throw new StackFileError(CHANGED);
      const edited = edit(now);
      if (Buffer.byteLength(edited) > MAX_KIB * 1024)
        throw new StackFileError(`would be larger than ${MAX_KIB} KiB, nothing was written`);
      return edited;
    },
    options,
  );

async function replaceText(
  path: string,
  edit: (now: string) => string,
  options: WriteOptions,
): Promise<void> {
  const stats = checkWritable(path);
  // Follows a symbolic link, so that the rename replaces its target and not the link.
  const target = realpathSync(path);
  const lock = `${target}.lock`;
  const file = await makeLock(lock, options);
  // Synchronous from here on, so that no signal handler can interrupt the write.
  try {
    try {
      writeFileSync(file, edit(readStackText(target)));
      fchmodSync(file, stats.mode & 0o7777);
      if (stats.uid !== process.geteuid?.()) keepOwner(file, stats);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(lock, target);
  } catch (error) {
    unlinkSync(lock);
    if (error instanceof StackFileError) throw error;
    throw new StackFileError(`cannot be written: ${codeOf(error)}`, { cause: error });
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
        throw new StackFileError(`cannot be written: ${codeOf(error)}`, { cause: error });
    }
    if (Date.now() >= until)
      throw new StackFileError(
        `is locked by another run (${basename(lock)} exists); delete the lock file if no other run is active`,
      );
    await sleep(POLL_MS);
    signal?.throwIfAborted();
  }
}

/** Accepts concurrent changes of other images. Throws a {@link StackFileError} for any other change. */
function checkConcurrentChanges(
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
  throw new StackFileError(CHANGED);
}

const CHANGED = "was changed in the meantime, nothing was written; run this again";

/** Only root can change the owner of a file. Otherwise the file belongs to the writer afterwards, as with any editor. */
function keepOwner(file: number, { uid, gid }: Stats): void {
  try {
    fchownSync(file, uid, gid);
  } catch (error) {
    if (codeOf(error) !== "EPERM") throw error;
  }
}

/** Makes the rename durable. Not all file systems can sync a folder. */
function syncFolder(folder: string): void {
  const file = openSync(folder, "r");
  try {
    fsyncSync(file);
  } catch {
    // Not critical: after a crash, either the old or the new file is there, and it is complete.
  } finally {
    closeSync(file);
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : String(error);
