/** The kind of an image change, from the references alone. Pure. */
import { ImageReference, parseReference } from "../../../images/reference";
import { tagOrder, tagVersion } from "../../../images/tag-version";

/**
 * - `major`, `minor`, `patch`: the version in the tag rises at its first, second or a later number.
 * - `older`: it falls.
 * - `digest`: the same tag, another image.
 * - `other tag`: versions cannot be compared, such as `latest` and `1.2`, or only the variant differs.
 * - `other image`: another registry or repository.
 */
export type ImageStep =
  "major" | "minor" | "patch" | "older" | "digest" | "other tag" | "other image";

export function imageStep(from: string, to: string): ImageStep {
  const [old, now] = [parseReference(from), parseReference(to)];
  if (placeOf(old) !== placeOf(now)) return "other image";
  if (old.tag === now.tag) return "digest";
  const [before, after] = [tagVersion(old.tag), tagVersion(now.tag)];
  if (before === undefined || after === undefined) return "other tag";
  const order = tagOrder(old.tag ?? "", now.tag ?? "");
  if (order === "older") return "older";
  const at = before.findIndex((number, index) => after[index] !== number);
  if (order === "unclear" || at === -1 || after[at] === undefined) return "other tag";
  return at === 0 ? "major" : at === 1 ? "minor" : "patch";
}

const placeOf = ({ registry, repository }: ImageReference): string => `${registry}/${repository}`;
