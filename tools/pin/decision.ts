/** Decides what `npm run pin` does with one image. Pure. */
import { judgeAge } from "../../images/age";
import { describeMissing, explain, type ChangeKind } from "../../images/inspect/explain";
import type { ImageFacts } from "../../images/inspect/facts";
import type { Reading } from "../../images/inspect/reader";
import { formatReference, pinTo, type Digest, type ImageReference } from "../../images/reference";
import type { Judgement } from "../../images/signatures/judge";

/**
 * - `as-pinned`: the tag resolves to the pinned digest, or the image has no tag.
 * - `take`: the new pin will be written.
 * - `leave`: the index changed, but not the manifest of the host's platform; `--all` takes it.
 * - `hold`: younger than the minimum age, or of unknown age.
 * - `fail`: the lookup failed; the pin stays.
 */
export type PinStatus = "as-pinned" | "take" | "leave" | "hold" | "fail";

export interface PinRow {
  readonly service: string;
  /** The image in the stack file. */
  readonly from: string;
  readonly status: PinStatus;
  /** The image to write; absent if unchanged or unknown. */
  readonly to?: string;
  /** Absent if unchanged, and for a first pin. */
  readonly kind?: ChangeKind;
  /** The reason for the kind or the status, with the remedy, in one line. */
  readonly why: string;
  readonly before?: ImageFacts;
  readonly after?: ImageFacts;
  /** When a held image reaches the minimum age; absent if its age is unknown. */
  readonly eligible?: Date;
  /** What the signatures of the image are; absent if the row failed before. */
  readonly trust?: Judgement;
  /** The end of the line and open holes of the image that the file has afterwards, one line each. */
  readonly known?: readonly string[];
}

/** An image whose tag is looked up. */
export interface Candidate {
  readonly service: string;
  /** The image in the stack file. */
  readonly image: ImageReference;
  /** The tag to pin. */
  readonly tag: string;
}

export interface PinPolicy {
  /** In ms. */
  readonly minimumAge: number;
  /** Whether to take changes that do not affect the host's platform. */
  readonly all: boolean;
  readonly now: Date;
}

/** Whether the tag or the digest changes; only then are the images read. */
export const isChanged = ({ image, tag }: Candidate, current: Digest): boolean =>
  image.digest !== current || image.tag !== tag;

/** The row of a changed image. `before` is absent if the image had no digest. */
export function decide(
  { service, image, tag }: Candidate,
  current: Digest,
  { before, after }: { readonly before?: Reading; readonly after: Reading },
  { minimumAge, all, now }: PinPolicy,
): PinRow {
  const change = before === undefined ? undefined : explain(before, after, image.tag !== tag);
  const row = {
    service,
    from: formatReference(image),
    to: formatReference(pinTo({ ...image, tag }, current)),
    ...(change !== undefined && { kind: change.kind }),
    why: change?.why ?? "had no digest yet",
    ...(before !== undefined && "facts" in before && { before: before.facts }),
    ...("facts" in after && { after: after.facts }),
  };
  // A digest from a HEAD response is not verified until the content has been read.
  if ("missing" in after) return { ...row, status: "fail", why: `the new image ${failure(after)}` };
  // Unknown whether the host is affected. An image that the registry has deleted stays unknown, so that is no failure.
  if (before !== undefined && "missing" in before && before.missing === "unread")
    return { ...row, status: "fail", why: `the old image ${failure(before)}` };
  if (change?.kind === "platform-noop" && !all) return { ...row, status: "leave" };
  const judged = judgeAge(after.facts.created, minimumAge, now);
  switch (judged.age) {
    case "ready":
      return { ...row, status: "take" };
    case "young":
      return { ...row, status: "hold", eligible: judged.eligible };
    case "unknown":
      return { ...row, status: "hold" };
  }
}

const failure = (missing: Extract<Reading, { missing: string }>): string =>
  `${describeMissing(missing)}; ${missing.missing === "unfit" ? "choose another tag, or correct pinned-stack:platform" : "try again"}`;

/** Whether the row needs attention: the image failed, or does not meet its policy. */
export const hasFailed = ({ status, trust }: PinRow): boolean =>
  status === "fail" || trust?.met === false;

/** Exit codes of diff(1): 2 if an image failed, else 1 if an image changed or has no digest, else 0. */
export function checkExitCode(rows: readonly PinRow[]): 0 | 1 | 2 {
  if (rows.some(hasFailed)) return 2;
  return rows.some(({ status }) => status === "take" || status === "hold") ? 1 : 0;
}
