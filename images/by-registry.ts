import type { ImageReference } from "./reference";

/**
 * Things with an image, one group for each registry: what is done with a group need not wait for the registries of the
 * others, which may be slow or down.
 */
export function byRegistry<T extends { readonly image: ImageReference }>(
  things: readonly T[],
): readonly (readonly T[])[] {
  const groups = new Map<string, T[]>();
  for (const thing of things) {
    const { registry } = thing.image;
    groups.set(registry, [...(groups.get(registry) ?? []), thing]);
  }
  return [...groups.values()];
}
