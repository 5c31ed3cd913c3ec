/** Finds newer tags for `npm run pin -- --outdated`, `service@minor` and `--upgrade patch`. */
import type { BadPin, Pin } from "../../config/file/pins";
import { imageReader } from "../../images/inspect/reader";
import {
  hasVersion,
  inOtherVariant,
  LEVELS,
  newerTags,
  stableTag,
  type Level,
} from "../../images/newer";
import { parseReference, ReferenceError, type ImageReference } from "../../images/reference";
import {
  RegistryClient,
  RegistryError,
  type RegistryClientOptions,
} from "../../images/registry/client";
import type { Registries } from "../../images/registry/origin";
import { remedy } from "../../images/registry/remedy";

/** Services whose images must have the same tag. */
const TOGETHER: readonly (readonly string[])[] = [["n8n", "n8n-runners"]];

export interface NewerTags {
  readonly service: string;
  /** `traefik:v3.7.14` */
  readonly image: string;
  /** The newest tag of each level; absent if there is none. */
  readonly newest: Readonly<Partial<Record<Level, string>>>;
  /** When each of these was built, if that was read and the image says it. */
  readonly built: Readonly<Partial<Record<Level, Date>>>;
  /** What limits the answer, in one line. */
  readonly note?: string;
  /** Why the tags are not known. */
  readonly problem?: string;
}

export interface NewerRequest extends Pick<
  RegistryClientOptions,
  "deadlineMs" | "signal" | "ca" | "onRequest"
> {
  readonly pins: readonly (Pin | BadPin)[];
  /** Those to look at. Images that change together with one of these are looked at too. */
  readonly services: ReadonlySet<string>;
  readonly registries: Registries;
  /** Also read when the newest images were built for this platform. Default: do not. */
  readonly builtFor?: string;
}

const DEADLINE_MS = 60_000;
/** How many of the highest versions are compared with the publisher's stable tag. */
const MAX_COMPARED = 12;

/** One for each of the services, in the order of the pins. Asks each repository once for its tags. */
export async function findNewer({
  pins,
  services,
  registries,
  builtFor,
  ...options
}: NewerRequest): Promise<readonly NewerTags[]> {
  const client = new RegistryClient({ deadlineMs: DEADLINE_MS, registries, ...options });
  try {
    const lists = new Map<string, Promise<readonly string[]>>();
    const tagsOf = (image: ImageReference): Promise<readonly string[]> => {
      const key = `${image.registry}/${image.repository}`;
      const tags = lists.get(key) ?? client.tags(image).then((list) => list.tags);
      lists.set(key, tags);
      return tags;
    };
    const wanted = pins.filter(({ service }) => services.has(service));
    const found = await Promise.all(wanted.map((pin) => newerOf(pin, pins, client, tagsOf)));
    return builtFor === undefined ? found : await withBuilt(found, client, builtFor);
  } finally {
    client.close();
  }
}

async function newerOf(
  pin: Pin | BadPin,
  pins: readonly (Pin | BadPin)[],
  client: RegistryClient,
  tagsOf: (image: ImageReference) => Promise<readonly string[]>,
): Promise<NewerTags> {
  const { service } = pin;
  const none = { newest: {}, built: {} } as const;
  if ("problem" in pin) return { service, image: "", ...none, problem: pin.problem };
  let image: ImageReference;
  try {
    image = parseReference(pin.image);
  } catch (error) {
    if (error instanceof ReferenceError)
      return { service, image: "", ...none, problem: error.message };
    throw error;
  }
  const base = {
    service,
    image: image.tag === undefined ? image.name : `${image.name}:${image.tag}`,
  };
  if (image.tag === undefined)
    return { ...base, ...none, problem: "it has no tag, so its version is not known" };
  if (!hasVersion(image))
    return { ...base, ...none, note: "its tag is no version, so nothing can be compared with it" };
  try {
    const partners = partnersOf(service, image, pins);
    const lists = await Promise.all([image, ...partners].map(tagsOf));
    const [own = [], ...others] = lists;
    const sets = others.map((list) => new Set(list));
    const common = own.filter((tag) => sets.every((tags) => tags.has(tag)));
    const { limit, note = otherVariant(service, image, common) } = await stableOf(
      client,
      image,
      common,
    );
    const newest = Object.fromEntries(
      LEVELS.flatMap((level) => {
        const [tag] = newerTags(image, common, level).filter(
          (one) =>
            limit === undefined ||
            one === limit ||
            newerTags({ ...image, tag: one }, [limit], "major").length > 0,
        );
        return tag === undefined ? [] : [[level, tag]];
      }),
    );
    return { ...base, newest, built: {}, ...(note !== undefined && { note }) };
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    return { ...base, ...none, problem: `${error.answer}; ${remedy(image, error)}` };
  }
}

function otherVariant(
  service: string,
  image: ImageReference,
  tags: readonly string[],
): string | undefined {
  const tag = inOtherVariant(image, tags);
  return tag === undefined
    ? undefined
    : `${tag} is higher, but another variant; "npm run pin ${service}=${tag}" takes it`;
}

/** Reads each of the newest images once. One that cannot be read has no date. */
async function withBuilt(
  found: readonly NewerTags[],
  client: RegistryClient,
  platform: string,
): Promise<readonly NewerTags[]> {
  const read = imageReader(client, platform);
  const built = new Map<string, Date | undefined>();
  const imagesOf = ({ image, newest }: NewerTags): readonly ImageReference[] =>
    [...new Set(Object.values(newest))].map((tag) => ({ ...parseReference(image), tag }));
  const images = found.flatMap(imagesOf);
  const digests = await client.digests(images);
  await Promise.all(
    images.map(async (image, at) => {
      const digest = digests[at];
      if (typeof digest !== "string") return;
      const reading = await read(image, digest);
      if ("facts" in reading) built.set(`${image.name}:${image.tag ?? ""}`, reading.facts.created);
    }),
  );
  return found.map((one) => ({
    ...one,
    built: Object.fromEntries(
      Object.entries(one.newest).flatMap(([level, tag]) => {
        const date = built.get(`${parseReference(one.image).name}:${tag}`);
        return date === undefined ? [] : [[level, date]];
      }),
    ),
  }));
}

/** The images that must have the same tag, and have it now. */
function partnersOf(
  service: string,
  { tag }: ImageReference,
  pins: readonly (Pin | BadPin)[],
): readonly ImageReference[] {
  const group = TOGETHER.find((names) => names.includes(service)) ?? [];
  return pins.flatMap((pin) => {
    if (!group.includes(pin.service) || pin.service === service || "problem" in pin) return [];
    try {
      const partner = parseReference(pin.image);
      return partner.tag === tag ? [partner] : [];
    } catch {
      return [];
    }
  });
}

/** The services that change their tag together with this one. */
export const together = (service: string): readonly string[] =>
  TOGETHER.find((names) => names.includes(service)) ?? [service];

/** The version that the publisher calls stable: the one with the same digest as its tag. */
async function stableOf(
  client: RegistryClient,
  image: ImageReference,
  tags: readonly string[],
): Promise<{ readonly limit?: string; readonly note?: string }> {
  const pointer = stableTag(image);
  if (pointer === undefined || !tags.includes(pointer)) return {};
  const highest = newerTags(image, tags, "major").slice(0, MAX_COMPARED);
  if (highest.length === 0) return {};
  const [stable, ...digests] = await client.digests(
    [pointer, ...highest].map((tag) => ({ ...image, tag })),
  );
  const at = digests.findIndex((one) => typeof one === "string" && one === stable);
  const limit = highest[at];
  return limit === undefined
    ? {
        note: `none of the ${highest.length} highest versions is its tag "${pointer}", so these may be pre-releases`,
      }
    : { limit };
}
