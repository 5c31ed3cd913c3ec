/** Reads the metadata of images from their registries. Each object is requested once and verified against its digest. */

import type { Digest, ImageReference } from "../reference";
import { RegistryError, type RegistryClient } from "../registry/client";
import { chooseManifest, factsOf, readContent, UnfitImageError, type ImageFacts } from "./facts";

/** The metadata of an image, or why it could not be read. */
export type Reading =
  | { readonly facts: ImageFacts }
  /** `gone`: no longer in the registry. `unfit`: not an image for this host. `unread`: any other registry error. */
  | { readonly missing: "gone" | "unfit" | "unread"; readonly reason: string };

export type ReadImage = (image: ImageReference, digest: Digest) => Promise<Reading>;

/**
 * Reads images for one platform, with at most three requests each: index, manifest, configuration. Docker Hub counts a GET
 * of a manifest as a pull, so read only images that have changed.
 */
export function imageReader(client: RegistryClient, platform: string): ReadImage {
  const requests = new Map<string, Promise<unknown>>();
  const once = <T>(key: string, request: () => Promise<T>): Promise<T> => {
    const result = (requests.get(key) as Promise<T> | undefined) ?? request();
    requests.set(key, result);
    return result;
  };
  const read = async (image: ImageReference, digest: Digest): Promise<ImageFacts> => {
    const at = `${image.registry}/${image.repository}`;
    const manifest = (wanted: Digest) =>
      once(`manifest ${at}@${wanted}`, () => client.manifest(image, wanted));
    const chosen = chooseManifest(await manifest(digest), platform);
    const content = readContent(await manifest(chosen.digest));
    const config = await once(`blob ${at}@${content.config}`, () =>
      client.blob(image, content.config),
    );
    return factsOf(digest, chosen, content, config, platform);
  };

  return async (image, digest) => {
    try {
      return { facts: await read(image, digest) };
    } catch (error) {
      if (error instanceof UnfitImageError) return { missing: "unfit", reason: error.message };
      if (error instanceof RegistryError)
        return { missing: error.code === "not-found" ? "gone" : "unread", reason: error.answer };
      throw error;
    }
  };
}
