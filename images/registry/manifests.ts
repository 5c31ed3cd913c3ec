/**
 * Fetches manifests from a registry: the digest by HEAD, the content by GET.
 * Media types: https://github.com/opencontainers/image-spec/blob/main/media-types.md
 */

import { isDigest, isTag, parseDigest, type Digest } from "../reference";
import { ExchangeError } from "./errors";
import { digestOf, statusError, verifiedBody, type RegistryResponse } from "./response";
import type { RegistrySession, RepositoryRequest } from "./session";

export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
export const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

const MANIFEST_TYPES = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST] as const;

export type ManifestType = (typeof MANIFEST_TYPES)[number];

/** Whether manifests of this type list one manifest per platform. */
export const isIndexType = (type: ManifestType): boolean =>
  type === OCI_INDEX || type === DOCKER_LIST;

/** A verified manifest or index: `digest` is the digest of `bytes`. */
export interface Manifest {
  readonly mediaType: ManifestType;
  readonly digest: Digest;
  readonly bytes: Buffer;
}

/** Docker's limit for manifests. */
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

// Without the index types, a registry returns the digest for a single platform, or 404.
const accept = MANIFEST_TYPES.join(", ");

export const headRequest = (tagOrDigest: string): RepositoryRequest => ({
  method: "HEAD",
  path: `manifests/${tagOrDigest}`,
  accept,
  maxBodyBytes: 0,
});

/**
 * The current digest of a tag according to the registry. Not verified here; Docker verifies it on pull.
 * @param head the response to {@link headRequest}, if it was already requested
 */
export async function currentDigest(
  session: RegistrySession,
  repository: string,
  tag: string,
  head?: RegistryResponse,
): Promise<Digest> {
  const response = head ?? (await session.send(repository, headRequest(tag)));
  if (response.status === 200) {
    readManifestType(response);
    const digest = readDigestHeader(response);
    if (digest !== undefined) return digest;
  }
  // A GET counts as a pull at Docker Hub. It is used only if the digest header is missing, if the registry does not support
  // HEAD, or to get the error message for a missing tag, which is not counted.
  if ([200, 404, 405].includes(response.status))
    return (await fetchManifest(session, repository, tag)).digest;
  throw statusError(response);
}

/** Fetches a manifest. Its content is verified against the given digest or, for a tag, against the digest header. */
export async function fetchManifest(
  session: RegistrySession,
  repository: string,
  tagOrDigest: string,
  redirects: "follow" | "stop" = "follow",
): Promise<Manifest> {
  const wanted = isTag(tagOrDigest) ? undefined : parseDigest(tagOrDigest);
  const response = await session.send(repository, {
    method: "GET",
    path: `manifests/${tagOrDigest}`,
    accept,
    maxBodyBytes: MAX_MANIFEST_BYTES,
    redirects,
  });
  if (response.status !== 200) throw statusError(response);
  const mediaType = readManifestType(response);
  const digest = wanted ?? readDigestHeader(response) ?? digestOf(response.body);
  return { mediaType, digest, bytes: verifiedBody(response, digest) };
}

/** Throws an {@link ExchangeError} for anything but a manifest, such as schema 1 or a web page. */
function readManifestType({ headers, url, redactor }: RegistryResponse): ManifestType {
  const header = headers["content-type"];
  const essence = header?.split(";", 1)[0]?.trim().toLowerCase();
  const type = MANIFEST_TYPES.find((known) => known === essence);
  if (type !== undefined) return type;
  const problem = essence?.startsWith("application/vnd.docker.distribution.manifest.v1+")
    ? "has only a schema 1 manifest, which Docker no longer supports"
    : `answered with${header === undefined ? "out a content type" : ` content type ${redactor.quote(header)}`}, expected an image manifest`;
  throw new ExchangeError("invalid-answer", `${url.host} ${problem}`);
}

/** `undefined` without the header, which is optional in the specification. Throws for an invalid digest. */
function readDigestHeader({ headers, url, redactor }: RegistryResponse): Digest | undefined {
  const header = headers["docker-content-digest"];
  if (header === undefined || isDigest(header)) return header;
  throw new ExchangeError(
    "invalid-answer",
    `${url.host} answered with the digest ${redactor.quote(header)}, expected sha256: and 64 lower-case hexadecimal digits`,
  );
}
