/**
 * The digests of many tags of one registry in the fewest requests: the first HEAD learns how the registry wants to be
 * asked, one token is tried for all repositories, the other HEADs run in parallel.
 * With n repositories that is n + 2 requests where the registry grants that token and 2n + 1 where its token says that
 * it does not; 2n + 2 where a token service refuses the request, or its opaque token turns out to be good for less.
 * That last one cannot be saved: up to the refusal nothing tells these registries from those of n + 2 requests.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { currentDigest, headOf } from "./manifests";
import type { Digest } from "../reference";
import { ExchangeError } from "./errors";
import type { RegistrySession } from "./session";

export interface Tagged {
  readonly repository: string;
  readonly tag: string;
}

// Keeps the address of the token request below the 8 KiB that servers read.
const REPOSITORIES_PER_TOKEN = 24;

/** The digest of one of the pass's images, or why there is none: failures are values. */
export type Ask = (image: Tagged) => Promise<Digest | ExchangeError>;

/**
 * Begins a pass over these images; one that fails or hangs keeps none of the others from being asked for.
 * `headStartMs` is how long the others wait for what the first one's answer tells about all of them.
 */
export function digestPass(
  session: RegistrySession,
  images: readonly Tagged[],
  headStartMs: number,
): Ask {
  const prepared = prepare(session, images, headStartMs);
  return async (image) => (await prepared)(image);
}

async function prepare(
  session: RegistrySession,
  images: readonly Tagged[],
  headStartMs: number,
): Promise<Ask> {
  const [first] = images;
  if (first === undefined) throw new TypeError("a pass over no image");
  const opening = settled(session.open(first.repository, headOf(first.tag)));
  // One manifest that hangs does not keep the others from being asked for.
  const opened = await Promise.race([opening, sleep(headStartMs, "late", { ref: false })]);

  if (opened instanceof ExchangeError && isForAll(opened)) return () => Promise.resolve(opened);
  const token = opened === undefined ? await settled(shareToken(session, images)) : "refused";
  if (token instanceof ExchangeError) return () => Promise.resolve(token);

  const asked = new Map<string, Promise<Digest | ExchangeError>>();
  const ask: Ask = ({ repository, tag }) => {
    const known = asked.get(`${repository}:${tag}`);
    if (known !== undefined) return known;
    const answer = repository === first.repository && tag === first.tag ? opening : undefined;
    const digest = settled(
      Promise.resolve(answer).then((head) => {
        if (head instanceof ExchangeError) throw head;
        return currentDigest(session, repository, tag, head);
      }),
    );
    asked.set(`${repository}:${tag}`, digest);
    return digest;
  };
  if (session.isBasic) {
    // A wrong password is wrong for all images; sent for each of them it may lock the account.
    const digest = await ask(first);
    if (digest instanceof ExchangeError && isForAll(digest)) return () => Promise.resolve(digest);
  }
  if (token === "open") {
    // A service that grants only one of several scopes takes the first or the last of them.
    const last = images.findLast(({ repository }) => repository !== first.repository) ?? first;
    await Promise.all([ask(first), ask(last)]);
  }
  return ask;
}

const shareToken = (session: RegistrySession, images: readonly Tagged[]) =>
  session.shareToken(
    [...new Set(images.map(({ repository }) => repository))].slice(0, REPOSITORIES_PER_TOKEN),
  );

/** What the registry refuses to one image of ours it refuses to all; asking on would make it worse. */
const isForAll = ({ code }: ExchangeError): boolean =>
  code === "rate-limited" || code === "credentials";

/** Failures as values, so that parallel ones are all heard; anything but an {@link ExchangeError} is a fault of ours. */
const settled = <T>(work: Promise<T>): Promise<T | ExchangeError> =>
  work.catch((error: unknown) => {
    if (error instanceof ExchangeError) return error;
    throw error;
  });
