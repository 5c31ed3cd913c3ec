/** The images of a run of the Pulumi program, with its warnings. */
import * as pulumi from "@pulumi/pulumi";

import { formatReference, ImageReference, isPinned } from "../reference";
import { Registries } from "../registry/client";
import { describeMoved, pinCommand } from "./moved-tags";
import { pulumiCommand } from "./pulumi-command";
import { resolveImages, uncheckedWarnings } from "./resolve";

export interface ResolvedImages {
  /** By service; all pinned. */
  readonly images: Readonly<Record<string, ImageReference>>;
  /** Warnings that do not stop the deployment; with `service` if it concerns a single one. */
  readonly warnings: readonly { readonly service?: string; readonly message: string }[];
}

/**
 * The images that this Pulumi run deploys. Every run resolves bare tags again, because Pulumi passes no data from a preview
 * to the update. Tags of pinned images are checked only by `pulumi preview`, so that `pulumi up` of a pinned stack contacts
 * no registry; the same goes for health checks. Throws a ResolveError if a bare tag cannot be resolved, or if an image has no
 * health check of its own and needs one.
 */
export async function resolveForPulumi(config: {
  readonly stack: string;
  readonly platform: string;
  readonly images: Readonly<Record<string, ImageReference>>;
  readonly registries: Registries;
  readonly checkTags: boolean;
  /** Services that rely on the health check of their image. Default: none. */
  readonly ownHealthChecks?: readonly string[];
}): Promise<ResolvedImages> {
  const { stack, platform, images: configured, registries } = config;
  const isPreview = pulumi.runtime.isDryRun();
  const checkTags = config.checkTags && isPreview && pulumiCommand() !== "up";
  const { images, moved, unchecked } = await resolveImages(configured, {
    ...{ registries, checkTags, platform },
    ...(checkTags && config.ownHealthChecks && { ownHealthChecks: config.ownHealthChecks }),
  });
  const now = new Date();
  // The update resolved these tags again, so the preview may have shown other digests.
  const unpreviewed = isPreview
    ? []
    : Object.entries(configured).filter(([, image]) => !isPinned(image));
  return {
    images,
    warnings: [
      ...moved.map((tag) => ({
        service: tag.service,
        message: describeMoved(tag, { stack, now }),
      })),
      ...uncheckedWarnings(unchecked),
      ...unpreviewed.map(([service, image]) => ({
        service,
        message: `images.${service}: ${formatReference(image)} has no digest, so this update resolved it again, to ${images[service]?.digest ?? ""}, which may differ from the preview; pin it with \`${pinCommand(stack, service)}\``,
      })),
    ],
  };
}
