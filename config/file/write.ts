/**
 * The stack's file on disk. A write replaces it as a whole or not at all, and loses nothing that others wrote meanwhile: the
 * new text goes into `<file>.lock`, which only one process can create, and that is renamed onto the file.
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
  /** How long to wait for another run that is writing, in ms. Default 3 s; writing takes some milliseconds. */
  readonly waitMs?: number;
  /** Ends the wait: its reason is thrown and nothing is written. Has no effect once writing has begun. */
  readonly signal?: AbortSignal;
}

const WAIT_MS = 3_000;
const POLL_MS = 20;

/** A stack's file has about 3 KiB. The YAML parser is quadratic in the number of keys. */
const MAX_KIB = 128;

/** The text of a stack's file. Throws a {@link StackFileError}. */
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

const EXPECTED = "expected a stack's file such as Pulumi.prod.yaml";

/** Refuses bytes that are not UTF-8: they would be written back differently. */
function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new StackFileError("is not UTF-8 text", { cause });
  }
}

/** Throws a {@link StackFileError} for a read-only file, even for root, who could write it. */
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
 * Writes these images, by service, into the file. Throws a {@link StackFileError} and leaves the file unchanged if it is
 * read-only, or changed since `text` was read in more than the images of other services.
 */
export async function writePins(
  path: string,
  text: string,
  images: ReadonlyMap<string, string>,
  options: WriteOptions = {},
): Promise<void> {
  const stats = checkWritable(path);
  // Replaces the target of a symbolic link, not the link.
  const target = realpathSync(path);
  const lock = `${target}.lock`;
  const file = await makeLock(lock, options);
  // Synchronous from here, so that no signal handler runs in between.
  try {
    try {
      const now = readStackText(target);
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
        `is being written by another run, ${basename(lock)} exists; remove that file if there is no such run`,
      );
    await sleep(POLL_MS);
    signal?.throwIfAborted();
  }
}

/** Another run may have pinned other images. Any other change needs a person. */
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
  throw new StackFileError(
    "was changed by someone else meanwhile, nothing was written; run this again",
  );
}

/** Only root can change a file's owner. Otherwise it becomes the writer's, as with any editor. */
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
    // The file is complete in any case, old or new.
  } finally {
    closeSync(file);
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : String(error);
