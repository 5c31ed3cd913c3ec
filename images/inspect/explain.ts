/** Classifies the change from one image to another. Pure. */

import type { ImageFacts } from "./facts";
import type { Reading } from "./reader";

/**
 * - `platform-noop`: another index, but the same manifest for the host's platform. No reason to restart anything.
 * - `rebuild`: the same tag and, by the image's own word, the same revision, built again.
 * - `retagged`: the same tag is another version or revision now. Look twice.
 * - `upgrade`: the text of the tag changed.
 * - `unknown`: the images do not say enough, or one of them could not be read.
 */
export type ChangeKind = "platform-noop" | "rebuild" | "retagged" | "upgrade" | "unknown";

export interface Explanation {
  readonly kind: ChangeKind;
  /** The reason, as it reads after the kind and a colon. */
  readonly why: string;
}

/** @param newTag whether the text of the tag changed */
export function explain(before: Reading, after: Reading, newTag: boolean): Explanation {
  if (!newTag) return compare(before, after);
  // People chose the tag; that it names the same image as before is still worth saying.
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
    return { kind: "platform-noop", why: "only what the host does not run has changed" };
  const names = ["version", "revision"] as const;
  const other = names.filter((name) => differ(old[name], now[name]) === true);
  if (other.length > 0)
    return { kind: "retagged", why: `another ${other.join(" and ")} under the same tag` };
  const sameVersion = differ(old.version, now.version) === false;
  // Neither a version nor a label proves the same source: a label may be the base image's, under a new program.
  if (differ(old.ownRevision, now.ownRevision) === false)
    return {
      kind: "rebuild",
      why: sameVersion ? "the same version and revision" : "the same revision",
    };
  if (differ(old.revision, now.revision) === false)
    return unknown("the same revision, but in a label, which may be the base image's");
  return unknown(
    sameVersion
      ? "the same version, but not both images name their revision"
      : "the images do not name their version and revision",
  );
}

const unknown = (why: string): Explanation => ({ kind: "unknown", why });

/** `undefined` unless both images say something. */
const differ = (before: string | undefined, after: string | undefined): boolean | undefined =>
  before === undefined || after === undefined ? undefined : before !== after;

/** As it reads after "the old image" or "the new image". */
export function describeMissing({ missing, reason }: Extract<Reading, { missing: string }>) {
  switch (missing) {
    case "gone":
      return `is not in its registry: ${reason}`;
    case "unfit":
      return reason;
    case "unread":
      return `could not be read: ${reason}`;
  }
}
