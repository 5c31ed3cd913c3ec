/** What `npm run pin` does with one image, from what its registry says. Pure. */

import { judgeAge } from "../../images/age";
import { describeMissing, explain, type ChangeKind } from "../../images/inspect/explain";
import type { ImageFacts } from "../../images/inspect/facts";
import type { Reading } from "../../images/inspect/reader";
import { formatReference, pinTo, type Digest, type ImageReference } from "../../images/reference";

/**
 * - `as-pinned`: the tag has the pinned digest, or there is no tag.
 * - `take`: the new pin is to be written.
 * - `leave`: the index changed, but not the host's manifest; `--all` takes it.
 * - `hold`: younger than the minimum age, or of unknown age.
 * - `fail`: the registry did not tell, so the pin stays.
 */
export type PinStatus = "as-pinned" | "take" | "leave" | "hold" | "fail";

/** The result for one service. */
export interface PinRow {
  readonly service: string;
  /** The image as the file has it. */
  readonly from: string;
  readonly status: PinStatus;
  /** The image as the file should have it; absent if unchanged or unknown. */
  readonly to?: string;
  /** Absent without a change, and for a first pin. */
  readonly kind?: ChangeKind;
  /** The reason for the kind, or for the status, with the remedy; one line. */
  readonly why: string;
  readonly before?: ImageFacts;
  readonly after?: ImageFacts;
  /** When a held image reaches the minimum age; absent if its age is unknown. */
  readonly eligible?: Date;
}

/** An image whose tag is looked up. */
export interface Candidate {
  readonly service: string;
  /** As in the file. */
  readonly image: ImageReference;
  /** The tag that it is to have. */
  readonly tag: string;
}

export interface PinPolicy {
  /** In ms. */
  readonly minimumAge: number;
  /** Whether to take changes that do not affect the host. */
  readonly all: boolean;
  readonly now: Date;
}

/** Whether tag or digest change, so that the images have to be read. */
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
  // The digest of a HEAD response is unproven until the bytes were read.
  if ("missing" in after) return { ...row, status: "fail", why: `the new image ${failure(after)}` };
  // Whether the change affects the host is unknown. An image that is gone for good stays unknown, so it is no failure.
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

/** 2 if anything failed, as with diff and grep; else 1 if anything changed or has no digest; else 0. */
export function checkExitCode(rows: readonly PinRow[]): 0 | 1 | 2 {
  if (rows.some(({ status }) => status === "fail")) return 2;
  return rows.some(({ status }) => status === "take" || status === "hold") ? 1 : 0;
}
