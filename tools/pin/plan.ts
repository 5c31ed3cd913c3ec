/** What to pin: the tags of all images asked for at once, then a look into those that changed. */

import { imageReader, type ReadImage } from "../../images/inspect/reader";
import { decide, isChanged, type Candidate, type PinPolicy, type PinRow } from "./decision";
import type { BadPin, Pin } from "../../config/file/pins";
import {
  formatReference,
  parseReference,
  ReferenceError,
  type Digest,
} from "../../images/reference";
import {
  RegistryClient,
  RegistryError,
  type Registries,
  type RequestEvent,
} from "../../images/registry/client";
import { wayOut } from "../../images/registry/remedy";

export interface PinRequest {
  readonly pins: readonly (Pin | BadPin)[];
  /** Tags to change to, by service. */
  readonly tags: ReadonlyMap<string, string>;
  readonly policy: PinPolicy;
  /** `linux/amd64` */
  readonly platform: string;
  readonly registries: Registries;
  /** Registries whose credentials could not be had, each with the reason and the way out. */
  readonly lacking?: ReadonlyMap<string, string>;
  /** For all registries together, in ms. Default 30 s. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  /** Certificates to trust, PEM. Default: Node's own and those of NODE_EXTRA_CA_CERTS. */
  readonly ca?: string;
  readonly onRequest?: (event: RequestEvent) => void;
}

const DEADLINE_MS = 30_000;

/** One row for each pin, in their order. An image that cannot be had fails alone. */
export async function planPins(request: PinRequest): Promise<readonly PinRow[]> {
  const { pins, tags, policy, platform, registries, deadlineMs = DEADLINE_MS } = request;
  const { signal, ca, onRequest } = request;
  const read = pins.map((pin) => candidateOf(pin, tags));
  const candidates = read.filter((entry): entry is Candidate => "tag" in entry);
  const client = new RegistryClient({
    registries,
    deadlineMs,
    ...(signal !== undefined && { signal }),
    ...(ca !== undefined && { ca }),
    ...(onRequest !== undefined && { onRequest }),
  });
  const reader = imageReader(client, platform);
  try {
    const ask = client.pass(candidates.map(wanted));
    return await Promise.all(
      read.map(async (entry) => {
        if (!("tag" in entry)) return entry;
        const current = await ask(wanted(entry));
        return current instanceof RegistryError
          ? failed(entry, await describe(client, entry, current, request.lacking))
          : rowOf(entry, current, reader, policy);
      }),
    );
  } finally {
    client.close();
  }
}

/** The image with the tag that is asked for. */
const wanted = ({ image, tag }: Candidate) => ({ ...image, tag });

/** What to ask for, or the row of an image that nobody needs to be asked about. */
function candidateOf(pin: Pin | BadPin, tags: ReadonlyMap<string, string>): Candidate | PinRow {
  const { service } = pin;
  if ("problem" in pin) return { service, from: "", status: "fail", why: pin.problem };
  try {
    const image = parseReference(pin.image);
    const tag = tags.get(service) ?? image.tag;
    if (tag !== undefined) return { service, image, tag };
    return { service, from: pin.image, status: "as-pinned", why: "has no tag that could move" };
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    return { service, from: pin.image, status: "fail", why: error.message };
  }
}

async function rowOf(
  candidate: Candidate,
  current: Digest,
  read: ReadImage,
  policy: PinPolicy,
): Promise<PinRow> {
  const { service, image } = candidate;
  if (!isChanged(candidate, current))
    return { service, from: formatReference(image), status: "as-pinned", why: "" };
  const [before, after] = await Promise.all([
    image.digest === undefined ? undefined : read(image, image.digest),
    read(image, current),
  ]);
  return decide(candidate, current, { after, ...(before !== undefined && { before }) }, policy);
}

const failed = ({ service, image }: Candidate, why: string): PinRow => ({
  service,
  from: formatReference(image),
  status: "fail",
  why,
});

const LACKS_CREDENTIALS: ReadonlySet<string> = new Set(["denied", "credentials", "rate-limited"]);

async function describe(
  client: RegistryClient,
  candidate: Candidate,
  error: RegistryError,
  lacking: ReadonlyMap<string, string> | undefined,
): Promise<string> {
  const why = LACKS_CREDENTIALS.has(error.code)
    ? lacking?.get(candidate.image.registry)
    : undefined;
  return `${error.answer}; ${why ?? (await wayOut(client, wanted(candidate), error))}`;
}
