/**
 * Looks for the signatures of an image in every place where one may be: the referrers API, the tags that stand in for it, and
 * the tags of cosign's older form; for the index first, then for the platform's manifest, then for the attestation in the
 * index. What could not be asked is said: "unsigned" needs an answer of every place.
 */
import { z } from "zod";

import { oneLine } from "../../text/one-line";
import { parseJson } from "../json";
import { isIndexType } from "../registry/manifests";
import {
  isDigest,
  parseReference,
  type Digest,
  type ImageReference,
  type PinnedImage,
} from "../reference";
import { RegistryError, type Manifest, type RegistryClient } from "../registry/client";
import { listedDigests } from "../registry/referrers";
import {
  isSbom,
  platformManifest,
  repositoryName,
  type Evidence,
  type FoundCandidate,
  type SbomReference,
} from "./evidence";
import { attestationsIn, candidateOf, readManifest, tagOf } from "./layout";
import { readStatement } from "./statement";
import { claimedStatement } from "./verify";

export interface DiscoverOptions {
  /** `linux/amd64` */
  readonly platform: string;
  /** Other repositories with signatures of the same digest, which are asked first: `ghcr.io/n8n-io/n8n`. */
  readonly places: readonly string[];
  /** Whether what was found for the index suffices, so that nothing below it is asked. */
  readonly enough: (evidence: Evidence) => Promise<boolean>;
  readonly now: Date;
}

/** Anyone who may push can attach anything. */
const MAX_MANIFESTS = 50;
const MAX_LAYERS = 50;
const MAX_BLOB_BYTES = 4 * 1024 * 1024;
const MAX_STATEMENT_BYTES = 1024 * 1024;

/** What was found so far. */
interface Collected {
  readonly found: FoundCandidate[];
  readonly unanswered: string[];
  readonly unread: string[];
  readonly others: Set<string>;
  /** By digest. */
  readonly sboms: Map<Digest, SbomReference>;
}

/** Never rejects because of a registry: what could not be asked is in `unanswered`. */
export async function discover(
  client: RegistryClient,
  image: PinnedImage,
  { platform, places, enough, now }: DiscoverOptions,
): Promise<Evidence> {
  const { digest } = image;
  const repositories = [
    ...places.map((place) => parseReference(`${place}@${digest}`)),
    image,
  ].filter(
    (one, index, all) =>
      all.findIndex((other) => repositoryName(other) === repositoryName(one)) === index,
  );
  const collected: Collected = {
    found: [],
    unanswered: [],
    unread: [],
    others: new Set(),
    sboms: new Map(),
  };
  const evidence = (more: Partial<Evidence> = {}): Evidence => {
    const found = unique(collected.found);
    if (found.length > MAX_LAYERS)
      collected.unanswered.push(`${found.length} signatures, of which only ${MAX_LAYERS} are read`);
    return {
      repository: repositoryName(image),
      digest,
      platform,
      asked: now,
      places: repositories.map(repositoryName),
      found: found.slice(0, MAX_LAYERS),
      unanswered: [...new Set(collected.unanswered)].slice(0, MAX_LAYERS),
      unread: [...new Set(collected.unread)].slice(0, MAX_LAYERS),
      others: [...collected.others].sort().slice(0, MAX_LAYERS),
      ...(collected.sboms.size > 0 && {
        sboms: [...collected.sboms.values()].slice(0, MAX_LAYERS),
      }),
      ...more,
    };
  };
  const ask = (wanted: Digest): Promise<unknown> =>
    Promise.all(
      repositories.map((repository) => attachedTo(client, repository, wanted, collected)),
    );

  await ask(digest);
  if (await enough(evidence())) return evidence({ partial: true });
  const index = await indexOf(client, image, collected);
  const manifest = index === undefined ? undefined : platformManifest(index, platform);
  if (index === undefined || manifest === undefined || manifest === digest) return evidence();
  await ask(manifest);
  if (await enough(evidence({ index }))) return evidence({ index, partial: true });
  const [attestation] = attestationsIn(index, manifest);
  if (attestation === undefined) return evidence({ index });
  await ask(attestation);
  return evidence({ index, ...(await embedded(client, image, attestation, manifest, collected)) });
}

/** Everything that is attached to one digest in one repository. */
async function attachedTo(
  client: RegistryClient,
  image: ImageReference,
  digest: Digest,
  collected: Collected,
): Promise<void> {
  // The first request shows how the registry authenticates; the others then need no 401 of their own.
  const referrers = await answered(collected, () => client.referrers(image, digest));
  if (referrers?.complete === false)
    collected.unanswered.push(`${image.registry}: lists more signatures than are read here`);
  await Promise.all([
    manifestsOf(client, image, digest, referrers?.digests ?? [], collected),
    answered(collected, async () => {
      const list = await client.manifestIfAny(image, tagOf(digest, ""));
      const listed = list && isIndexType(list.mediaType) ? listedDigests(list.bytes) : [];
      const rest = (listed ?? []).filter((one) => referrers?.digests.includes(one) !== true);
      await manifestsOf(client, image, digest, rest, collected);
    }),
    ...([".sig", ".att"] as const).map((suffix) =>
      answered(collected, async () => {
        const manifest = await client.manifestIfAny(image, tagOf(digest, suffix));
        if (manifest !== undefined) await layersOf(client, image, digest, manifest, collected);
      }),
    ),
  ]);
}

async function manifestsOf(
  client: RegistryClient,
  image: ImageReference,
  digest: Digest,
  referring: readonly Digest[],
  collected: Collected,
): Promise<void> {
  if (referring.length > MAX_MANIFESTS)
    collected.unanswered.push(
      `${image.registry}: has ${referring.length} manifests attached to the image, of which only ${MAX_MANIFESTS} are read`,
    );
  await Promise.all(
    referring.slice(0, MAX_MANIFESTS).map((one) =>
      answered(collected, async () => {
        const manifest = await client.manifestIfAny(image, one);
        // The list is the registry's word only.
        if (manifest && readManifest(manifest.bytes)?.subject === digest)
          await layersOf(client, image, digest, manifest, collected);
      }),
    ),
  );
}

async function layersOf(
  client: RegistryClient,
  image: ImageReference,
  over: Digest,
  { bytes }: Manifest,
  collected: Collected,
): Promise<void> {
  const manifest = readManifest(bytes);
  for (const type of manifest?.others ?? []) collected.others.add(cleaned(type));
  const layers = manifest?.signatures ?? [];
  if (layers.length > MAX_LAYERS)
    collected.unread.push(`${layers.length - MAX_LAYERS} more signatures than are read here`);
  await Promise.all(
    layers.slice(0, MAX_LAYERS).map((layer) =>
      answered(collected, async () => {
        if (layer.bytes > MAX_BLOB_BYTES) {
          // Signatures have a few KiB; an SBOM may be larger.
          collected.others.add(
            `an attachment of ${Math.ceil(layer.bytes / 1024 / 1024)} MiB, not read`,
          );
          return;
        }
        const candidate = candidateOf(layer, await client.blob(image, layer.digest));
        if ("unknown" in candidate) {
          collected.unread.push(candidate.unknown);
          return;
        }
        const claimed = claimedStatement(candidate);
        // SBOMs and the like may be large, and nothing here uses them.
        if (claimed?.what === "other") {
          const type = cleaned(claimed.predicateType);
          collected.others.add(type);
          if (isSbom(type))
            collected.sboms.set(layer.digest, { type, digest: layer.digest, unsigned: false });
        } else collected.found.push({ over, ...candidate });
      }),
    ),
  );
}

/** The bytes of the image's index; undefined if it is none, or cannot be read. */
async function indexOf(
  client: RegistryClient,
  image: PinnedImage,
  collected: Collected,
): Promise<Buffer | undefined> {
  const top = await answered(collected, () => client.manifest(image, image.digest));
  return top !== undefined && isIndexType(top.mediaType) ? top.bytes : undefined;
}

const attestationLayers = z.object({
  layers: z.array(
    z.object({
      mediaType: z.string(),
      digest: z.custom<Digest>(isDigest),
      size: z.number(),
      annotations: z.record(z.string(), z.unknown()).optional(),
    }),
  ),
});

/** BuildKit's unsigned provenance in the index. */
async function embedded(
  client: RegistryClient,
  image: PinnedImage,
  attestation: Digest,
  manifest: Digest,
  collected: Collected,
): Promise<Pick<Evidence, "attestation" | "claims">> {
  const read = await answered(collected, async () => {
    const { bytes } = await client.manifest(image, attestation);
    const parsed = attestationLayers.safeParse(parseJson(bytes));
    const layers = parsed.success ? parsed.data.layers : [];
    for (const { annotations, digest } of layers) {
      const type = annotations?.["in-toto.io/predicate-type"];
      if (typeof type !== "string") continue;
      collected.others.add(`unsigned ${cleaned(type)}`);
      if (isSbom(type))
        collected.sboms.set(digest, { type: cleaned(type), digest, unsigned: true });
    }
    const provenance = layers.find(
      ({ mediaType, size, annotations }) =>
        mediaType === "application/vnd.in-toto+json" &&
        size <= MAX_STATEMENT_BYTES &&
        String(annotations?.["in-toto.io/predicate-type"]).startsWith(
          "https://slsa.dev/provenance/",
        ),
    );
    if (provenance === undefined) return undefined;
    const statement = await client.blob(image, provenance.digest);
    return { manifest: bytes, statement };
  });
  if (read === undefined) return {};
  const statement = readStatement(read.statement);
  return {
    attestation: read,
    ...(statement?.subjects.includes(manifest) === true && { claims: statement.build ?? {} }),
  };
}

/** Resolves to undefined if the registry could not tell, and says why. Other errors are bugs. */
async function answered<T>(collected: Collected, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    collected.unanswered.push(error.answer);
    return undefined;
  }
}

/** The same signature may be in several places. */
function unique(found: readonly FoundCandidate[]): readonly FoundCandidate[] {
  const seen = new Set<string>();
  return found.filter((one) => {
    const key = JSON.stringify([one.over, one.bundle, one.payload?.toString("base64")]);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

const cleaned = (text: string): string => oneLine(text).slice(0, 200);
