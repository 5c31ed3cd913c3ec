/** Manifests of one registry: their digest by HEAD, their bytes by GET. */

import {
  digestOf,
  readDigestHeader,
  readManifestType,
  readVerified,
  statusError,
} from "./response";
import type { Answer } from "./http";
import { ACCEPT_MANIFESTS, type ManifestType } from "./media-types";
import { isTag, parseDigest, type Digest } from "../reference";
import type { RegistrySession, RepositoryRequest } from "./session";

/** A manifest or an index, verified: `digest` is the digest of `bytes`. */
export interface Manifest {
  readonly mediaType: ManifestType;
  readonly digest: Digest;
  readonly bytes: Buffer;
}

/** Docker's own limit for a manifest. */
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

export const headOf = (tagOrDigest: string): RepositoryRequest => ({
  method: "HEAD",
  path: `manifests/${tagOrDigest}`,
  accept: ACCEPT_MANIFESTS,
  maxBodyBytes: 0,
});

/**
 * What the registry says the tag is now, on its word: the engine verifies it when it pulls.
 * @param opening the answer to {@link headOf}, where the request was already made
 */
export async function currentDigest(
  session: RegistrySession,
  repository: string,
  tag: string,
  opening?: Answer,
): Promise<Digest> {
  const answer = opening ?? (await session.send(repository, headOf(tag)));
  const said = { answer, text: session.text };
  if (answer.status === 200) {
    readManifestType(said);
    const digest = readDigestHeader(said);
    if (digest !== undefined) return digest;
  }
  // A GET is a pull where pulls are counted, so only where nothing else helps: the digest must come from the bytes, the
  // registry knows no HEAD, or it has no such tag: then this brings its own words, and is no pull.
  if ([200, 404, 405].includes(answer.status))
    return (await fetchManifest(session, repository, tag)).digest;
  throw statusError(said);
}

/** @param wanted a tag or a digest. What a digest names is held to it; for a tag, the digest header is. */
export async function fetchManifest(
  session: RegistrySession,
  repository: string,
  wanted: string,
): Promise<Manifest> {
  const answer = await session.send(repository, {
    method: "GET",
    path: `manifests/${isTag(wanted) ? wanted : parseDigest(wanted)}`,
    accept: ACCEPT_MANIFESTS,
    maxBodyBytes: MAX_MANIFEST_BYTES,
  });
  const said = { answer, text: session.text };
  if (answer.status !== 200) throw statusError(said);
  const mediaType = readManifestType(said);
  const promised = isTag(wanted) ? readDigestHeader(said) : parseDigest(wanted);
  const digest = promised ?? digestOf(answer.body);
  return { mediaType, digest, bytes: readVerified(said, digest) };
}
