/** What `npm run pin` does with one image, from what its registry says. Pure. */

import { judgeAge } from "../../images/age";
import { describeMissing, explain, type ChangeKind } from "../../images/inspect/explain";
import type { Reading } from "../../images/inspect/reader";
import type { ImageFacts } from "../../images/inspect/facts";
import { formatReference, pinTo, type Digest, type ImageReference } from "../../images/reference";

/**
 * - `as-pinned`: the tag is what the pin says, or there is no tag.
 * - `take`: the new pin is to be written.
 * - `leave`: the index moved, the host's manifest did not; `--all` takes it.
 * - `hold`: younger than the minimum age, or of unknown age.
 * - `fail`: could not be told, so nothing is changed.
 */
export type PinStatus = "as-pinned" | "take" | "leave" | "hold" | "fail";

/** One service in the answer of `npm run pin`. */
export interface PinRow {
  readonly service: string;
  /** The image as the file has it. */
  readonly from: string;
  readonly status: PinStatus;
  /** The image as the file should have it; absent where that is the same or could not be told. */
  readonly to?: string;
  /** What the change is; absent where there is none or there was no pin before. */
  readonly kind?: ChangeKind;
  /** Why it is of this kind, or why this status: one line for a person, the way out included. */
  readonly why: string;
  readonly before?: ImageFacts;
  readonly after?: ImageFacts;
  /** When a held image is old enough; absent where its age is unknown. */
  readonly eligible?: Date;
}

/** An image whose tag is asked for: the one in the file, and the tag it is to have. */
export interface Candidate {
  readonly service: string;
  readonly image: ImageReference;
  readonly tag: string;
}

export interface PinPolicy {
  /** Ms. */
  readonly minimumAge: number;
  /** Whether to take what changes nothing for the host. */
  readonly all: boolean;
  readonly now: Date;
}

/** Whether something about the image has changed, so that it is worth a look into it. */
export const isChanged = ({ image, tag }: Candidate, current: Digest): boolean =>
  image.digest !== current || image.tag !== tag;

export function decide(
  candidate: Candidate,
  current: Digest,
  readings: { readonly before?: Reading; readonly after: Reading },
  { minimumAge, all, now }: PinPolicy,
): PinRow {
  const { service, image, tag } = candidate;
  const { before, after } = readings;
  const base = {
    service,
    from: formatReference(image),
    to: formatReference(pinTo({ ...image, tag }, current)),
    ...(before !== undefined && "facts" in before && { before: before.facts }),
    ...("facts" in after && { after: after.facts }),
  };
  const change =
    before === undefined ? undefined : explain({ before, after, retagged: image.tag !== tag });
  const kind = change === undefined ? {} : { kind: change.kind };
  const why = change?.why ?? "had no digest so far";

  // What the registry's answer to HEAD says is unproven until the bytes were seen.
  if ("missing" in after)
    return { ...base, ...kind, status: "fail", why: `the new image ${failure(after)}` };
  // Whether it matters to the host cannot be told; gone for good is another thing than not to be had just now.
  if (before !== undefined && "missing" in before && before.missing === "unread")
    return { ...base, ...kind, status: "fail", why: `the old image ${failure(before)}` };
  if (change?.kind === "platform-noop" && !all) return { ...base, ...kind, status: "leave", why };

  const judged = judgeAge(after.facts.created, minimumAge, now);
  switch (judged.age) {
    case "ready":
      return { ...base, ...kind, status: "take", why };
    case "young":
      return { ...base, ...kind, status: "hold", why, eligible: judged.eligible };
    case "unknown":
      return { ...base, ...kind, status: "hold", why };
  }
}

const failure = (missing: Extract<Reading, { missing: string }>): string =>
  `${describeMissing(missing)}; ${missing.missing === "unfit" ? "choose another tag, or correct pinned-stack:platform" : "try again"}`;

/** 2 where something could not be told, as with diff and grep; 1 where something moved or has no digest; 0 otherwise. */
export function checkExitCode(rows: readonly PinRow[]): 0 | 1 | 2 {
  if (rows.some(({ status }) => status === "fail")) return 2;
  return rows.some(({ status }) => status === "take" || status === "hold") ? 1 : 0;
}
