/**
 * Looks up the digests of many tags of one registry with the fewest requests: the first HEAD learns how the registry
 * authenticates, one token is tried for all repositories, the other HEADs run in parallel.
 *
 * With n repositories that is n + 2 requests if the registry grants that token, 2n + 1 if the token says that it is for
 * fewer, and 2n + 2 if the token service refuses the request or an opaque token turns out to be good for less.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { Digest } from "../reference";
import { ExchangeError } from "./errors";
import { currentDigest, headRequest } from "./manifests";
import type { RegistrySession } from "./session";

export interface Tagged {
  readonly repository: string;
  readonly tag: string;
}

/** Keeps the URL of a token request below the 8 KiB that servers read. */
const REPOSITORIES_PER_TOKEN = 24;

/** The digest of one of the batch's images, or why there is none: failures are values. */
export type Lookup = (image: Tagged) => Promise<Digest | ExchangeError>;

/**
 * Starts to look up these images; one that fails or hangs does not delay the others.
 * @param warmUpMs how long the others wait for what the first response tells about all of them, in ms
 */
export function batchLookup(
  session: RegistrySession,
  images: readonly Tagged[],
  warmUpMs: number,
): Lookup {
  const started = start(session, images, warmUpMs);
  return async (image) => (await started)(image);
}

async function start(
  session: RegistrySession,
  images: readonly Tagged[],
  warmUpMs: number,
): Promise<Lookup> {
  const [first] = images;
  if (first === undefined) throw new TypeError("a batch of no images");
  const opening = settled(session.open(first.repository, headRequest(first.tag)));
  const opened = await Promise.race([opening, sleep(warmUpMs, "late", { ref: false })]);
  if (opened instanceof ExchangeError && concernsAll(opened)) return () => Promise.resolve(opened);

  const repositories = new Set(images.map(({ repository }) => repository));
  const token =
    opened === undefined
      ? await settled(session.shareToken([...repositories].slice(0, REPOSITORIES_PER_TOKEN)))
      : "refused";
  if (token instanceof ExchangeError) return () => Promise.resolve(token);

  const digests = new Map<string, Promise<Digest | ExchangeError>>();
  const lookup: Lookup = ({ repository, tag }) => {
    const key = `${repository}:${tag}`;
    const known = digests.get(key);
    if (known !== undefined) return known;
    const isFirst = repository === first.repository && tag === first.tag;
    const digest = settled(
      Promise.resolve(isFirst ? opening : undefined).then((head) => {
        if (head instanceof ExchangeError) throw head;
        return currentDigest(session, repository, tag, head);
      }),
    );
    digests.set(key, digest);
    return digest;
  };
  if (session.isBasic) {
    // A wrong password is wrong for all images, and sending it for each may lock the account.
    const digest = await lookup(first);
    if (digest instanceof ExchangeError && concernsAll(digest))
      return () => Promise.resolve(digest);
  }
  if (token === "unproven") {
    // A service that grants only one of several scopes grants the first or the last.
    const last = images.findLast(({ repository }) => repository !== first.repository) ?? first;
    await Promise.all([lookup(first), lookup(last)]);
  }
  return lookup;
}

/** What a registry refuses to one image it refuses to all, and repeating the request makes it worse. */
const concernsAll = ({ code }: ExchangeError): boolean =>
  code === "rate-limited" || code === "credentials";

/** An {@link ExchangeError} as a value, so that each of several parallel failures is seen. Other errors are bugs. */
const settled = <T>(work: Promise<T>): Promise<T | ExchangeError> =>
  work.catch((error: unknown) => {
    if (error instanceof ExchangeError) return error;
    throw error;
  });
