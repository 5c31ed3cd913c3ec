import * as pulumi from "@pulumi/pulumi";

import { formatReference, ImageReference, isPinned } from "../reference";
import { Registries } from "../registry/client";
import { describeMoved, pinCommand } from "./moved-tags";
import { pulumiCommand } from "./pulumi-command";
import { describeUnchecked, resolveImages } from "./resolve";

export interface ResolvedImages {
  /** By service; all pinned, unless no registry could be asked. */
  readonly images: Readonly<Record<string, ImageReference>>;
  /** What people should know before the deployment; none of it stops one. */
  readonly warnings: readonly { readonly service: string; readonly message: string }[];
}

/**
 * The images that this Pulumi run deploys. Each run resolves bare tags anew, because Pulumi passes nothing from a preview
 * to its update. Tags of pinned images are checked in a preview only: `pulumi up` of a pinned stack, including its own
 * preview, asks no registry. Throws a ResolveError.
 */
export async function resolveForPulumi(config: {
  readonly stack: string;
  readonly platform: string;
  readonly images: Readonly<Record<string, ImageReference>>;
  readonly registries: Registries;
  readonly checkTags: boolean;
}): Promise<ResolvedImages> {
  const { stack, platform, images: configured, registries } = config;
  const isPreview = pulumi.runtime.isDryRun();
  const { images, moved, unchecked } = await resolveImages(configured, {
    registries,
    checkTags: config.checkTags && isPreview && pulumiCommand() !== "up",
    platform,
  });
  const now = new Date();
  // An update resolved these tags by itself: no preview showed the result.
  const unseen = isPreview
    ? []
    : Object.entries(configured).filter(([, image]) => !isPinned(image));
  return {
    images,
    warnings: [
      ...moved.map((tag) => ({
        service: tag.service,
        message: describeMoved(tag, { stack, now }),
      })),
      ...unchecked.map((tag) => ({ service: tag.service, message: describeUnchecked(tag) })),
      ...unseen.map(([service, image]) => ({
        service,
        message: `images.${service}: ${formatReference(image)} has no digest, so this update resolved it again, to ${images[service]?.digest ?? ""}, which may differ from the preview; pin it with \`${pinCommand(stack, service)}\``,
      })),
    ],
  };
}
