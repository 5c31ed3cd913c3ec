/**
 * Reads the manifests that signatures are stored in, and converts cosign's older form to Sigstore bundles. Pure.
 * The older form: https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
 */
import { createHash } from "node:crypto";
import { z } from "zod";

import { isMap } from "../../text/messages";
import { isNestedAtMost, parseJson, texts } from "../json";
import { isDigest, type Digest } from "../reference";

/** A signature to verify: a Sigstore bundle, with the text that is signed unless the bundle contains it. */
export interface Candidate {
  readonly bundle: object;
  readonly payload?: Buffer;
}

/** A layer that holds a signature. */
export interface SignatureLayer {
  readonly digest: Digest;
  readonly bytes: number;
  readonly form: "bundle" | "simple" | "envelope";
  readonly annotations: Readonly<Record<string, string>>;
}

/** What a manifest is about, and what it holds. */
export interface SignatureManifest {
  /** The digest that it refers to; absent in the older form, where the tag says it. */
  readonly subject?: Digest;
  readonly signatures: readonly SignatureLayer[];
  /** Media types of other layers, such as SBOMs. */
  readonly others: readonly string[];
}

const SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json";
const ENVELOPE = "application/vnd.dsse.envelope.v1+json";
const BUNDLE = /^application\/vnd\.dev\.sigstore\.bundle(?:\.v\d|\+json)/;

const layer = z.object({
  mediaType: z.string(),
  digest: z.custom<Digest>(isDigest),
  size: z.number().int().min(0),
  annotations: texts,
});
const manifest = z.object({
  subject: z.object({ digest: z.custom<Digest>(isDigest) }).optional(),
  layers: z.array(layer).max(1000),
});

/** Decides by the media types of the layers: registries and clients disagree about those of the manifest. */
export function readManifest(bytes: Buffer): SignatureManifest | undefined {
  const parsed = manifest.safeParse(parseJson(bytes));
  if (!parsed.success) return undefined;
  const { subject, layers } = parsed.data;
  const formOf = (type: string): SignatureLayer["form"] | undefined =>
    type === SIMPLE
      ? "simple"
      : type === ENVELOPE
        ? "envelope"
        : BUNDLE.test(type)
          ? "bundle"
          : undefined;
  return {
    ...(subject !== undefined && { subject: subject.digest }),
    signatures: layers.flatMap(({ mediaType, digest, size, annotations: own }) => {
      const form = formOf(mediaType);
      return form === undefined ? [] : [{ digest, bytes: size, form, annotations: own }];
    }),
    others: layers.flatMap(({ mediaType }) => (formOf(mediaType) === undefined ? [mediaType] : [])),
  };
}

/** Real bundles have 8 levels. */
export const isShallow = (bundle: unknown): boolean => isNestedAtMost(bundle, 32);

/** The signature in a layer; the reason if it has a form that is not known here. */
export function candidateOf(
  { form, annotations: own }: SignatureLayer,
  content: Buffer,
): Candidate | { readonly unknown: string } {
  if (form === "bundle") {
    const bundle = parseJson(content);
    return isMap(bundle) && isShallow(bundle)
      ? { bundle }
      : { unknown: "a Sigstore bundle that is not a JSON object as expected" };
  }
  return convert(form, own, content);
}

const COSIGN = "dev.sigstore.cosign/";
const base64 = z.base64().min(1);
const logBundle = z.object({
  SignedEntryTimestamp: base64,
  Payload: z.object({
    body: base64,
    integratedTime: z.number().int().min(0),
    logIndex: z.number().int().min(0),
    logID: z.string().regex(/^[0-9a-f]{64}$/),
  }),
});
const timestamp = z.object({ SignedRFC3161Timestamp: base64 });
const entryKind = z.object({ kind: z.string(), apiVersion: z.string() });

function convert(
  form: "simple" | "envelope",
  own: Readonly<Record<string, string>>,
  content: Buffer,
): Candidate | { readonly unknown: string } {
  const log = own[`${COSIGN}bundle`];
  const entry = log === undefined ? undefined : logEntry(log);
  if (log !== undefined && entry === undefined)
    return { unknown: "a signature with a log entry of an unknown form" };
  const stamp = own[`${COSIGN}rfc3161timestamp`];
  const stamped = stamp === undefined ? undefined : timestamp.safeParse(parseJson(stamp));
  if (stamped?.success === false)
    return { unknown: "a signature with a timestamp of an unknown form" };
  const pem = own[`${COSIGN}certificate`];
  const certificate = pem === undefined || pem === "" ? undefined : derOf(pem);
  if (pem !== undefined && pem !== "" && certificate === undefined)
    return { unknown: "a signature with a certificate of an unknown form" };
  const signature = own["dev.cosignproject.cosign/signature"] ?? "";
  const envelope = form === "envelope" ? parseJson(content) : undefined;
  if (form === "envelope" && !(isMap(envelope) && isShallow(envelope)))
    return { unknown: "an attestation that is not a JSON object as expected" };
  return {
    bundle: {
      // In version 0.1, a promise of the log suffices without a proof of inclusion.
      mediaType: "application/vnd.dev.sigstore.bundle+json;version=0.1",
      verificationMaterial: {
        ...(certificate === undefined
          ? { publicKey: { hint: "" } }
          : { x509CertificateChain: { certificates: [{ rawBytes: certificate }] } }),
        tlogEntries: entry === undefined ? [] : [entry],
        ...(stamped !== undefined && {
          timestampVerificationData: {
            rfc3161Timestamps: [{ signedTimestamp: stamped.data.SignedRFC3161Timestamp }],
          },
        }),
      },
      ...(envelope === undefined
        ? {
            messageSignature: {
              messageDigest: {
                algorithm: "SHA2_256",
                digest: createHash("sha256").update(content).digest("base64"),
              },
              signature,
            },
          }
        : { dsseEnvelope: envelope }),
    },
    ...(envelope === undefined && { payload: content }),
  };
}

function logEntry(text: string): object | undefined {
  const parsed = logBundle.safeParse(parseJson(text));
  if (!parsed.success) return undefined;
  const { SignedEntryTimestamp, Payload } = parsed.data;
  const kind = entryKind.safeParse(parseJson(Buffer.from(Payload.body, "base64")));
  if (!kind.success) return undefined;
  return {
    logIndex: String(Payload.logIndex),
    logId: { keyId: Buffer.from(Payload.logID, "hex").toString("base64") },
    kindVersion: { kind: kind.data.kind, version: kind.data.apiVersion },
    integratedTime: String(Payload.integratedTime),
    inclusionPromise: { signedEntryTimestamp: SignedEntryTimestamp },
    canonicalizedBody: Payload.body,
  };
}

/** The base64 of the first certificate's DER. */
const derOf = (pem: string): string | undefined =>
  /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/
    .exec(pem)?.[1]
    ?.replace(/\s+/g, "");

/** The tag of what is stored for a digest where the registry has no referrers API, and with cosign's suffixes. */
export const tagOf = (digest: Digest, suffix: "" | ".sig" | ".att"): string =>
  `${digest.replace(":", "-")}${suffix}`;

const descriptor = z.object({
  digest: z.custom<Digest>(isDigest),
  annotations: texts,
});
const index = z.object({ manifests: z.array(descriptor.optional().catch(undefined)) });

/** BuildKit's attestation manifests in an index for one platform's manifest. */
export function attestationsIn(indexBytes: Buffer, manifestDigest: Digest): readonly Digest[] {
  const parsed = index.safeParse(parseJson(indexBytes));
  if (!parsed.success) return [];
  return parsed.data.manifests.flatMap((entry) =>
    entry?.annotations["vnd.docker.reference.type"] === "attestation-manifest" &&
    entry.annotations["vnd.docker.reference.digest"] === manifestDigest
      ? [entry.digest]
      : [],
  );
}
