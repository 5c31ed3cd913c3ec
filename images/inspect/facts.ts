/**
 * What an image says of itself, from the bytes of its index, its manifest and its configuration. Pure.
 * https://github.com/opencontainers/image-spec (image-index.md, manifest.md, config.md, annotations.md)
 */

import { z } from "zod";
import type { Manifest } from "../registry/manifests";
import { DOCKER_MANIFEST, isIndexType, OCI_MANIFEST } from "../registry/media-types";
import { formatPlatform, isPlatformPart, runnable, some } from "../platform";
import { parseDigest, type Digest } from "../reference";
import { Redactor } from "../../text/redact";

/** An image as the host will run it. Texts are the publisher's word, made printable; nobody has verified them. */
export interface ImageFacts {
  /** What a pin names: the index, or the manifest where there is no index. */
  readonly digest: Digest;
  /** The manifest for the host's platform. */
  readonly manifest: Digest;
  /** All platforms there are, sorted; without those whose name is none. */
  readonly platforms: readonly string[];
  /** When it was built; absent where that is not said, or is a date that stands for none. */
  readonly created?: Date;
  readonly version?: string;
  readonly revision?: string;
  /** The same, where it cannot be the base image's: an image inherits labels, and no annotations. */
  readonly ownRevision?: string;
  readonly base?: BaseImage;
  /** Compressed: what a host without any of its layers downloads. */
  readonly bytes: number;
  /**
   * Whether the index holds an attestation for this manifest: provenance or SBOM, as BuildKit stores them. They are not
   * signed; their integrity is the digest's, their truth is the registry's word.
   */
  readonly attested: boolean;
}

export interface BaseImage {
  readonly name?: string;
  readonly digest?: Digest;
}

/** The image is not one, or none for this host. The message says what was expected; the image is the caller's to name. */
export class UnfitImageError extends Error {
  override readonly name = "UnfitImageError";
}

/** A manifest of the index, for the host's platform, with all the index says about it. */
export interface ChosenManifest {
  readonly digest: Digest;
  readonly platforms: readonly string[];
  /** Absent for an image without an index, whose platform only its configuration tells. */
  readonly named: boolean;
  readonly annotations: Annotations;
  readonly attested: boolean;
}

export interface ImageContent {
  readonly config: Digest;
  readonly bytes: number;
  readonly annotations: Annotations;
}

type Annotations = Readonly<Record<string, string>>;

const digest = z.string().transform((text, context) => {
  try {
    return parseDigest(text);
  } catch {
    context.addIssue({ code: "custom", message: "no digest" });
    return z.NEVER;
  }
});
// A map with one value that is no text is no reason to go without the others.
const texts = z
  .record(z.string(), z.unknown())
  .transform((map) =>
    Object.fromEntries(
      Object.entries(map).filter(
        (entry): entry is [string, string] => typeof entry[1] === "string",
      ),
    ),
  )
  .catch({});
const platformParts = {
  os: z.string().refine(isPlatformPart),
  architecture: z.string().refine(isPlatformPart),
  variant: z.literal("").or(z.string().refine(isPlatformPart)).optional(),
};
/** A petabyte: more is a lie. */
const MOST_BYTES = 2 ** 50;
const descriptor = z.object({
  mediaType: z.string().default(""),
  digest,
  size: z.number().int().min(0).max(MOST_BYTES),
  platform: z.object(platformParts).optional().catch(undefined),
  annotations: texts,
});
const indexShape = z.object({
  // An entry that nobody here can read, of another hash for example, takes nothing from the others.
  manifests: z
    .array(descriptor.optional().catch(undefined))
    .refine((all) => all.length === 0 || all.some((each) => each !== undefined))
    .transform((all) => all.filter((each) => each !== undefined)),
  annotations: texts,
});
const manifestShape = z.object({
  config: descriptor,
  layers: z.array(descriptor),
  annotations: texts,
});
const configShape = z.object({
  ...platformParts,
  created: z.string().optional().catch(undefined),
  config: z.object({ Labels: texts }).catch({ Labels: {} }),
});

const IMAGE_CONFIGS: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
]);
const MANIFESTS: ReadonlySet<string> = new Set([OCI_MANIFEST, DOCKER_MANIFEST, ""]);

/**
 * The manifest for the host's platform. Throws an {@link UnfitImageError} where there is none; the platform of an image
 * without index is checked by {@link factsOf}.
 */
export function chooseManifest(top: Manifest, platform: string): ChosenManifest {
  if (!isIndexType(top.mediaType))
    return { digest: top.digest, platforms: [], named: false, annotations: {}, attested: false };
  const { manifests, annotations } = parse(indexShape, top.bytes, "an image index");
  const images = manifests.filter(
    ({ mediaType, annotations: { [REFERENCE_TYPE]: type } }) =>
      MANIFESTS.has(mediaType) && type === undefined,
  );
  const named = images.flatMap((image) =>
    image.platform === undefined || image.platform.os === "unknown"
      ? []
      : [{ ...image, name: formatPlatform(image.platform) }],
  );
  const platforms = [...new Set(named.map(({ name }) => name))].sort();
  const chosen =
    runnable(platform)
      .map((wanted) => named.find(({ name }) => name === wanted))
      .find((image) => image !== undefined) ??
    // Tools that build for one platform alone may not name it; the configuration does.
    (named.length === 0 && images.length === 1 ? images[0] : undefined);
  if (chosen === undefined) throw noPlatform(platform, platforms);
  return {
    digest: chosen.digest,
    platforms,
    named: named.length > 0,
    annotations: { ...annotations, ...chosen.annotations },
    attested: manifests.some(
      ({ annotations: of }) =>
        of[REFERENCE_TYPE] === "attestation-manifest" && of[REFERENCE_DIGEST] === chosen.digest,
    ),
  };
}

// https://docs.docker.com/build/metadata/attestations/attestation-storage/
const REFERENCE_TYPE = "vnd.docker.reference.type";
const REFERENCE_DIGEST = "vnd.docker.reference.digest";

/** What the manifest of one platform consists of. Throws an {@link UnfitImageError} for what is no image. */
export function readContent({ mediaType, bytes }: Manifest): ImageContent {
  if (isIndexType(mediaType)) throw new UnfitImageError("is an index inside an index");
  const { config, layers, annotations } = parse(manifestShape, bytes, "an image manifest");
  if (!IMAGE_CONFIGS.has(config.mediaType))
    throw new UnfitImageError(`is no image but ${words.quote(config.mediaType)}`);
  return {
    config: config.digest,
    bytes: layers.reduce((sum, { size }) => sum + size, config.size),
    annotations,
  };
}

/** Throws an {@link UnfitImageError} where the configuration is none, or one for another platform. */
export function factsOf(
  pinned: Digest,
  chosen: ChosenManifest,
  content: ImageContent,
  configBytes: Buffer,
  platform: string,
): ImageFacts {
  const config = parse(configShape, configBytes, "an image configuration");
  const own = formatPlatform(config);
  const platforms = chosen.named ? chosen.platforms : [own];
  if (!chosen.named && !runnable(platform).includes(own)) throw noPlatform(platform, platforms);
  const annotations = { ...chosen.annotations, ...content.annotations };
  // Labels come last: an image inherits those of its base, and its own build may have set none.
  const said: Annotations = { ...config.config.Labels, ...annotations };
  const created = readDate(config.created) ?? readDate(said[`${OCI}created`]);
  const base = baseOf(said);
  const version = readText(said[`${OCI}version`]);
  const revision = readText(said[`${OCI}revision`]);
  const ownRevision = readText(annotations[`${OCI}revision`]);
  return {
    digest: pinned,
    manifest: chosen.digest,
    platforms,
    ...(created !== undefined && { created }),
    ...(version !== undefined && { version }),
    ...(revision !== undefined && { revision }),
    ...(ownRevision !== undefined && { ownRevision }),
    ...(base !== undefined && { base }),
    bytes: content.bytes,
    attested: chosen.attested,
  };
}

const OCI = "org.opencontainers.image.";

function baseOf(said: Annotations): BaseImage | undefined {
  const name = readText(said[`${OCI}base.name`]);
  const parsed = digest.safeParse(said[`${OCI}base.digest`]);
  if (name === undefined && !parsed.success) return undefined;
  return { ...(name !== undefined && { name }), ...(parsed.success && { digest: parsed.data }) };
}

/** Docker's first release: an earlier date is one that reproducible builds put in the place of the real one. */
const FIRST_IMAGE = Date.parse("2013-03-20T00:00:00Z");
const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

function readDate(text: string | undefined): Date | undefined {
  if (text === undefined || !RFC_3339.test(text)) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) || time < FIRST_IMAGE ? undefined : new Date(time);
}

const words = new Redactor();

function readText(text: string | undefined): string | undefined {
  const clean = words.clean(text ?? "");
  return SAYS_NOTHING.test(clean) ? undefined : clean;
}

/** What build scripts put where they know nothing: two images that say so have nothing in common. */
const SAYS_NOTHING = /^(?:unknown|none|null|undefined|n\/a|-)?$/i;

const noPlatform = (platform: string, platforms: readonly string[]): UnfitImageError =>
  new UnfitImageError(
    `is not there for ${platform}, only for ${platforms.length === 0 ? "platforms it does not name" : some(platforms)}`,
  );

function parse<S extends z.ZodType>(shape: S, bytes: Buffer, what: string): z.output<S> {
  try {
    return shape.parse(JSON.parse(bytes.toString("utf8")));
  } catch (cause) {
    throw new UnfitImageError(`is not ${what}, though its type says so`, { cause });
  }
}
