/** Version numbers in tags: `v0.49.1`, `2.19.5-alpine`, `16-alpine`. Pure. */

/** The components of a version number: `2.19.5` is `[2, 19, 5]`. */
export type Version = readonly number[];

/** The version at the start of a tag; `undefined` for tags such as `latest`, and without a tag. */
export function tagVersion(tag: string | undefined): Version | undefined {
  const match = /^v?(\d{1,6}(?:\.\d{1,6}){0,3})(?!\d)/.exec(tag ?? "");
  return match?.[1]?.split(".").map(Number);
}

/** Whether the version of a tag is lower than `than`. A tag without a version counts as newer. */
export function isOlder(tag: string | undefined, than: Version): boolean {
  const version = tagVersion(tag);
  return (
    version !== undefined &&
    compareVersions(
      than.map((_, index) => version[index] ?? 0),
      than,
    ) < 0
  );
}

/** Negative if `one` is lower. Both must have the same length. */
export const compareVersions = (one: Version, other: Version): number =>
  one.map((number, index) => number - (other[index] ?? 0)).find((step) => step !== 0) ?? 0;

/**
 * Whether `after` is newer or older than `before`. `unclear` if one version is a prefix of the other: `v3.6` may be older or
 * newer than `v3.6.4`. Tags without a version (`latest`) and other variants of the same version (`-alpine`) count as newer.
 */
export function tagOrder(before: string, after: string): "newer" | "older" | "unclear" {
  const [old, now] = [tagVersion(before), tagVersion(after)];
  if (old === undefined || now === undefined) return "newer";
  const common = Math.min(old.length, now.length);
  const order = compareVersions(now.slice(0, common), old.slice(0, common));
  if (order === 0 && old.length !== now.length) return "unclear";
  return (order || compareVersions(releaseRank(after), releaseRank(before))) < 0
    ? "older"
    : "newer";
}

/** Pre-release identifiers in ascending order (https://semver.org, items 9 and 11). Any other suffix is a variant. */
const PRE_RELEASES = ["alpha", "beta", "pre", "preview", "rc"];
const PRE_RELEASE = new RegExp(
  `^v?[\\d.]+[-.]?(${PRE_RELEASES.join("|")})(?![a-z])[-.]?(\\d{0,9})`,
  "i",
);

function releaseRank(tag: string): Version {
  const [, name, number] = PRE_RELEASE.exec(tag) ?? [];
  return name === undefined
    ? [PRE_RELEASES.length, 0]
    : [PRE_RELEASES.indexOf(name.toLowerCase()), Number(number)];
}
