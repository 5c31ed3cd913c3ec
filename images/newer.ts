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
  /** `alpine`, `amd64`; empty without one. A pre-release is no variant. */
  readonly variant: string;
}

const TAG = /^(v?)(\d{1,6}(?:\.\d{1,6}){0,3})(?:-([A-Za-z0-9][\w.-]*))?$/;
const PRE_RELEASE = /^(?:alpha|beta|pre|preview|rc|exp|nightly|dev|ea|next|snapshot)(?![a-z])/i;

function parse(tag: string): Tag | undefined {
  const match = TAG.exec(tag);
  if (match === null) return undefined;
  const [, prefix = "", numbers = "", variant = ""] = match;
  return { tag, prefix, version: numbers.split(".").map(Number), variant };
}

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

/** Newer tags of the image within the level, the newest first. Empty for a tag without a version, such as `latest`. */
export function newerTags(
  image: Pick<ImageReference, "registry" | "repository" | "tag">,
  tags: readonly string[],
  level: Level,
): readonly string[] {
  const current = image.tag === undefined ? undefined : parse(image.tag);
  if (current === undefined) return [];
  const isStable = STABLE_LINES[nameOf(image)];
  const onlyStable = isStable?.(current.version) === true;
  const wasPreRelease = PRE_RELEASE.test(current.variant);
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
  return parsed
    .filter(
      ({ prefix, version, variant }) =>
        prefix === current.prefix &&
        version.length === current.version.length &&
        // A release follows its own pre-releases.
        (wasPreRelease ? variant === "" : variant === current.variant) &&
        version.slice(0, fixed).every((number, index) => number === current.version[index]) &&
        (version[0] ?? 0) <= (current.version[0] ?? 0) + MAX_MAJOR_STEP &&
        (compareVersions(version, current.version) > 0 ||
          (wasPreRelease && compareVersions(version, current.version) === 0)) &&
        (!onlyStable || isStable(version)),
    )
    .sort((one, other) => compareVersions(other.version, one.version))
    .map(({ tag }) => tag);
}
