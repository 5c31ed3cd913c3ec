/** What a stack expects of an image before it is deployed: who signed it, who built it, or that nobody signs it. Pure. */
import { createHash, createPublicKey, type KeyObject } from "node:crypto";

/** A public key that the publisher signs with. */
export interface KeySigner {
  /** The key as PEM, or the base64 of its DER (SubjectPublicKeyInfo). */
  readonly key: string;
  /** Whether the signature must be in the public transparency log. */
  readonly log: "required" | "ignored";
}

/** A short-lived certificate for an identity that an OpenID Connect issuer vouched for. */
export interface KeylessSigner {
  /** The issuer's URL, exactly. */
  readonly issuer: string;
  /** The identity, exactly, or a pattern `^…$` for the whole of it. See identity.ts. */
  readonly identity: string;
  /**
   * The source repository in the certificate, exactly: `https://github.com/owner/name`. Default: the repository of the
   * identity itself, if the certificate names one.
   */
  readonly source?: string;
  /** The kind of machine in the certificate, such as `github-hosted`. Default: any. */
  readonly runner?: string;
}

/** A build that must be attested. Without `source`, a shared workflow would accept the builds of every other project. */
export type Builder = KeylessSigner & { readonly source: string };

/** Where an image's signatures are, if that is another repository: `ghcr.io/n8n-io/n8n`. */
interface Place {
  readonly from?: string;
}

export type SignaturePolicy = (KeySigner | KeylessSigner) & Place;
export type ProvenancePolicy = Builder & Place;

/** One of several alternatives suffices. With both keys, both are required. `unsigned` stands alone. */
export type TrustPolicy =
  | { readonly unsigned: string }
  | {
      readonly signature?: readonly SignaturePolicy[];
      readonly provenance?: readonly ProvenancePolicy[];
    };

/** Policies by service, as a stack's configuration has them. */
export type TrustPolicies = Readonly<Partial<Record<string, TrustPolicy>>>;

export const isKeySigner = (signer: KeySigner | KeylessSigner): signer is KeySigner =>
  "key" in signer;

/** What a policy asks for, in the order in which it is reported. Empty for `unsigned`. */
export const wantedOf = (policy: TrustPolicy): readonly Wanted[] =>
  "unsigned" in policy
    ? []
    : [
        ...(policy.signature === undefined
          ? []
          : [{ what: "signature" as const, signers: policy.signature }]),
        ...(policy.provenance === undefined
          ? []
          : [{ what: "provenance" as const, signers: policy.provenance }]),
      ];

export interface Wanted {
  readonly what: "signature" | "provenance";
  readonly signers: readonly SignaturePolicy[];
}

/** The other repositories in which a policy lets signatures be looked for. */
export const placesOf = (policy: TrustPolicy | undefined): readonly string[] =>
  policy === undefined
    ? []
    : [...new Set(wantedOf(policy).flatMap(({ signers }) => signers.flatMap((s) => s.from ?? [])))];

/** Elliptic curves and RSA, as cosign makes them. Undefined for anything else. */
export function publicKeyOf(text: string): KeyObject | undefined {
  try {
    const key = text.includes("-----BEGIN PUBLIC KEY-----")
      ? createPublicKey({ key: text.trim(), format: "pem" })
      : createPublicKey({
          key: Buffer.from(text.replace(/\s+/g, ""), "base64"),
          format: "der",
          type: "spki",
        });
    return ["ec", "rsa", "ed25519"].includes(key.asymmetricKeyType ?? "") ? key : undefined;
  } catch {
    return undefined;
  }
}

/** SHA-256 of the key's DER, in hex: how people compare keys. */
export const fingerprintOf = (key: KeyObject): string =>
  createHash("sha256")
    .update(key.export({ format: "der", type: "spki" }))
    .digest("hex");

/** A signer in words, for messages. */
export function describeSigner(signer: SignaturePolicy): string {
  if (isKeySigner(signer)) {
    const key = publicKeyOf(signer.key);
    return `the key ${key === undefined ? "?" : fingerprintOf(key).slice(0, 12)}`;
  }
  return signer.identity;
}
