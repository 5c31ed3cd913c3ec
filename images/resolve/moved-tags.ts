/** Moved tags: the tag of a pinned image now has another digest. The pin is deployed anyway, with a warning. */

import { setTimeout as sleep } from "node:timers/promises";
import { describeAge } from "../age";
import { explain, type ChangeKind } from "../inspect/explain";
import type { ImageFacts } from "../inspect/facts";
import type { ReadImage } from "../inspect/reader";
import type { Digest, PinnedImage } from "../reference";

export interface MovedTag {
  readonly service: string;
  readonly image: PinnedImage;
  readonly current: Digest;
  /** The kind of change and the build date of the new image; absent if they could not be determined in time. */
  readonly change?: Pick<ImageFacts, "created"> & { readonly kind: ChangeKind };
}

/** Adds `change`, unless `timeUp` resolves first or an image cannot be read. */
export async function withChange(
  tag: MovedTag,
  read: ReadImage,
  timeUp: Promise<unknown>,
): Promise<MovedTag> {
  const { image, current } = tag;
  const readings = Promise.all([read(image, image.digest), read(image, current)]);
  const both = await Promise.race([readings, timeUp.then(() => undefined)]);
  if (both === undefined) return tag;
  const [before, after] = both;
  if ("missing" in after || ("missing" in before && before.missing === "unread")) return tag;
  const { kind } = explain(before, after, false);
  return { ...tag, change: { kind, created: after.facts.created } };
}

/** Resolves after `ms`. Does not keep the process alive. */
export const timeUpIn = (ms: number): Promise<unknown> =>
  sleep(Math.max(0, ms), undefined, { ref: false });

/** A warning on one line, with the command to run next. */
export function describeMoved(
  { service, image, current, change }: MovedTag,
  { stack, now }: { readonly stack: string; readonly now: Date },
): string {
  const what = change === undefined ? "" : ` (${change.kind}, ${built(change.created, now)})`;
  return `images.${service}: ${image.name}:${image.tag ?? ""} moved${what} from ${image.digest} to ${current}; the pin stays, \`${pinCommand(stack, service)}\` shows the change and updates the pin`;
}

/** The command that updates the pin of a service. The default stack is `dev`. */
export const pinCommand = (stack: string, service: string): string =>
  `npm run pin ${stack === "dev" ? "" : `-- --stack ${stack} `}${service}`;

function built(created: Date | undefined, now: Date): string {
  if (created === undefined) return "of unknown age";
  if (created > now) return "dated in the future";
  return `built ${describeAge(now.getTime() - created.getTime())} ago`;
}
