import * as pulumi from "@pulumi/pulumi";

import { engineCommand } from "./pulumi-command";
import { describeMoved, pinCommand } from "./moved-tags";
import { formatReference, ImageReference, isPinned, PinnedImage } from "../reference";
import { Registries } from "../registry/client";
import { describeUnchecked, ResolveError, resolveImages } from "./resolve";

export interface ResolvedImages {
  /** By service; pinned, unless nobody could be asked. */
  readonly images: Readonly<Record<string, ImageReference>>;
  /** What a person should know before the deployment; none of it stops one. */
  readonly warnings: readonly { readonly service: string; readonly message: string }[];
}

/**
 * The images as this run of the engine deploys them. A bare tag is resolved by each run anew: the engine hands nothing
 * from a preview on to its update. Tags of pinned images are looked at in a preview only: an `up` of
 * a pinned stack, its own preview included, asks no registry anything. Throws a RunError, which prints its lines alone.
 */
export async function resolveForEngine(config: {
  readonly stack: string;
  readonly platform: string;
  readonly images: Readonly<Record<string, ImageReference>>;
  readonly registries: Registries;
  readonly checkTags: boolean;
}): Promise<ResolvedImages> {
  const { stack, platform, images, registries } = config;
  const { moved, unchecked, ...resolution } = await resolveImages(images, {
    registries,
    checkTags: config.checkTags && pulumi.runtime.isDryRun() && engineCommand() !== "up",
    platform,
  }).catch((error: unknown) => {
    throw error instanceof ResolveError ? new pulumi.RunError(error.message) : error;
  });
  const said = { stack, now: new Date() };
  return {
    images: resolution.images,
    warnings: [
      ...moved.map((tag) => ({ service: tag.service, message: describeMoved(tag, said) })),
      ...unchecked.map((tag) => ({ service: tag.service, message: describeUnchecked(tag) })),
      ...(pulumi.runtime.isDryRun() ? [] : bareOnes(stack, images, resolution.images)),
    ],
  };
}

/** Of an update, whose answer nobody has seen before. */
const bareOnes = (
  stack: string,
  given: Readonly<Record<string, ImageReference>>,
  resolved: Readonly<Record<string, PinnedImage>>,
): ResolvedImages["warnings"] =>
  Object.entries(given).flatMap(([service, image]) =>
    isPinned(image)
      ? []
      : {
          service,
          message: `images.${service}: ${formatReference(image)} has no digest, so this update asked again and deploys ${resolved[service]?.digest ?? ""}, whatever its preview showed; pin it with \`${pinCommand(stack, service)}\``,
        },
  );
