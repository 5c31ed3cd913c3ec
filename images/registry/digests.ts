/**
 * Looks up the digests of many tags of one registry with as few requests as possible: the first HEAD shows how the registry
 * authenticates, then a token for all repositories is requested, then the other HEADs run in parallel.
 *
 * For n repositories, this takes n + 2 requests if the registry grants the token for all repositories, 2n + 1 if the token
 * states that it covers fewer, and 2n + 2 if the request is refused or an opaque token turns out to cover fewer.
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

/** Keeps the URL of a token request below 8 KiB, a common limit of servers. */
const REPOSITORIES_PER_TOKEN = 24;

/** Resolves to the digest of an image in the batch, or to the error of its lookup. */
export type Lookup = (image: Tagged) => Promise<Digest | ExchangeError>;

/**
 * Starts to look up the images. One that fails or hangs does not delay the others.
 * @param warmUpMs how long the others wait for the first response, which shows how to authenticate, in ms
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
  if (first === undefined) throw new TypeError("expected at least one image");
  const opening = settled(session.open(first.repository, headRequest(first.tag)));
  const opened = await Promise.race([opening, sleep(warmUpMs, "late", { ref: false })]);
  if (opened instanceof ExchangeError && affectsAllImages(opened))
    return () => Promise.resolve(opened);

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
    // Try the password once before the parallel requests: repeated failures may lock the account.
    const digest = await lookup(first);
    if (digest instanceof ExchangeError && affectsAllImages(digest))
      return () => Promise.resolve(digest);
  }
  if (token === "unproven") {
    // Some services grant only the first or the last of several scopes, so test both before the parallel requests.
    const last = images.findLast(({ repository }) => repository !== first.repository) ?? first;
    await Promise.all([lookup(first), lookup(last)]);
  }
  return lookup;
}

/** Whether the error applies to all images of the registry, so that further requests would fail too. */
const affectsAllImages = ({ code }: ExchangeError): boolean =>
  code === "rate-limited" || code === "credentials";

/** Resolves to an {@link ExchangeError} instead of rejecting with it. Other errors are bugs and still reject. */
const settled = <T>(work: Promise<T>): Promise<T | ExchangeError> =>
  work.catch((error: unknown) => {
    if (error instanceof ExchangeError) return error;
    throw error;
  });
