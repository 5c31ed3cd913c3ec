/**
 * What the registries had for a pinned image, as `signatures/<service>.sigstore.json` keeps it: the signatures themselves, and
 * which places answered. The file is no proof: every use verifies the signatures again. Pure.
 */
import { z } from "zod";

import { chooseManifest, UnfitImageError } from "../inspect/facts";
import { parseJson } from "../json";
import { isDigest, type Digest, type ImageReference } from "../reference";
import { OCI_INDEX } from "../registry/manifests";
import { digestOf } from "../registry/response";
import { attestationsIn, isShallow, type Candidate } from "./layout";
import { readStatement, type BuildClaims } from "./statement";

/** A signature with the digest that it was attached to. */
export interface FoundCandidate extends Candidate {
  readonly over: Digest;
}

/** The attestation manifest in the index for the platform's manifest, with its provenance. */
export interface AttestationBytes {
  readonly manifest: Buffer;
  readonly statement: Buffer;
}

export interface Evidence {
  /** `docker.io/n8nio/n8n` */
  readonly repository: string;
  readonly digest: Digest;
  readonly platform: string;
  /** When the registries were asked. */
  readonly asked: Date;
  /** The repositories that were asked. */
  readonly places: readonly string[];
  /** Why a place could not tell. Not empty: nothing may be called unsigned. */
  readonly unanswered: readonly string[];
  readonly found: readonly FoundCandidate[];
  /** Not everything was asked or kept, because that sufficed for the policy: for another policy, there may be more. */
  readonly partial?: true;
  /** Signatures in a form that could not be read. */
  readonly unread: readonly string[];
  /** What else is attached: predicate types and media types, such as SBOMs. Not verified. */
  readonly others: readonly string[];
  /** Where SBOMs are. Absent: none was found, or nobody looked. */
  readonly sboms?: readonly SbomReference[];
  /** The index, if a signature is about a manifest in it. */
  readonly index?: Buffer;
  readonly attestation?: AttestationBytes;
  /** Claims of an unsigned provenance in the index. */
  readonly claims?: BuildClaims;
}

/** A software bill of materials. Nobody checks who made it. */
export interface SbomReference {
  /** The predicate type: `https://spdx.dev/Document`. */
  readonly type: string;
  /** The blob that has it, in the image's repository or where its signatures are. */
  readonly digest: Digest;
  /** In the index, as BuildKit writes it; else it is attached to the image in a signed envelope. */
  readonly unsigned: boolean;
}

/** https://spdx.dev, https://cyclonedx.org */
export const isSbom = (predicateType: string): boolean =>
  /^https:\/\/(?:spdx\.dev|cyclonedx\.org)\//.test(predicateType);

/** `docker.io/library/traefik` */
export const repositoryName = ({
  registry,
  repository,
}: Pick<ImageReference, "registry" | "repository">): string => `${registry}/${repository}`;

export type Coverage = "index" | "platform" | "attestation";

/**
 * What a signature may be about, so that it is about the pinned image: the digest itself, the manifest that the index has
 * for the platform, or the attestation in the index about that manifest. Follows hashes only.
 */
export function coverage({
  digest,
  platform,
  index,
  attestation,
}: Pick<Evidence, "digest" | "platform" | "index" | "attestation">): ReadonlyMap<Digest, Coverage> {
  const covered = new Map<Digest, Coverage>([[digest, "index"]]);
  if (index === undefined || digestOf(index) !== digest) return covered;
  const manifest = platformManifest(index, platform);
  if (manifest === undefined || manifest === digest) return covered;
  covered.set(manifest, "platform");
  if (attestation === undefined) return covered;
  const attested = digestOf(attestation.manifest);
  const statement = readStatement(attestation.statement);
  if (
    attestationsIn(index, manifest).includes(attested) &&
    layersOf(attestation.manifest).includes(digestOf(attestation.statement)) &&
    statement?.subjects.includes(manifest) === true
  )
    covered.set(attested, "attestation");
  return covered;
}

/** The manifest for the platform in an index; undefined if there is none. */
export function platformManifest(index: Buffer, platform: string): Digest | undefined {
  try {
    return chooseManifest({ mediaType: OCI_INDEX, digest: digestOf(index), bytes: index }, platform)
      .digest;
  } catch (error) {
    if (error instanceof UnfitImageError) return undefined;
    throw error;
  }
}

const layers = z.object({ layers: z.array(z.object({ digest: z.string() })) });

function layersOf(manifest: Buffer): readonly string[] {
  const parsed = layers.safeParse(parseJson(manifest));
  return parsed.success ? parsed.data.layers.map(({ digest }) => digest) : [];
}

/** Deployments to return to need the evidence of their own digests. */
const MAX_IMAGES = 20;

/** A file for one service: the newest image first. */
export type EvidenceFile = readonly Evidence[];

const VERSION = 1;
const bytes = z.base64().transform((text) => Buffer.from(text, "base64"));
const optionalText = z.string().max(1000).exactOptional();
const evidence = z.object({
  repository: z.string().max(300),
  digest: z.custom<Digest>(isDigest),
  platform: z.string().max(50),
  asked: z.iso.datetime().transform((text) => new Date(text)),
  places: z.array(z.string().max(300)).max(20),
  unanswered: z.array(z.string().max(500)).max(50),
  found: z
    .array(
      z.object({
        over: z.custom<Digest>(isDigest),
        bundle: z.record(z.string(), z.unknown()).refine(isShallow),
        payload: bytes.exactOptional(),
      }),
    )
    .max(50),
  partial: z.literal(true).exactOptional(),
  unread: z.array(z.string().max(500)).max(50),
  others: z.array(z.string().max(500)).max(50),
  sboms: z
    .array(
      z.object({
        type: z.string().max(500),
        digest: z.custom<Digest>(isDigest),
        unsigned: z.boolean(),
      }),
    )
    .max(50)
    .exactOptional(),
  index: bytes.exactOptional(),
  attestation: z.object({ manifest: bytes, statement: bytes }).exactOptional(),
  claims: z
    .object({ builder: optionalText, source: optionalText, revision: optionalText })
    .exactOptional(),
});
const file = z.object({ version: z.literal(VERSION), images: z.array(evidence).max(100) });

/** Undefined for anything but such a file. */
export function parseEvidence(text: string): EvidenceFile | undefined {
  const parsed = file.safeParse(parseJson(text));
  return parsed.success ? parsed.data.images : undefined;
}

/** The inverse of {@link parseEvidence}; ends with a line break. */
export function formatEvidence(images: EvidenceFile): string {
  const plain = images.map(({ asked, found, index, attestation, ...rest }) => ({
    ...rest,
    asked: asked.toISOString(),
    found: found.map(({ over, bundle, payload }) => ({
      over,
      bundle,
      ...(payload !== undefined && { payload: payload.toString("base64") }),
    })),
    ...(index !== undefined && { index: index.toString("base64") }),
    ...(attestation !== undefined && {
      attestation: {
        manifest: attestation.manifest.toString("base64"),
        statement: attestation.statement.toString("base64"),
      },
    }),
  }));
  return `${JSON.stringify({ version: VERSION, images: plain }, undefined, 2)}\n`;
}

/** The evidence for an image on a platform; undefined if the file has none. */
export const evidenceFor = (
  images: EvidenceFile,
  image: Pick<ImageReference, "registry" | "repository"> & { readonly digest: Digest },
  platform: string,
): Evidence | undefined =>
  images.find(
    (one) =>
      one.digest === image.digest &&
      one.platform === platform &&
      one.repository === repositoryName(image),
  );

/** With the new evidence first, in place of an older one for the same image. Keeps the 20 newest. */
export const withEvidence = (images: EvidenceFile, added: Evidence): EvidenceFile =>
  [
    added,
    ...images.filter(
      ({ digest, platform, repository }) =>
        digest !== added.digest || platform !== added.platform || repository !== added.repository,
    ),
  ].slice(0, MAX_IMAGES);
