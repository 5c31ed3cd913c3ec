/** From the images as configured to the images as deployed: bare tags get their digest, pinned tags are checked. */

import { imageReader, type ReadImage } from "../inspect/reader";
import { lookInto, timeUpIn, type MovedTag } from "./moved-tags";
import { isPinned, pinTo, type ImageReference, type PinnedImage } from "../reference";
import { RegistryClient, RegistryError, type Answered, type Registries } from "../registry/client";
import { wayOut } from "../registry/remedy";

/** Images keyed by the service that runs them. */
export type Images<I extends ImageReference = ImageReference> = Readonly<Record<string, I>>;

export interface ResolveOptions {
  readonly registries: Registries;
  /** Whether to ask what pinned tags are now. Without it a stack whose images are all pinned makes no connection. */
  readonly checkTags: boolean;
  /** For bare tags, all registries together, in ms. Default 20 s. */
  readonly deadlineMs?: number;
  /** How long after the start nobody waits any more for pinned tags and what they are, in ms. Default 4 s. */
  readonly tagsWithinMs?: number;
  /** The host's, `linux/amd64`: to say what a moved tag's change is. Default: nobody looks into it. */
  readonly platform?: string;
  /** Ends the resolution early. */
  readonly signal?: AbortSignal;
}

const DEADLINE_MS = 20_000;
const TAGS_WITHIN_MS = 4_000;

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
  const { registries, checkTags, platform, signal } = options;
  const { deadlineMs = DEADLINE_MS, tagsWithinMs = TAGS_WITHIN_MS } = options;
  const asks = (image: ImageReference): boolean =>
    !isPinned(image) || (checkTags && image.tag !== undefined);
  const entries = Object.entries(images);
  const asked = entries.map(([, image]) => image).filter(asks);
  const over = new AbortController();
  const client = new RegistryClient({
    registries,
    deadlineMs: asked.every(isPinned) ? tagsWithinMs : deadlineMs,
    signal: signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]),
  });
  const look: Look = {
    withinMs: tagsWithinMs,
    timeUp: timeUpIn(tagsWithinMs),
    ...(platform !== undefined && { read: imageReader(client, platform) }),
  };
  try {
    const ask = client.pass(asked);
    const outcomes = await Promise.all(
      entries.map(async ([service, image]): Promise<Outcome> => {
        if (isPinned(image)) {
          const told = asks(image) ? await lookAt({ service, image }, ask(image), look) : undefined;
          return { service, image, ...(told !== undefined && { told }) };
        }
        const answer = await ask(image);
        if (answer instanceof RegistryError) return { service, image, error: answer };
        return { service, image: pinTo(image, answer) };
      }),
    );
    const failures = outcomes.filter((outcome) => "error" in outcome);
    if (failures.length > 0) {
      const problems = await Promise.all(failures.map((failure) => describe(client, failure)));
      throw new ResolveError(problems, { cause: failures.map(({ error }) => error) });
    }
    const known = outcomes.flatMap((outcome) => ("error" in outcome ? [] : outcome));
    const told = known.flatMap((outcome) => outcome.told ?? []);
    return {
      images: Object.fromEntries(known.map(({ service, image }) => [service, image])),
      moved: told.filter((tag) => "current" in tag),
      unchecked: told.filter((tag) => "reason" in tag),
    };
  } finally {
    // Nobody waits any more for what is still under way.
    over.abort();
    client.close();
  }
}

/** A bare tag that could not be resolved. */
interface Failure {
  readonly service: string;
  readonly image: ImageReference;
  readonly error: RegistryError;
}

interface Known {
  readonly service: string;
  readonly image: PinnedImage;
  /** What a person should know about its tag. */
  readonly told?: MovedTag | UncheckedTag;
}

type Outcome = Known | Failure;

interface Look {
  readonly withinMs: number;
  readonly timeUp: Promise<unknown>;
  readonly read?: ReadImage;
}

/** Nothing where the tag is what the pin says. */
async function lookAt(
  { service, image }: Omit<Known, "told">,
  asked: Promise<Answered>,
  { withinMs, timeUp, read }: Look,
): Promise<MovedTag | UncheckedTag | undefined> {
  const answer = await Promise.race([asked, timeUp.then(() => undefined)]);
  if (answer === undefined) {
    const reason = `${image.registry} had not answered within ${withinMs / 1000} s`;
    return { service, image, reason };
  }
  if (answer instanceof RegistryError) return { service, image, reason: answer.answer };
  if (answer === image.digest) return undefined;
  const tag = { service, image, current: answer };
  return read === undefined ? tag : lookInto(tag, read, timeUp);
}

/** One line for a person. */
export const describeUnchecked = ({ service, image, reason }: UncheckedTag): string =>
  `images.${service}: ${image.name}:${image.tag ?? ""} not checked: ${reason}; the pin stays`;

const describe = async (client: RegistryClient, { service, image, error }: Failure) =>
  `images.${service}: ${error.message}; ${await wayOut(client, image, error)}`;
