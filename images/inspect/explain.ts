/** What a digest change is. Pure. */

import type { Reading } from "./reader";
import type { ImageFacts } from "./facts";

/**
 * - `platform-noop`: another index, the same manifest for the host's platform. No reason to restart anything.
 * - `rebuild`: the same tag, and the same revision by the image's own word, built again.
 * - `moved`: the same tag is another version or revision by now. Look twice.
 * - `upgrade`: the text of the tag changed.
 * - `unknown`: the images do not say enough, or one of them could not be read.
 */
export type ChangeKind = "platform-noop" | "rebuild" | "moved" | "upgrade" | "unknown";

export interface Explanation {
  readonly kind: ChangeKind;
  /** Why it is of that kind, to be read after it and a colon. */
  readonly why: string;
}

export interface ImageChange {
  readonly before: Reading;
  readonly after: Reading;
  /** Whether the text of the tag changed. */
  readonly retagged: boolean;
}

export function explain({ before, after, retagged }: ImageChange): Explanation {
  const explanation = compare(before, after);
  if (!retagged) return explanation;
  // The tag is what people chose; that it names what was there before is worth saying all the same.
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
    return {
      kind: "platform-noop",
      why: "only what the host does not run has changed",
    };
  const names = ["version", "revision"] as const;
  const other = names.filter((name) => compareText(old[name], now[name]) === "other");
  if (other.length > 0)
    return { kind: "moved", why: `another ${other.join(" and ")} under the same tag` };
  const [version, revision] = names.map((name) => compareText(old[name], now[name]));
  // A version says nothing of the source, nor does a label: it may be the base image's, with a new program on top.
  if (compareText(old.ownRevision, now.ownRevision) === "same")
    return {
      kind: "rebuild",
      why: version === "same" ? "the same version and revision" : "the same revision",
    };
  if (revision === "same")
    return unknown("the same revision, but in a label, which may be the base image's");
  return unknown(
    version === "same"
      ? "the same version, but not both images say their revision"
      : "the images do not say which version and revision they are",
  );
}

const unknown = (why: string): Explanation => ({ kind: "unknown", why });

/** To be read after "the old image" or "the new image". */
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

function compareText(a: string | undefined, b: string | undefined): "same" | "other" | "unknown" {
  if (a === undefined || b === undefined) return "unknown";
  return a === b ? "same" : "other";
}
