/** The kinds of the changes of images in a plan, as the registries tell them. */
import { StackConfig } from "../../../config/config";
import { ChangeKind, explain } from "../../../images/inspect/explain";
import { imageReader } from "../../../images/inspect/reader";
import { ImageReference, isPinned, parseReference } from "../../../images/reference";
import { RegistryClient } from "../../../images/registry/client";
import { tagOrder } from "../../../images/tag-version";
import { Plan } from "./plan";

/** The kind of image change by service: `rebuild`, `upgrade`, `downgrade` and the like. Without services whose kind is unknown. */
export type ImageChangeKinds = (
  plan: Plan,
  config: Pick<StackConfig, "platform" | "registries">,
  signal: AbortSignal,
) => Promise<Readonly<Record<string, string>>>;

/** Another tag of the same image may be an older one. */
export const kindOfChange = (
  kind: ChangeKind,
  from: Pick<ImageReference, "name" | "tag">,
  to: Pick<ImageReference, "name" | "tag">,
): string =>
  kind === "upgrade" && from.name === to.name && tagOrder(from.tag ?? "", to.tag ?? "") === "older"
    ? "downgrade"
    : kind;

/** Short, because the user waits for the plan. */
const DEADLINE_MS = 8_000;

/** Compares the images in their registries. */
export const imageChangeKinds: ImageChangeKinds = async (
  plan,
  { platform, registries },
  signal,
) => {
  const client = new RegistryClient({ registries, deadlineMs: DEADLINE_MS, signal });
  const read = imageReader(client, platform);
  try {
    const found = await Promise.all(
      plan.containers.map(async ({ service, image }) => {
        if (image?.from === undefined) return [];
        const [from, to] = [parseReference(image.from), parseReference(image.to)];
        if (!isPinned(from) || !isPinned(to)) return [];
        const [before, after] = await Promise.all([read(from, from.digest), read(to, to.digest)]);
        const { kind } = explain(before, after, from.tag !== to.tag);
        return kind === "unknown" ? [] : [[service, kindOfChange(kind, from, to)] as const];
      }),
    );
    return Object.fromEntries(found.flat());
  } finally {
    client.close();
  }
};
