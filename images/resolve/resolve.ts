/** Resolves bare tags to digests, and checks whether the tags of pinned images have moved. */

import { UserError } from "../../text/user-error";
import { imageReader } from "../inspect/reader";
import { isPinned, pinTo, type ImageReference, type PinnedImage } from "../reference";
import {
  RegistryClient,
  RegistryError,
  type Registries,
  type RegistryErrorCode,
} from "../registry/client";
import { remedy } from "../registry/remedy";
import { timeUpIn, withChange, type MovedTag } from "./moved-tags";

/** Images by service. */
export type Images<I extends ImageReference = ImageReference> = Readonly<Record<string, I>>;

export interface ResolveOptions {
  readonly registries: Registries;
  /** Whether to check the tags of pinned images. If false, a fully pinned stack makes no connections. */
  readonly checkTags: boolean;
  /** Deadline for resolving bare tags, for all registries together, in ms. Default 20 000. */
  readonly deadlineMs?: number;
  /** Deadline for checking the tags of pinned images and classifying moved ones, in ms. Default 4000. */
  readonly tagsWithinMs?: number;
  /** The host's platform, `linux/amd64`, to classify moved tags. Default: they are not classified. */
  readonly platform?: string;
  /** Services that rely on the health check of their image, which is read then. Needs `platform`. Default: none. */
  readonly ownHealthChecks?: readonly string[];
  /** Aborts the resolution. */
  readonly signal?: AbortSignal;
}

const DEADLINE_MS = 20_000;
const TAGS_WITHIN_MS = 4_000;

/** A pinned image whose tag or health check could not be checked. The pin is deployed. */
export interface UncheckedTag {
  readonly service: string;
  readonly image: PinnedImage;
  /** The answer of the registry, or that there was none. */
  readonly reason: string;
  /** Whether there was no connection or no answer at all. */
  readonly unreachable: boolean;
}

export interface Resolution {
  /** One for each configured image, in the same order. */
  readonly images: Images<PinnedImage>;
  readonly moved: readonly MovedTag[];
  readonly unchecked: readonly UncheckedTag[];
}

/** Bare tags that could not be resolved, and images without the health check that they need, one per line. */
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
 * Resolves bare tags and, with `checkTags`, checks the tags of pinned images. Queries all registries in parallel. Throws a
 * {@link ResolveError} that lists all bare tags that failed, and all images that lack a health check. Pinned images whose check failed are returned as `unchecked`.
 */
export async function resolveImages(images: Images, options: ResolveOptions): Promise<Resolution> {
  const { registries, checkTags, platform, ownHealthChecks = [], signal } = options;
  const { deadlineMs = DEADLINE_MS, tagsWithinMs = TAGS_WITHIN_MS } = options;
  const needsLookup = (image: ImageReference): boolean =>
    !isPinned(image) || (checkTags && image.tag !== undefined);
  const lookedUp = Object.values(images).filter(needsLookup);
  const done = new AbortController();
  const client = new RegistryClient({
    registries,
    deadlineMs: lookedUp.every(isPinned) ? tagsWithinMs : deadlineMs,
    signal: signal === undefined ? done.signal : AbortSignal.any([signal, done.signal]),
  });
  const read = platform === undefined ? undefined : imageReader(client, platform);
  const timeUp = timeUpIn(tagsWithinMs);
  const late = ({ registry }: ImageReference): string =>
    `${registry} did not answer within ${tagsWithinMs / 1000} s`;
  try {
    const lookup = client.lookup(lookedUp);
    const resolve = async (service: string, image: ImageReference): Promise<Outcome> => {
      if (!isPinned(image)) {
        const digest = await lookup(image);
        if (!(digest instanceof RegistryError)) return { service, image: pinTo(image, digest) };
        const problem = `images.${service}: ${digest.message}; ${remedy(image, digest)}`;
        return { problem, error: digest };
      }
      if (!needsLookup(image)) return { service, image };
      const current = await Promise.race([lookup(image), timeUp.then(() => undefined)]);
      if (current === undefined || current instanceof RegistryError) {
        const unreachable = current === undefined || UNREACHABLE.has(current.code);
        const reason = current?.answer ?? late(image);
        return { service, image, tag: { service, image, reason, unreachable } };
      }
      if (current === image.digest) return { service, image };
      const tag = { service, image, current };
      return {
        service,
        image,
        tag: read === undefined ? tag : await withChange(tag, read, timeUp),
      };
    };
    const withHealth = async (outcome: Outcome): Promise<Outcome> => {
      if (read === undefined || "problem" in outcome) return outcome;
      const { service, image, tag } = outcome;
      if (!ownHealthChecks.includes(service)) return outcome;
      const reading = await Promise.race([read(image, image.digest), timeUp.then(() => undefined)]);
      if (reading !== undefined && "facts" in reading)
        return reading.facts.defaults.healthCheck
          ? outcome
          : { problem: noHealthCheck(service, image) };
      if (tag !== undefined) return outcome;
      const reason = `its health check is unknown: ${reading?.reason ?? late(image)}`;
      return { ...outcome, tag: { service, image, reason, unreachable: reading === undefined } };
    };
    const outcomes = await Promise.all(
      Object.entries(images).map(async ([service, image]) =>
        withHealth(await resolve(service, image)),
      ),
    );
    const failures = outcomes.filter((outcome) => "problem" in outcome);
    if (failures.length > 0)
      throw new ResolveError(
        failures.map(({ problem }) => problem),
        { cause: failures.flatMap(({ error }) => error ?? []) },
      );
    const resolved = outcomes.filter((outcome) => "image" in outcome);
    const tags = resolved.flatMap(({ tag }) => tag ?? []);
    return {
      images: Object.fromEntries(resolved.map(({ service, image }) => [service, image])),
      moved: tags.filter((tag) => "current" in tag),
      unchecked: tags.filter((tag) => "reason" in tag),
    };
  } finally {
    // Aborts requests whose results are no longer needed.
    done.abort();
    client.close();
  }
}

type Outcome =
  | { readonly problem: string; readonly error?: RegistryError }
  | {
      readonly service: string;
      readonly image: PinnedImage;
      /** A moved or unchecked tag. */
      readonly tag?: MovedTag | UncheckedTag;
    };

/** Docker would never say that the container is healthy. */
const noHealthCheck = (service: string, { name, tag, digest }: PinnedImage): string =>
  `services.${service}.healthcheck: ${name}${tag === undefined ? "" : `:${tag}`}@${digest} has no health check of its own (HEALTHCHECK); write healthcheck: { test: [CMD, program, argument] }, or leave it out with an exemption healthCheck and its reason`;

const UNREACHABLE: ReadonlySet<RegistryErrorCode> = new Set(["unavailable", "timeout", "aborted"]);

/** A warning per image; a single one, without `service`, for all that failed because of the network. */
export function uncheckedWarnings(
  unchecked: readonly UncheckedTag[],
): { readonly service?: string; readonly message: string }[] {
  const dead = unchecked.filter(({ unreachable }) => unreachable);
  const single = dead.length < 2 ? unchecked : unchecked.filter((tag) => !dead.includes(tag));
  return [
    ...(dead.length < 2 ? [] : [{ message: describeDead(dead) }]),
    ...single.map((tag) => ({ service: tag.service, message: describeUnchecked(tag) })),
  ];
}

function describeDead(dead: readonly UncheckedTag[]): string {
  const names = dead.map(({ service }) => service).join(", ");
  const reasons = [...new Set(dead.map(({ reason }) => reason))].join("; ");
  return `images of ${names} not checked: ${reasons}; the pins stay; check the network`;
}

/** A warning on one line. */
const describeUnchecked = ({ service, image, reason }: UncheckedTag): string =>
  `images.${service}: ${image.name}${image.tag === undefined ? "" : `:${image.tag}`} not checked: ${reason}; the pin stays`;
