/**
 * A Sigstore of the tests' own: a certificate authority, a certificate log and a transparency log in this process, and what
 * signs images with them as cosign and GitHub do. Every signature is a real one, only the keys are nobody's.
 */
import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";

import { initializeCA, initializeCTLog, initializeTLog } from "@sigstore/mock";

import type { Candidate } from "../../images/signatures/layout";
import { openVerifier, type SignatureVerifier } from "../../images/signatures/verify";

export const GITHUB = "https://token.actions.githubusercontent.com";
export const SIGN = "https://sigstore.dev/cosign/sign/v1";
export const SLSA = "https://slsa.dev/provenance/v1";

export interface Identity {
  readonly by: string;
  readonly issuer?: string;
  readonly source?: string;
  readonly revision?: string;
  readonly runner?: string;
}

/** A pair of keys of a publisher that signs without certificates. */
export interface KeyPair {
  readonly privateKey: KeyObject;
  /** PEM. */
  readonly publicKey: string;
}

export const keyPair = (): KeyPair => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { privateKey, publicKey: publicKey.export({ format: "pem", type: "spki" }) as string };
};

/** An in-toto statement about a digest. */
export const statement = (digest: string, predicateType: string, predicate: object = {}): Buffer =>
  Buffer.from(
    JSON.stringify({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ digest: { sha256: digest.slice("sha256:".length) } }],
      predicateType,
      predicate,
    }),
  );

/** The text that cosign's older form signs. */
export const simpleSigning = (digest: string, repository: string): Buffer =>
  Buffer.from(
    JSON.stringify({
      critical: {
        identity: { "docker-reference": repository },
        image: { "docker-manifest-digest": digest },
        type: "cosign container image signature",
      },
      optional: null,
    }),
  );

interface LogEntry {
  readonly body: string;
  readonly integratedTime: number;
  readonly logID: string;
  readonly logIndex: number;
  readonly verification: {
    readonly signedEntryTimestamp: string;
    readonly inclusionProof: {
      readonly logIndex: number;
      readonly rootHash: string;
      readonly treeSize: number;
      readonly checkpoint: string;
    };
  };
}

type Material =
  | { readonly certificate: Buffer; readonly key: KeyObject }
  | { readonly certificate?: never; readonly key: KeyObject };

const LOG_URL = "https://rekor.test";
const IN_TOTO = "application/vnd.in-toto+json";

export class SigstoreWorld {
  private constructor(
    private readonly ca: Awaited<ReturnType<typeof initializeCA>>,
    private readonly log: Awaited<ReturnType<typeof initializeTLog>>,
    /** trusted_root.json of this world. */
    readonly root: object,
  ) {}

  static async start(): Promise<SigstoreWorld> {
    const key = () => generateKeyPairSync("ec", { namedCurve: "P-256" });
    const certificates = await initializeCTLog(key());
    const ca = await initializeCA(generateKeyPairSync("ec", { namedCurve: "P-384" }), certificates);
    const log = await initializeTLog(LOG_URL, key());
    const validFor = { start: new Date(Date.now() - 3_600_000).toISOString() };
    const logOf = (publicKey: Buffer, baseUrl: string) => ({
      baseUrl,
      hashAlgorithm: "SHA2_256",
      publicKey: {
        rawBytes: publicKey.toString("base64"),
        keyDetails: "PKIX_ECDSA_P256_SHA_256",
        validFor,
      },
      logId: { keyId: createHash("sha256").update(publicKey).digest("base64") },
    });
    return new SigstoreWorld(ca, log, {
      mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
      tlogs: [logOf(log.publicKey, LOG_URL)],
      ctlogs: [logOf(certificates.publicKey, "https://ct.test")],
      certificateAuthorities: [
        {
          subject: { organization: "test", commonName: "test" },
          uri: "https://fulcio.test",
          certChain: { certificates: [{ rawBytes: base64(ca.rootCertificate) }] },
          validFor,
        },
      ],
      timestampAuthorities: [],
    });
  }

  verifier(): Promise<SignatureVerifier> {
    return openVerifier(this.root, "today");
  }

  /** As `cosign sign` 3 and actions/attest: a bundle with an envelope. */
  async bundle(payload: Buffer, signer: Identity | KeyPair, logged = true): Promise<Candidate> {
    const material = await this.#material(signer);
    const envelope = envelopeOf(payload, material.key);
    const entry = logged ? await this.#dsseEntry(envelope, payload, material) : undefined;
    return {
      bundle: {
        mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
        verificationMaterial: {
          ...(material.certificate === undefined
            ? { publicKey: { hint: "" } }
            : { certificate: { rawBytes: material.certificate.toString("base64") } }),
          tlogEntries: entry === undefined ? [] : [bundleEntry(entry, "dsse")],
        },
        dsseEnvelope: envelope,
      },
    };
  }

  /** As cosign before version 3: the layer of a `.sig` manifest, with its annotations. */
  async simple(
    payload: Buffer,
    signer: Identity | KeyPair,
    logged = true,
  ): Promise<Record<string, string>> {
    const material = await this.#material(signer);
    const signature = sign("sha256", payload, material.key).toString("base64");
    const entry = logged ? await this.#recordEntry(signature, payload, material) : undefined;
    return { "dev.cosignproject.cosign/signature": signature, ...annotationsOf(entry, material) };
  }

  /** As `cosign attest` before version 3: the layer of an `.att` manifest is the envelope. */
  async attestation(
    payload: Buffer,
    signer: Identity | KeyPair,
  ): Promise<{ readonly layer: Buffer; readonly annotations: Record<string, string> }> {
    const material = await this.#material(signer);
    const envelope = envelopeOf(payload, material.key);
    const entry = await this.#dsseEntry(envelope, payload, material);
    return {
      layer: Buffer.from(JSON.stringify(envelope)),
      annotations: {
        "dev.cosignproject.cosign/signature": "",
        ...annotationsOf(entry, material),
      },
    };
  }

  async #material(signer: Identity | KeyPair): Promise<Material> {
    if ("privateKey" in signer) return { key: signer.privateKey };
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const oid = (number: number): string => `1.3.6.1.4.1.57264.1.${number}`;
    const { issuer = GITHUB, source, revision, runner } = signer;
    const extensions = [
      { oid: oid(8), value: issuer },
      ...(runner === undefined ? [] : [{ oid: oid(11), value: runner }]),
      ...(source === undefined ? [] : [{ oid: oid(12), value: source }]),
      ...(revision === undefined ? [] : [{ oid: oid(13), value: revision }]),
    ];
    const certificate = await this.ca.issueCertificate({
      publicKey: publicKey.export({ format: "der", type: "spki" }),
      subjectAltName: signer.by,
      extensions,
    });
    return { certificate: Buffer.from(base64(certificate), "base64"), key: privateKey };
  }

  #dsseEntry(
    { signatures: [signature] }: ReturnType<typeof envelopeOf>,
    payload: Buffer,
    material: Material,
  ): Promise<LogEntry> {
    return this.#record({
      apiVersion: "0.0.1",
      kind: "dsse",
      spec: {
        envelopeHash: { algorithm: "sha256", value: "0".repeat(64) },
        payloadHash: {
          algorithm: "sha256",
          value: createHash("sha256").update(payload).digest("hex"),
        },
        signatures: [{ signature: signature?.sig, verifier: verifierOf(material) }],
      },
    });
  }

  #recordEntry(signature: string, payload: Buffer, material: Material): Promise<LogEntry> {
    return this.#record({
      apiVersion: "0.0.1",
      kind: "hashedrekord",
      spec: {
        data: {
          hash: {
            algorithm: "sha256",
            value: createHash("sha256").update(payload).digest("hex"),
          },
        },
        signature: { content: signature, publicKey: { content: verifierOf(material) } },
      },
    });
  }

  async #record(entry: object): Promise<LogEntry> {
    // The types of what it answers are in a package that nothing here needs.
    const answer: unknown = await this.log.log(entry);
    return Object.values(answer as Readonly<Record<string, LogEntry>>)[0] ?? assert.fail();
  }
}

const base64 = (bytes: ArrayBufferView<ArrayBuffer>): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");

const pem = (certificate: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${certificate.toString("base64")}\n-----END CERTIFICATE-----\n`;

const verifierOf = ({ certificate, key }: Material): string =>
  Buffer.from(
    certificate === undefined ? (key.type === "private" ? "key" : "") : pem(certificate),
  ).toString("base64");

function envelopeOf(payload: Buffer, key: KeyObject) {
  // https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
  const encoded = Buffer.concat([
    Buffer.from(`DSSEv1 ${IN_TOTO.length} ${IN_TOTO} ${payload.length} `),
    payload,
  ]);
  return {
    payload: payload.toString("base64"),
    payloadType: IN_TOTO,
    signatures: [{ keyid: "", sig: sign("sha256", encoded, key).toString("base64") }],
  };
}

const bundleEntry = (entry: LogEntry, kind: string) => {
  const { inclusionProof, signedEntryTimestamp } = entry.verification;
  return {
    logIndex: String(entry.logIndex),
    logId: { keyId: Buffer.from(entry.logID, "hex").toString("base64") },
    kindVersion: { kind, version: "0.0.1" },
    integratedTime: String(entry.integratedTime),
    inclusionPromise: { signedEntryTimestamp },
    inclusionProof: {
      logIndex: String(inclusionProof.logIndex),
      rootHash: Buffer.from(inclusionProof.rootHash, "hex").toString("base64"),
      treeSize: String(inclusionProof.treeSize),
      hashes: [],
      checkpoint: { envelope: inclusionProof.checkpoint },
    },
    canonicalizedBody: entry.body,
  };
};

function annotationsOf(
  entry: LogEntry | undefined,
  { certificate }: Material,
): Record<string, string> {
  return {
    ...(certificate !== undefined && { "dev.sigstore.cosign/certificate": pem(certificate) }),
    ...(entry !== undefined && {
      "dev.sigstore.cosign/bundle": JSON.stringify({
        SignedEntryTimestamp: entry.verification.signedEntryTimestamp,
        Payload: {
          body: entry.body,
          integratedTime: entry.integratedTime,
          logIndex: entry.logIndex,
          logID: entry.logID,
        },
      }),
    }),
  };
}
