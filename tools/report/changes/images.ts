/** Images of two reports compared. Pure. */
import { Change, ChangeKind, Held, heldChanges } from "./change";
import { SavedView } from "./saved-report";
import { ImageView, StackView } from "../view/stack";
import { tagOrder } from "../../../images/tag-order";

export function imageChanges(before: readonly ImageView[], after: readonly ImageView[]): Change[] {
  return after.flatMap((image): Change[] => {
    const old = before.find(({ service }) => service === image.service);
    const change = (kind: ChangeKind, what: string): Change[] => [
      { kind, subject: image.service, what },
    ];
    if (old === undefined) return [];
    const source = (view: ImageView): string => `${view.registry}/${view.repository}`;
    const tags = `${old.tag ?? "no tag"} → ${image.tag ?? "no tag"}`;
    // Somebody else says what is in it: nobody has looked at that yet.
    if (source(old) !== source(image))
      return change("weaker", `image from ${source(image)} instead of ${source(old)}, ${tags}`);
    if (old.pinned !== image.pinned)
      return change(
        image.pinned ? "stricter" : "weaker",
        image.pinned ? "its image is pinned by digest" : "its image is not pinned any more",
      );
    if (old.tag !== image.tag) {
      if (old.digest !== undefined && old.digest === image.digest)
        return change("changed", `tag ${tags}, same image`);
      switch (tagOrder(old.tag ?? "", image.tag ?? "")) {
        case "newer":
          return change("newer", tags);
        case "older":
          return change("changed", `back to an older image: ${tags}`);
        case "unclear":
          return change("changed", `another image, the tags do not say which is newer: ${tags}`);
      }
    }
    return old.digest === image.digest
      ? []
      : change("newer", `${image.tag ?? "no tag"}, another build: ${short(image.digest)}`);
  });
}

/** What images may come from and lack, where both reports tell of it. */
export function imageRuleChanges(before: SavedView, after: StackView): Change[] {
  const held = (hosts: readonly string[]): Held[] => hosts.map((host) => ["registries", host]);
  const plainHttp = heldChanges(
    held(before.insecureRegistries ?? after.insecureRegistries),
    held(after.insecureRegistries),
    "plain http to",
    "no longer plain http to",
  );
  if ((before.requirePins ?? after.requirePins) === after.requirePins) return plainHttp;
  const pins: Change = after.requirePins
    ? { kind: "stricter", subject: "images", what: "must have a digest" }
    : { kind: "weaker", subject: "images", what: "need no digest any more" };
  return [...plainHttp, pins];
}

const short = (digest = ""): string => digest.slice("sha256:".length, "sha256:".length + 12);
