/** What {@link ../../images/inspect/reader} reads of an image, without a registry. */

import {
  chooseManifest,
  factsOf,
  readContent,
  UnfitImageError,
  type ImageFacts,
} from "../../images/inspect/facts";
import type { Reading } from "../../images/inspect/reader";
import type { Manifest } from "../../images/registry/manifests";
import type { ManifestType } from "../../images/registry/manifests";
import type { IndexedImage, StoredManifest } from "./oci-images";

/** The facts of an index, or of a single manifest given as `top`; throws what reading throws. */
export function factsFrom(
  image: IndexedImage,
  platform = "linux/amd64",
  top: StoredManifest = image.index,
): ImageFacts {
  const as = ({ mediaType, digest, bytes }: StoredManifest): Manifest => ({
    mediaType: mediaType as ManifestType,
    digest,
    bytes,
  });
  const chosen = chooseManifest(as(top), platform);
  const manifest = [top, ...image.manifests].find(({ digest }) => digest === chosen.digest);
  if (manifest === undefined) throw new Error("the index names a manifest that is not stored");
  const content = readContent(as(manifest));
  const config = image.blobs.find(({ digest }) => digest === content.config);
  if (config === undefined) throw new Error("the manifest names a config that is not stored");
  return factsOf(top.digest, chosen, content, config.bytes, platform);
}

export function readingOf(...args: Parameters<typeof factsFrom>): Reading {
  try {
    return { facts: factsFrom(...args) };
  } catch (error) {
    if (error instanceof UnfitImageError) return { missing: "unfit", reason: error.message };
    throw error;
  }
}
