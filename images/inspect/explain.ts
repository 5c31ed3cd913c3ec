/** Classifies an image update. Pure. */

import type { ImageFacts } from "./facts";
import type { Reading } from "./reader";

/**
 * - `platform-noop`: another index, but the same manifest for the host's platform. Nothing needs a restart.
 * - `rebuild`: the same tag and, according to the image's annotations, the same source revision.
 * - `retagged`: the same tag now names another version or revision. Review it.
 * - `upgrade`: the tag itself changed.
 * - `unknown`: the metadata is not sufficient, or one of the images could not be read.
 */
export type ChangeKind = "platform-noop" | "rebuild" | "retagged" | "upgrade" | "unknown";

export interface Explanation {
  readonly kind: ChangeKind;
  /** The reason, to be shown as `<kind>: <why>`. */
  readonly why: string;
}

/** @param newTag whether the tag itself changed */
export function explain(before: Reading, after: Reading, newTag: boolean): Explanation {
  if (!newTag) return compare(before, after);
  const same = "facts" in before && "facts" in after && isSame(before.facts, after.facts);
  return { kind: "upgrade", why: same ? "another tag of the same image" : "another tag" };
}

const isSame = (before: ImageFacts, after: ImageFacts): boolean =>
  before.manifest === after.manifest;

function compare(before: Reading, after: Reading): Explanation {
  if ("missing" in after) return unknown(`the new image ${describeMissing(after)}`);
  if ("missing" in before) return unknown(`the old image ${describeMissing(before)}`);
  const [old, now] = [before.facts, after.facts];
  if (isSame(old, now))
    return { kind: "platform-noop", why: "only manifests for other platforms changed" };
  const names = ["version", "revision"] as const;
  const other = names.filter((name) => differ(old[name], now[name]) === true);
  if (other.length > 0)
    return { kind: "retagged", why: `same tag, different ${other.join(" and ")}` };
  const sameVersion = differ(old.version, now.version) === false;
  // Only an annotation proves the same source: the label may be inherited from the base image.
  if (differ(old.ownRevision, now.ownRevision) === false)
    return {
      kind: "rebuild",
      why: sameVersion ? "the same version and revision" : "the same revision",
    };
  if (differ(old.revision, now.revision) === false)
    return unknown("the same revision, but in a label that may be inherited from the base image");
  return unknown(
    sameVersion
      ? "the same version, but the revision is missing in at least one image"
      : "the version and the revision are missing in at least one image",
  );
}

const unknown = (why: string): Explanation => ({ kind: "unknown", why });

/** Whether two values differ; `undefined` if one of them is missing. */
const differ = (before: string | undefined, after: string | undefined): boolean | undefined =>
  before === undefined || after === undefined ? undefined : before !== after;

/** The reason for a missing reading, to follow "the old image" or "the new image". */
export function describeMissing({ missing, reason }: Extract<Reading, { missing: string }>) {
  switch (missing) {
    case "gone":
      return `is no longer in the registry: ${reason}`;
    case "unfit":
      return reason;
    case "unread":
      return `could not be read: ${reason}`;
  }
}
