/**
 * The manifest types an image may have, and how they are asked for.
 * https://github.com/opencontainers/image-spec/blob/main/media-types.md
 */

export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
export const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

const MANIFEST_TYPES = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST] as const;

export type ManifestType = (typeof MANIFEST_TYPES)[number];

// All four, always: a registry asked without the index types answers with the digest of one platform, or not at all.
export const ACCEPT_MANIFESTS = MANIFEST_TYPES.join(", ");

/** The type a `Content-Type` header names, without its parameters; `undefined` for anything that is no manifest. */
export function manifestType(contentType: string | undefined): ManifestType | undefined {
  const essence = contentType?.split(";", 1)[0]?.trim().toLowerCase();
  return MANIFEST_TYPES.find((type) => type === essence);
}

/** Whether manifests of this type list one manifest per platform. */
export const isIndexType = (type: ManifestType): boolean =>
  type === OCI_INDEX || type === DOCKER_LIST;
