/** From the images as configured to the images as deployed: bare tags get their digest, pinned tags are checked. */

import { byRegistry } from "./by-registry";
import { imageReader } from "./history";
import { lookInto, timeUpIn, type MovedTag } from "./moved";
import { isPinned, pinTo, type Digest, type ImageReference, type PinnedImage } from "./reference";
import { RegistryClient, RegistryError, type Registries } from "./registry";
import { wayOut } from "./way-out";

/** Images keyed by the service that runs them. */
export type Images<I extends ImageReference = ImageReference> = Readonly<Record<string, I>>;

export interface ResolveOptions {
  readonly registries: Registries;
  /** Whether to ask what pinned tags are now. Without it a stack whose images are all pinned makes no connection. */
  readonly checkTags: boolean;
  /** For all registries together, in ms. Default 20 s. */
  readonly deadlineMs?: number;
  /** Ends the resolution early. */
  readonly signal?: AbortSignal;
  /** Says what a moved tag's change is. Default: nobody looks into it. */
  readonly look?: {
    /** `linux/amd64`, of the host. */
    readonly platform: string;
    /** How long after the start of the resolution nobody waits for it any more, in ms. */
    readonly withinMs: number;
  };
}

/** A pinned image whose tag could not be checked. The pin is what is deployed. */
export interface UncheckedTag {
  readonly service: string;
  readonly image: PinnedImage;
  /** What the registry answered. */
  readonly reason: string;
}

export interface Resolution {
  /** One for each image given, in the same order. */
  readonly images: Images<PinnedImage>;
  readonly moved: readonly MovedTag[];
  readonly unchecked: readonly UncheckedTag[];
}

/** The images as far as they are known without asking a registry. */
export interface OfflineResolution {
  /** One for each image given, in the same order; without digest where it was configured without. */
  readonly images: Images;
  /** The services whose image has no digest yet. */
  readonly unresolved: readonly string[];
}

/** Bare tags that could not be resolved: one line each. */
export class ResolveError extends Error {
  override readonly name = "ResolveError";
  constructor(
    readonly problems: readonly string[],
    options?: ErrorOptions,
  ) {
    super(problems.join("\n"), options);
  }
}

/**
 * Asks for bare tags, and with `checkTags` for pinned ones, in one pass over all registries. A bare tag without answer
 * is part of the {@link ResolveError}; a pinned one is reported as unchecked.
 */
export async function resolveImages(images: Images, options: ResolveOptions): Promise<Resolution> {
  const { checkTags, look, signal, ...client } = options;
  const asked = Object.entries(images)
    .map(([service, image]) => ({ service, image }))
    .filter(({ image }) => !isPinned(image) || (checkTags && image.tag !== undefined));
  if (asked.length === 0) return decide(images, new Map()).resolution;
  const over = new AbortController();
  const registries = new RegistryClient({
    ...client,
    signal: signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]),
  });
  const reader = look && imageReader(registries, look.platform);
  const timeUp = timeUpIn(look?.withinMs ?? 0);
  try {
    const answers = new Map<string, Digest | RegistryError | undefined>();
    const moved = await Promise.all(
      byRegistry(asked).map(async (group) => {
        const digests = await registries.digests(group.map(({ image }) => image));
        const own = new Map(group.map(({ service }, n) => [service, digests[n]]));
        for (const [service, answer] of own) answers.set(service, answer);
        const tags = decide(imagesOf(group), own).resolution.moved;
        return reader === undefined
          ? tags
          : Promise.all(tags.map((tag) => lookInto(tag, reader, timeUp)));
      }),
    );
    const { resolution, failures } = decide(images, answers);
    if (failures.length > 0) {
      const problems = await Promise.all(failures.map((failure) => describe(registries, failure)));
      throw new ResolveError(problems, { cause: failures.map(({ error }) => error) });
    }
    const seen = new Map(moved.flat().map((tag) => [tag.service, tag]));
    return { ...resolution, moved: resolution.moved.map((tag) => seen.get(tag.service) ?? tag) };
  } finally {
    // Nobody waits any more for what is still under way.
    over.abort();
    registries.close();
  }
}

const imagesOf = (group: readonly { readonly service: string; readonly image: ImageReference }[]) =>
  Object.fromEntries(group.map(({ service, image }) => [service, image]));

/** What a reader without network can say. A bare tag stays bare: every digest made up for it would be a wrong one. */
export const offlineResolution = (images: Images): OfflineResolution => ({
  images,
  unresolved: Object.keys(images).filter((service) => images[service]?.digest === undefined),
});

/** One line for a person. */
export const describeUnchecked = ({ service, image, reason }: UncheckedTag): string =>
  `images.${service}: ${image.name}:${image.tag ?? ""} not checked: ${reason}; the pin stays`;

interface Failure {
  readonly service: string;
  readonly image: ImageReference;
  readonly error: RegistryError;
}

/** Pure: what the answers mean for each image. */
function decide(
  images: Images,
  answers: ReadonlyMap<string, Digest | RegistryError | undefined>,
): { readonly resolution: Resolution; readonly failures: readonly Failure[] } {
  const resolved: [service: string, image: PinnedImage][] = [];
  const moved: MovedTag[] = [];
  const unchecked: UncheckedTag[] = [];
  const failures: Failure[] = [];
  for (const [service, image] of Object.entries(images)) {
    const answer = answers.get(service);
    if (isPinned(image)) {
      resolved.push([service, image]);
      if (answer instanceof RegistryError)
        unchecked.push({ service, image, reason: answer.answer });
      else if (answer !== undefined && answer !== image.digest)
        moved.push({ service, image, current: answer });
    } else if (answer instanceof RegistryError) failures.push({ service, image, error: answer });
    else if (answer !== undefined) resolved.push([service, pinTo(image, answer)]);
  }
  return { resolution: { images: Object.fromEntries(resolved), moved, unchecked }, failures };
}

const describe = async (client: RegistryClient, { service, image, error }: Failure) =>
  `images.${service}: ${error.message}; ${await wayOut(client, image, error)}`;
