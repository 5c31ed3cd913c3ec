/** Reads what images are from their registries, by digest. Each thing is asked for once, and is held to its digest. */

import { chooseManifest, factsOf, readContent, UnfitImageError, type ImageFacts } from "./facts";
import type { Manifest } from "../registry/manifests";
import type { Digest, ImageReference } from "../reference";
import { RegistryError, type RegistryClient } from "../registry/client";

/** An image that was read, or why it was not. */
export type Reading =
  | { readonly facts: ImageFacts }
  /** `gone`: the registry no longer has it. `unfit`: it is no image for this host. `unread`: could not be told. */
  | { readonly missing: "gone" | "unfit" | "unread"; readonly reason: string };

export type ReadImage = (image: ImageReference, digest: Digest) => Promise<Reading>;

/**
 * Reads images for one platform with at most three requests each: index, manifest, configuration. Manifests are GETs,
 * which count as pulls where pulls are counted, so only images that changed are worth it.
 */
export function imageReader(client: RegistryClient, platform: string): ReadImage {
  const once = new Map<string, Promise<unknown>>();
  const ask = <T>(kind: string, image: ImageReference, wanted: Digest, work: () => Promise<T>) => {
    const key = `${kind} ${image.registry}/${image.repository}@${wanted}`;
    const known = (once.get(key) as Promise<T> | undefined) ?? work();
    once.set(key, known);
    return known;
  };
  const manifestOf = (image: ImageReference, wanted: Digest): Promise<Manifest> =>
    ask("manifest", image, wanted, () => client.manifest(image, wanted));

  const read = async (image: ImageReference, pinned: Digest): Promise<ImageFacts> => {
    const chosen = chooseManifest(await manifestOf(image, pinned), platform);
    const content = readContent(await manifestOf(image, chosen.digest));
    const config = await ask("blob", image, content.config, () =>
      client.blob(image, content.config),
    );
    return factsOf(pinned, chosen, content, config, platform);
  };

  return async (image, digest) => {
    try {
      return { facts: await read(image, digest) };
    } catch (error) {
      if (error instanceof UnfitImageError) return { missing: "unfit", reason: error.message };
      if (error instanceof RegistryError)
        return {
          missing: error.code === "not-found" ? "gone" : "unread",
          reason: error.answer,
        };
      throw error;
    }
  };
}
