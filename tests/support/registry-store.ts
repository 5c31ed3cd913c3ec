/** What the registry for tests stores, and its responses to those who may ask: manifests and blobs. */

import type { Digest } from "../../images/reference";
import { OCI_INDEX } from "../../images/registry/manifests";
import { blobOf, type Blob, type IndexedImage, type StoredManifest } from "./oci-images";

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | string;
}

interface Repository {
  readonly manifests: Map<string, StoredManifest>;
  readonly tags: Map<string, string>;
  readonly blobs: Map<string, Blob>;
  isPrivate: boolean;
}

export class RegistryStore {
  readonly #repositories = new Map<string, Repository>();

  /** Stores the manifest under its digest and the tags. */
  put(name: string, manifest: StoredManifest, ...tags: readonly string[]): Digest {
    const repository = this.#repository(name);
    repository.manifests.set(manifest.digest, manifest);
    for (const tag of tags) repository.tags.set(tag, manifest.digest);
    return manifest.digest;
  }

  putBlob(name: string, content: string | Buffer): Digest {
    const blob = blobOf(content);
    this.#repository(name).blobs.set(blob.digest, blob);
    return blob.digest;
  }

  /** Stores the index and everything it refers to. */
  putImage(name: string, image: IndexedImage, ...tags: readonly string[]): Digest {
    for (const manifest of image.manifests) this.put(name, manifest);
    for (const { bytes } of image.blobs) this.putBlob(name, bytes);
    return this.put(name, image.index, ...tags);
  }

  /** From now on only the credentials get a token for it. */
  makePrivate(name: string): void {
    this.#repository(name).isPrivate = true;
  }

  protected mayPull(name: string, isKnown: boolean): boolean {
    const repository = this.#repositories.get(name);
    return repository !== undefined && (!repository.isPrivate || isKnown);
  }

  protected manifest(name: string, tagOrDigest: string, accept: string): Reply {
    const repository = this.#repositories.get(name);
    if (repository === undefined) return NO_REPOSITORY;
    const { manifests, tags } = repository;
    const manifest = manifests.get(tags.get(tagOrDigest) ?? tagOrDigest);
    // As the reference registry does it: a type the client does not name is not there.
    if (manifest === undefined || !accept.split(/, */).includes(manifest.mediaType))
      return failure(404, "MANIFEST_UNKNOWN", "manifest unknown");
    const { mediaType, digest, bytes } = manifest;
    const headers = { "content-type": mediaType, "docker-content-digest": digest };
    return { status: 200, headers, body: bytes };
  }

  protected blob(name: string, digest: string): Reply {
    const blob = this.#repositories.get(name)?.blobs.get(digest);
    if (blob === undefined) return failure(404, "BLOB_UNKNOWN", "blob unknown to registry");
    return { status: 200, headers: {}, body: blob.bytes };
  }

  /** What refers to the digest, as the referrers API lists it. */
  protected referrers(name: string, digest: string): Reply {
    const manifests = [...(this.#repositories.get(name)?.manifests.values() ?? [])].filter(
      ({ bytes }) =>
        (JSON.parse(bytes.toString("utf8")) as { subject?: { digest: string } }).subject?.digest ===
        digest,
    );
    return {
      status: 200,
      headers: { "content-type": OCI_INDEX },
      body: JSON.stringify({
        schemaVersion: 2,
        mediaType: OCI_INDEX,
        manifests: manifests.map(({ mediaType, digest: own, bytes }) => ({
          mediaType,
          digest: own,
          size: bytes.length,
          // As some registries: the type of the empty configuration.
          artifactType: "application/vnd.oci.empty.v1+json",
        })),
      }),
    };
  }

  /** Pages of `n` tags in the order of the alphabet. */
  protected tagList(name: string, url: URL): Reply {
    const repository = this.#repositories.get(name);
    if (repository === undefined) return NO_REPOSITORY;
    const last = url.searchParams.get("last");
    const size = Number(url.searchParams.get("n") ?? 1000);
    const rest = [...repository.tags.keys()].sort().filter((tag) => last === null || tag > last);
    const tags = rest.slice(0, size);
    const next = `/v2/${name}/tags/list?n=${size}&last=${tags.at(-1) ?? ""}`;
    const reply = json(200, { name, tags });
    return rest.length <= size
      ? reply
      : { ...reply, headers: { ...reply.headers, link: `<${next}>; rel="next"` } };
  }

  #repository(name: string): Repository {
    const known = this.#repositories.get(name);
    if (known !== undefined) return known;
    const repository = {
      manifests: new Map(),
      tags: new Map(),
      blobs: new Map(),
      isPrivate: false,
    };
    this.#repositories.set(name, repository);
    return repository;
  }
}

export const json = (status: number, body: object): Reply => ({
  status,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

export const failure = (status: number, code: string, message: string): Reply =>
  json(status, { errors: [{ code, message }] });

const NO_REPOSITORY = failure(404, "NAME_UNKNOWN", "repository name not known to registry");
