/** Looks up the tags of all images, then reads the images that changed. */
import type { BadPin, Pin } from "../../config/file/pins";
import { imageReader, type ReadImage } from "../../images/inspect/reader";
import {
  formatReference,
  parseReference,
  ReferenceError,
  type Digest,
} from "../../images/reference";
import {
  RegistryClient,
  RegistryError,
  type RegistryClientOptions,
} from "../../images/registry/client";
import type { Registries } from "../../images/registry/origin";
import { remedy } from "../../images/registry/remedy";
import { decide, isChanged, type Candidate, type PinPolicy, type PinRow } from "./decision";

/** `deadlineMs` covers all registries together. Default 30 000. */
export interface PinRequest extends Pick<
  RegistryClientOptions,
  "deadlineMs" | "signal" | "ca" | "onRequest"
> {
  readonly pins: readonly (Pin | BadPin)[];
  /** Tags to change to, by service. */
  readonly tags: ReadonlyMap<string, string>;
  readonly policy: PinPolicy;
  /** `linux/amd64` */
  readonly platform: string;
  readonly registries: Registries;
  /** By registry with encrypted credentials: the remedy if it requires them. */
  readonly encrypted?: ReadonlyMap<string, string>;
}

const DEADLINE_MS = 30_000;

/** One row for each pin, in the same order. A failed image does not affect other rows. */
export async function planPins(request: PinRequest): Promise<readonly PinRow[]> {
  const { pins, tags, policy, platform, encrypted, ...options } = request;
  const entries = pins.map((pin) => candidateOf(pin, tags));
  const candidates = entries.filter((entry) => "tag" in entry);
  const client = new RegistryClient({ deadlineMs: DEADLINE_MS, ...options });
  const read = imageReader(client, platform);
  try {
    const lookup = client.lookup(candidates.map(wanted));
    return await Promise.all(
      entries.map(async (entry) => {
        if (!("tag" in entry)) return entry;
        const { service, image } = entry;
        const row = { service, from: formatReference(image) };
        const current = await lookup(wanted(entry));
        if (current instanceof RegistryError)
          return { ...row, status: "fail" as const, why: describeError(entry, current, encrypted) };
        if (!isChanged(entry, current)) return { ...row, status: "as-pinned" as const, why: "" };
        return decide(entry, current, await readBoth(entry, current, read), policy);
      }),
    );
  } finally {
    client.close();
  }
}

/** The image with the tag to look up. */
const wanted = ({ image, tag }: Candidate) => ({ ...image, tag });

/** The image to look up, or the row of an image without a lookup. */
function candidateOf(pin: Pin | BadPin, tags: ReadonlyMap<string, string>): Candidate | PinRow {
  const { service } = pin;
  if ("problem" in pin) return { service, from: "", status: "fail", why: pin.problem };
  const row = { service, from: pin.image };
  try {
    const image = parseReference(pin.image);
    const tag = tags.get(service) ?? image.tag;
    if (tag !== undefined) return { service, image, tag };
    return { ...row, status: "as-pinned", why: "has no tag to look up" };
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    return { ...row, status: "fail", why: error.message };
  }
}

async function readBoth({ image }: Candidate, current: Digest, read: ReadImage) {
  const [before, after] = await Promise.all([
    image.digest === undefined ? undefined : read(image, image.digest),
    read(image, current),
  ]);
  return { after, ...(before !== undefined && { before }) };
}

const LACKS_CREDENTIALS: ReadonlySet<string> = new Set(["denied", "credentials", "rate-limited"]);

function describeError(
  candidate: Candidate,
  error: RegistryError,
  encrypted: PinRequest["encrypted"],
): string {
  const hint = LACKS_CREDENTIALS.has(error.code) ? encrypted?.get(error.registry) : undefined;
  return `${error.answer}; ${hint ?? remedy(wanted(candidate), error)}`;
}
