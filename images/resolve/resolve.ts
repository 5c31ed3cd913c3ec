/** From configured images to deployed images: bare tags get their digest, tags of pinned images are checked. */

import { UserError } from "../../text/user-error";
import { imageReader } from "../inspect/reader";
import { isPinned, pinTo, type ImageReference, type PinnedImage } from "../reference";
import { RegistryClient, RegistryError, type Registries } from "../registry/client";
import { remedy } from "../registry/remedy";
import { timeUpIn, withChange, type MovedTag } from "./moved-tags";

/** Images by service. */
export type Images<I extends ImageReference = ImageReference> = Readonly<Record<string, I>>;

export interface ResolveOptions {
  readonly registries: Registries;
  /** Whether to ask for the tags of pinned images. Without it, a fully pinned stack makes no connection. */
  readonly checkTags: boolean;
  /** Deadline for bare tags, all registries together, in ms. Default 20 s. */
  readonly deadlineMs?: number;
  /** Deadline for tags of pinned images and for what changed, in ms from the start. Default 4 s. */
  readonly tagsWithinMs?: number;
  /** The host's platform, `linux/amd64`, to classify moved tags. Default: they are not classified. */
  readonly platform?: string;
  /** Ends the resolution early. */
  readonly signal?: AbortSignal;
}

const DEADLINE_MS = 20_000;
const TAGS_WITHIN_MS = 4_000;

/** A pinned image whose tag could not be checked. The pin is deployed. */
export interface UncheckedTag {
  readonly service: string;
  readonly image: PinnedImage;
  /** Who answered what. */
  readonly reason: string;
}

export interface Resolution {
  /** One for each given image, in the same order. */
  readonly images: Images<PinnedImage>;
  readonly moved: readonly MovedTag[];
  readonly unchecked: readonly UncheckedTag[];
}

/** Bare tags that could not be resolved: one line each. */
export class ResolveError extends UserError {
  override readonly name = "ResolveError";
  constructor(
    readonly problems: readonly string[],
    options?: ErrorOptions,
  ) {
    super(problems.join("\n"), options);
  }
}

/**
 * Resolves bare tags, and with `checkTags` checks those of pinned images, asking all registries at once. Bare tags without
 * an answer are thrown together as a {@link ResolveError}; pinned images without one are reported as unchecked.
 */
export async function resolveImages(images: Images, options: ResolveOptions): Promise<Resolution> {
  const { registries, checkTags, platform, signal } = options;
  const { deadlineMs = DEADLINE_MS, tagsWithinMs = TAGS_WITHIN_MS } = options;
  const isAsked = (image: ImageReference): boolean =>
    !isPinned(image) || (checkTags && image.tag !== undefined);
  const asked = Object.values(images).filter(isAsked);
  const over = new AbortController();
  const client = new RegistryClient({
    registries,
    deadlineMs: asked.every(isPinned) ? tagsWithinMs : deadlineMs,
    signal: signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]),
  });
  const read = platform === undefined ? undefined : imageReader(client, platform);
  const timeUp = timeUpIn(tagsWithinMs);
  try {
    const lookup = client.lookup(asked);
    const resolve = async (service: string, image: ImageReference): Promise<Outcome> => {
      if (!isPinned(image)) {
        const digest = await lookup(image);
        if (!(digest instanceof RegistryError)) return { service, image: pinTo(image, digest) };
        const problem = `images.${service}: ${digest.message}; ${remedy(image, digest)}`;
        return { problem, error: digest };
      }
      if (!isAsked(image)) return { service, image };
      const current = await Promise.race([lookup(image), timeUp.then(() => undefined)]);
      if (current === undefined || current instanceof RegistryError) {
        const late = `${image.registry} did not answer within ${tagsWithinMs / 1000} s`;
        return { service, image, tag: { service, image, reason: current?.answer ?? late } };
      }
      if (current === image.digest) return { service, image };
      const tag = { service, image, current };
      return {
        service,
        image,
        tag: read === undefined ? tag : await withChange(tag, read, timeUp),
      };
    };
    const outcomes = await Promise.all(
      Object.entries(images).map(([service, image]) => resolve(service, image)),
    );
    const failures = outcomes.filter((outcome) => "error" in outcome);
    if (failures.length > 0)
      throw new ResolveError(
        failures.map(({ problem }) => problem),
        { cause: failures.map(({ error }) => error) },
      );
    const resolved = outcomes.filter((outcome) => "image" in outcome);
    const tags = resolved.flatMap(({ tag }) => tag ?? []);
    return {
      images: Object.fromEntries(resolved.map(({ service, image }) => [service, image])),
      moved: tags.filter((tag) => "current" in tag),
      unchecked: tags.filter((tag) => "reason" in tag),
    };
  } finally {
    // Stops requests that nobody waits for any more.
    over.abort();
    client.close();
  }
}

type Outcome =
  | { readonly problem: string; readonly error: RegistryError }
  | {
      readonly service: string;
      readonly image: PinnedImage;
      /** What people should know about the tag. */
      readonly tag?: MovedTag | UncheckedTag;
    };

/** One line for people. */
export const describeUnchecked = ({ service, image, reason }: UncheckedTag): string =>
  `images.${service}: ${image.name}:${image.tag ?? ""} not checked: ${reason}; the pin stays`;
