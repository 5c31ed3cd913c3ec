/** Which of two tags names the newer version, as far as tags say. Pure. */
import { tagVersion, Version } from "./tag-version";

/**
 * `unclear` is one of two that are equal as far as both go: `v3.6` may be before and after `v3.6.4`. A tag without a
 * version, such as `latest`, counts as newer than anything, and so does another variant of the same version (`-alpine`).
 */
export function tagOrder(before: string, after: string): "newer" | "older" | "unclear" {
  const [old, now] = [tagVersion(before), tagVersion(after)];
  if (old === undefined || now === undefined) return "newer";
  const common = Math.min(old.length, now.length);
  const order =
    sign(old.slice(0, common), now.slice(0, common)) ||
    (old.length === now.length ? sign(release(before), release(after)) : undefined);
  return order === undefined ? "unclear" : order < 0 ? "older" : "newer";
}

/** In their order before the version itself (https://semver.org, items 9 and 11). Any other suffix is a variant. */
const PRE_RELEASES = ["alpha", "beta", "pre", "preview", "rc"];
const PRE_RELEASE = new RegExp(
  `^v?[\\d.]+[-.]?(${PRE_RELEASES.join("|")})(?![a-z])[-.]?(\\d{0,9})`,
  "i",
);

/** Numbers that are greater for what was released later. */
function release(tag: string): Version {
  const [, name, number] = PRE_RELEASE.exec(tag) ?? [];
  return name === undefined
    ? [PRE_RELEASES.length, 0]
    : [PRE_RELEASES.indexOf(name.toLowerCase()), Number(number)];
}

/** Negative when the second list, of the same length, is less than the first. */
const sign = (before: Version, after: Version): number =>
  after.map((number, index) => number - (before[index] ?? 0)).find((step) => step !== 0) ?? 0;
