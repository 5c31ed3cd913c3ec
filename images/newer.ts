/** Newer versions of an image in its registry's list of tags, in the version scheme and the variant of the image. Pure. */
import type { ImageReference } from "./reference";
import { compareVersions, type Version } from "./tag-version";

/** What may change: the last number, all but the first, or all. */
export type Level = "patch" | "minor" | "major";
export const LEVELS: readonly Level[] = ["patch", "minor", "major"];

interface Tag {
  readonly tag: string;
  /** `v` or nothing. Some publishers have each version with and without it. */
  readonly prefix: string;
  readonly version: Version;
  /** `rc.1`; empty for a release. */
  readonly preRelease: string;
  /** `alpine`, `amd64`; empty without one. */
  readonly variant: string;
}

const TAG = /^(v?)((?:0|[1-9]\d{0,5})(?:\.\d{1,6}){0,3})(?:-([A-Za-z0-9][\w.-]*))?$/;
/** At the start of what follows the numbers: `rc.1-alpine` is a pre-release of the variant `alpine`. */
const PRE_RELEASE =
  /^((?:alpha|beta|pre|preview|rc|exp|nightly|dev|ea|next|snapshot)(?![a-z])(?:[.-]?\d+)*)(?:-(.+))?$/i;

function parse(tag: string): Tag | undefined {
  const match = TAG.exec(tag);
  if (match === null) return undefined;
  const [, prefix = "", numbers = "", suffix = ""] = match;
  const [, preRelease = "", variant = preRelease === "" ? suffix : ""] =
    PRE_RELEASE.exec(suffix) ?? [];
  return { tag, prefix, version: numbers.split(".").map(Number), preRelease, variant };
}

/** Whether the tag of an image is a version that others can be compared with. */
export const hasVersion = ({ tag }: Pick<ImageReference, "tag">): boolean =>
  tag !== undefined && parse(tag) !== undefined;

/** A first number that is so much higher is a date or a build number. */
const MAX_MAJOR_STEP = 20;

/** Publishers whose version numbers say which lines are stable. */
const STABLE_LINES: Readonly<Record<string, (version: Version) => boolean>> = {
  // https://nginx.org/en/download.html: even minor versions are stable, odd ones are the mainline.
  "docker.io/library/nginx": ([, minor = 0]) => minor % 2 === 0,
};

/** Publishers that mark their stable version with another tag, because the highest one is a pre-release for a while. */
const STABLE_TAGS: Readonly<Record<string, string>> = {
  "docker.io/n8nio/n8n": "stable",
  "docker.n8n.io/n8nio/n8n": "stable",
  "ghcr.io/n8n-io/n8n": "stable",
  "docker.io/n8nio/runners": "stable",
};

const nameOf = ({
  registry,
  repository,
}: Pick<ImageReference, "registry" | "repository">): string => `${registry}/${repository}`;

/** The tag that names the stable version, if the publisher has one. */
export const stableTag = (image: Pick<ImageReference, "registry" | "repository">) =>
  STABLE_TAGS[nameOf(image)];

type TaggedImage = Pick<ImageReference, "registry" | "repository" | "tag">;

/** Newer tags of the image within the level, the newest first. Empty for a tag without a version, such as `latest`. */
export function newerTags(
  image: TaggedImage,
  tags: readonly string[],
  level: Level,
): readonly string[] {
  const current = parse(image.tag ?? "");
  if (current === undefined) return [];
  const parsed = tags.flatMap((tag) => parse(tag) ?? []);
  const { length } = current.version;
  // Patches of `1.27-alpine` come under the same tag where the publisher has `1.27.5-alpine`; those of `16.15-alpine` do not.
  const hasPatches = parsed.some(
    ({ version }) =>
      version.length > length && current.version.every((number, at) => number === version[at]),
  );
  // Of `16-alpine` and `16.15-alpine`, each stays as precise as it is.
  const patch = hasPatches ? length : Math.max(1, length - 1);
  const fixed = { major: 0, minor: 1, patch }[level];
  return laterReleases(image, current, parsed)
    .filter(
      ({ version, variant }) =>
        variant === current.variant &&
        version.slice(0, fixed).every((number, index) => number === current.version[index]),
    )
    .map(({ tag }) => tag);
}

/**
 * The newest tag of another variant, if the image's own variant has none that is as high: `1.30.0-alpine3.23` for
 * `1.28.0-alpine3.20`. Nobody but a person can tell whether it is a successor. Undefined for an image without a variant.
 */
export function inOtherVariant(image: TaggedImage, tags: readonly string[]): string | undefined {
  const current = parse(image.tag ?? "");
  if (current === undefined || current.variant === "") return undefined;
  const later = laterReleases(
    image,
    current,
    tags.flatMap((tag) => parse(tag) ?? []),
  );
  const [highest] = later;
  if (highest === undefined) return undefined;
  const best = later.filter(({ version }) => compareVersions(version, highest.version) === 0);
  if (best.some(({ variant }) => variant === current.variant)) return undefined;
  return best
    .map(({ tag, variant }) => ({ tag, alike: sharedStart(variant, current.variant) }))
    .sort((one, other) => other.alike - one.alike)[0]?.tag;
}

/** All later releases in the version scheme of the current tag, the newest first. */
function laterReleases(image: TaggedImage, current: Tag, parsed: readonly Tag[]): readonly Tag[] {
  const isStable = STABLE_LINES[nameOf(image)];
  const onlyStable = isStable?.(current.version) === true;
  return parsed
    .filter(
      ({ prefix, version, preRelease }) =>
        prefix === current.prefix &&
        version.length === current.version.length &&
        preRelease === "" &&
        (version[0] ?? 0) <= (current.version[0] ?? 0) + MAX_MAJOR_STEP &&
        (compareVersions(version, current.version) > 0 ||
          // A release follows its own pre-releases.
          (current.preRelease !== "" && compareVersions(version, current.version) === 0)) &&
        (!onlyStable || isStable(version)),
    )
    .sort((one, other) => compareVersions(other.version, one.version));
}

/** How many characters two variants have in common at their start. */
function sharedStart(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}
