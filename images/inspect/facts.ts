/**
 * Extracts the metadata of an image from the bytes of its index, manifest and configuration. Pure.
 * https://github.com/opencontainers/image-spec (image-index.md, manifest.md, config.md, annotations.md)
 */

import { z } from "zod";
import { Redactor } from "../../text/redact";
import { texts } from "../json";
import { formatPlatform, isPlatformPart, runnablePlatforms, listNames } from "../platform";
import { isDigest, type Digest } from "../reference";
import { DOCKER_MANIFEST, isIndexType, OCI_MANIFEST, type Manifest } from "../registry/manifests";

/** Metadata of an image for one platform. Texts come from the publisher: printable, but not verified. */
export interface ImageFacts {
  /** The digest to pin: that of the index, or of the manifest of an image without an index. */
  readonly digest: Digest;
  /** The manifest for the host's platform. */
  readonly manifest: Digest;
  /** All platforms of the image, sorted. */
  readonly platforms: readonly string[];
  /** Build date; `undefined` if missing or a placeholder. */
  readonly created: Date | undefined;
  readonly version: string | undefined;
  readonly revision: string | undefined;
  /** The revision from annotations only. Labels may be inherited from the base image, annotations are not. */
  readonly ownRevision: string | undefined;
  readonly base: BaseImage | undefined;
  /** Compressed size of the configuration and all layers. */
  readonly bytes: number;
  /** Whether the index has a BuildKit attestation (provenance or SBOM) for this manifest. Its content is not verified. */
  readonly attested: boolean;
  readonly defaults: ImageDefaults;
}

/** What a container of an image is unless it is told otherwise. Malformed values are left out. */
export interface ImageDefaults {
  /** As in the Dockerfile: a name or a number, with or without a group; empty for root. */
  readonly user: string;
  /** TCP ports, in order. */
  readonly ports: readonly number[];
  /** Paths of volumes, sorted. */
  readonly volumes: readonly string[];
  readonly healthCheck: boolean;
}

export interface BaseImage {
  readonly name: string | undefined;
  readonly digest: Digest | undefined;
}

/** Not a usable image, or none for the host's platform. The message continues the name of the image. */
export class UnfitImageError extends Error {
  override readonly name = "UnfitImageError";
}

/** The manifest for the host's platform, with what the index says about it. */
export interface ChosenManifest {
  readonly digest: Digest;
  readonly platforms: readonly string[];
  /** Whether the index states its platform. Otherwise only the configuration does. */
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

const digest = z.custom<Digest>(isDigest);
// A set, which the format writes as a map of empty maps.
const keys = z
  .record(z.string(), z.unknown())
  .transform((map) => Object.keys(map))
  .catch([]);
const platformParts = {
  os: z.string().refine(isPlatformPart),
  architecture: z.string().refine(isPlatformPart),
  variant: z.literal("").or(z.string().refine(isPlatformPart)).optional(),
};
/** Upper limit for sizes, 1 PiB: no real image is larger. */
const MAX_BYTES = 2 ** 50;
const descriptor = z.object({
  mediaType: z.string().default(""),
  digest,
  size: z.number().int().min(0).max(MAX_BYTES),
  platform: z.object(platformParts).optional().catch(undefined),
  annotations: texts,
});
const indexShape = z.object({
  // Skips malformed entries and those with another hash algorithm.
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
  config: z
    .object({
      Labels: texts,
      User: z.string().catch(""),
      ExposedPorts: keys,
      Volumes: keys,
      Healthcheck: z
        .object({ Test: z.array(z.string()) })
        .optional()
        .catch(undefined),
    })
    .catch({ Labels: {}, User: "", ExposedPorts: [], Volumes: [], Healthcheck: undefined }),
});

const IMAGE_CONFIGS: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
]);
const MANIFESTS: ReadonlySet<string> = new Set([OCI_MANIFEST, DOCKER_MANIFEST, ""]);

/**
 * Selects the manifest for the host's platform. Throws an {@link UnfitImageError} if there is none. For an image without an
 * index, {@link factsOf} checks the platform.
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
    runnablePlatforms(platform)
      .map((wanted) => named.find(({ name }) => name === wanted))
      .find((image) => image !== undefined) ??
    // Some single-platform builds state the platform only in the configuration.
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

/** Parses the manifest of one platform. Throws an {@link UnfitImageError} for anything but an image. */
export function readContent({ mediaType, bytes }: Manifest): ImageContent {
  if (isIndexType(mediaType)) throw new UnfitImageError("is a nested index");
  const { config, layers, annotations } = parse(manifestShape, bytes, "an image manifest");
  if (!IMAGE_CONFIGS.has(config.mediaType))
    throw new UnfitImageError(`is ${redactor.quote(config.mediaType)}, not an image`);
  return {
    config: config.digest,
    bytes: layers.reduce((sum, { size }) => sum + size, config.size),
    annotations,
  };
}

/** Combines the metadata. Throws an {@link UnfitImageError} if the configuration is malformed or for another platform. */
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
  if (!chosen.named && !runnablePlatforms(platform).includes(own))
    throw noPlatform(platform, platforms);
  const annotations = { ...chosen.annotations, ...content.annotations };
  // Annotations take precedence, because labels may be inherited from the base image.
  const metadata: Annotations = { ...config.config.Labels, ...annotations };
  return {
    digest: pinned,
    manifest: chosen.digest,
    platforms,
    created: readDate(config.created) ?? readDate(metadata[`${OCI}created`]),
    version: readText(metadata[`${OCI}version`]),
    revision: readText(metadata[`${OCI}revision`]),
    ownRevision: readText(annotations[`${OCI}revision`]),
    base: baseOf(metadata),
    bytes: content.bytes,
    attested: chosen.attested,
    defaults: defaultsOf(config.config),
  };
}

const USER = /^[\w.-]{1,64}(?::[\w.-]{1,64})?$/;
const FOLDER = /^(?:\/[\w.@+-]{1,255}){1,20}$/;

function defaultsOf({
  User,
  ExposedPorts,
  Volumes,
  Healthcheck,
}: z.output<typeof configShape>["config"]): ImageDefaults {
  const ports = ExposedPorts.flatMap((port) => /^(\d{1,5})(?:\/tcp)?$/.exec(port)?.[1] ?? []);
  return {
    user: USER.test(User) ? User : "",
    ports: ports
      .map(Number)
      .filter((port) => port >= 1 && port <= 65535)
      .sort((a, b) => a - b),
    volumes: Volumes.filter((path) => FOLDER.test(path)).sort(),
    healthCheck: !["NONE", undefined].includes(Healthcheck?.Test[0]),
  };
}

const OCI = "org.opencontainers.image.";

function baseOf(metadata: Annotations): BaseImage | undefined {
  const name = readText(metadata[`${OCI}base.name`]);
  const base = metadata[`${OCI}base.digest`];
  return name === undefined && !isDigest(base)
    ? undefined
    : { name, digest: isDigest(base) ? base : undefined };
}

/** Docker's first release. Reproducible builds use earlier dates as placeholders. */
const FIRST_IMAGE = Date.parse("2013-03-20T00:00:00Z");
const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

function readDate(text: string | undefined): Date | undefined {
  if (text === undefined || !RFC_3339.test(text)) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) || time < FIRST_IMAGE ? undefined : new Date(time);
}

const redactor = new Redactor();

function readText(text: string | undefined): string | undefined {
  const clean = redactor.clean(text ?? "");
  return PLACEHOLDER.test(clean) ? undefined : clean;
}

/** Placeholder values of build scripts. They must not count as equal versions or revisions. */
const PLACEHOLDER = /^(?:unknown|none|null|undefined|n\/a|-)?$/i;

const noPlatform = (platform: string, platforms: readonly string[]): UnfitImageError =>
  new UnfitImageError(
    `has no manifest for ${platform}, only for ${platforms.length === 0 ? "unnamed platforms" : listNames(platforms)}`,
  );

function parse<S extends z.ZodType>(shape: S, bytes: Buffer, what: string): z.output<S> {
  try {
    return shape.parse(JSON.parse(bytes.toString("utf8")));
  } catch (cause) {
    throw new UnfitImageError(`is not ${what}, contrary to its media type`, { cause });
  }
}
