/**
 * Verifies one signature against one expected signer, offline. `@sigstore/verify` checks the certificate, the log and the
 * signature; everything that says whose it is and what it is about is compared here, exactly. The libraries are loaded only
 * when there is something to verify.
 */
import type { Bundle } from "@sigstore/bundle";
import type { TrustedRoot } from "@sigstore/protobuf-specs";
import type {
  Signer as SigstoreSigner,
  TrustMaterial,
  Verifier,
  VerifierOptions,
} from "@sigstore/verify";

import { Redactor } from "../../text/redact";
import { matchesIdentity, repositoryOf } from "../trust/identity";
import {
  fingerprintOf,
  isKeySigner,
  publicKeyOf,
  type KeylessSigner,
  type KeySigner,
} from "../trust/policy";
import type { Candidate } from "./layout";
import { readTrustedRoot, TRUSTED_ROOT } from "./root";
import { IN_TOTO, readSimpleSigning, readStatement, type Statement } from "./statement";

/** Who signed, and when the public log recorded it. */
export interface Signer {
  /** The certificate's identity, or the fingerprint of the key. */
  readonly by: string;
  readonly issuer?: string;
  /** Source repository and commit in the certificate. */
  readonly source?: string;
  readonly revision?: string;
  /** Whether the public transparency log has the signature. */
  readonly logged: boolean;
  readonly at?: Date;
}

/** `uncheckable`: in a form, or of a log, that is not known here. `refused`: anything else that is not as expected. */
export type Failure = { readonly refused: string } | { readonly uncheckable: string };
export interface Verified {
  readonly signer: Signer;
  /** The text that is signed, from where the library verified it. */
  readonly signed: { readonly kind: "simple" | "statement" | "unknown"; readonly text: Buffer };
}

/** More than any real signature has. Limits the time that a hostile one takes. */
const MAX_ENTRIES = 8;

const MEDIA_TYPE =
  /^application\/vnd\.dev\.sigstore\.bundle(?:\+json;version=0\.[123]|\.v0\.3\+json)$/;
const LOG_ENTRIES: ReadonlySet<string> = new Set([
  ...["hashedrekord 0.0.1", "hashedrekord 0.0.2"],
  ...["dsse 0.0.1", "dsse 0.0.2", "intoto 0.0.2"],
]);

const redactor = new Redactor();

/** Use {@link openVerifier}. */
export class SignatureVerifier {
  readonly #material: TrustMaterial;

  constructor(
    private readonly library: Library,
    private readonly root: TrustedRoot,
    private readonly rootDate: string,
  ) {
    // Once: parsing its certificates and keys takes milliseconds.
    this.#material = library.toTrustMaterial(root, () => {
      throw new Error("no key is expected");
    });
  }

  /**
   * Whether the expected signer made this signature of the payload.
   * @param expected undefined: whoever it is, for a certificate of a trusted authority
   */
  verify(
    { bundle: json, payload }: Candidate,
    expected: KeySigner | KeylessSigner | undefined,
  ): Verified | Failure {
    // The library takes an unknown version for one without any rules of its own.
    const unknown = unknownForm(json);
    if (unknown !== undefined) return unknown;
    let bundle: Bundle;
    try {
      bundle = this.library.bundleFromJSON(json);
    } catch (error) {
      return { refused: `it is malformed: ${wordsOf(error)}` };
    }
    const material = bundle.verificationMaterial;
    const stamps = material.timestampVerificationData?.rfc3161Timestamps ?? [];
    if (material.tlogEntries.length > MAX_ENTRIES || stamps.length > MAX_ENTRIES)
      return { refused: `it has more than ${MAX_ENTRIES} log entries or timestamps` };
    const isByKey = material.content.$case === "publicKey";
    if (expected === undefined && isByKey)
      return { uncheckable: "it was made with a key that no policy names" };
    const signed = signedText(bundle, payload);
    if (signed === undefined) return { refused: "the text that it signs is missing" };
    try {
      const found =
        expected !== undefined && isKeySigner(expected)
          ? this.#byKey(bundle, payload, expected)
          : this.#byIdentity(bundle, payload, expected);
      return "signer" in found ? { ...found, signed } : found;
    } catch (error) {
      return this.#unknownLog(bundle) ?? { refused: wordsOf(error) };
    }
  }

  #byKey(
    bundle: Bundle,
    payload: Buffer | undefined,
    { key: text, log }: KeySigner,
  ): { signer: Signer } | Failure {
    if (bundle.verificationMaterial.content.$case !== "publicKey")
      return { refused: "it was made with a certificate, not with the expected key" };
    const key = publicKeyOf(text);
    if (key === undefined) return { refused: "the expected key cannot be read" };
    const { tlogEntries } = bundle.verificationMaterial;
    const required = log === "required";
    // A key is valid at any time, so timestamps add nothing; the library would refuse those of other authorities.
    const reduced: Bundle = {
      ...bundle,
      verificationMaterial: {
        ...bundle.verificationMaterial,
        timestampVerificationData: undefined,
        tlogEntries: required ? tlogEntries : [],
      },
    };
    this.#verifier({
      options: { ctlogThreshold: 0, timestampThreshold: 0, tlogThreshold: required ? 1 : 0 },
      key,
    }).verify(this.library.toSignedEntity(reduced, payload));
    // Of the reduced one: nothing verified the timestamps.
    const at = required ? loggedAt(reduced, this.library) : undefined;
    return {
      signer: {
        by: `key ${fingerprintOf(key)}`,
        logged: required,
        ...(at !== undefined && { at }),
      },
    };
  }

  #byIdentity(
    bundle: Bundle,
    payload: Buffer | undefined,
    expected: KeylessSigner | undefined,
  ): { signer: Signer } | Failure {
    if (bundle.verificationMaterial.content.$case === "publicKey")
      return {
        refused: "it was made with a key, not with a certificate for the expected identity",
      };
    const found = this.#verifier({ options: {} }).verify(
      this.library.toSignedEntity(bundle, payload),
    );
    const { subjectAlternativeName: by, extensions, oids = [] } = found.identity ?? {};
    const issuer = extensions?.issuer;
    if (by === undefined || by === "" || issuer === undefined || issuer === "")
      return { refused: "its certificate names no identity or no issuer" };
    const [source, revision, runner] = [
      ...[OID.source, OID.revision, OID.runner].map((number) => extensionText(oids, number)),
    ];
    const signer: Signer = {
      by,
      issuer,
      ...(source !== undefined && { source }),
      ...(revision !== undefined && { revision }),
      logged: true,
      ...optionalDate(loggedAt(bundle, this.library)),
    };
    if (expected === undefined) return { signer };
    if (issuer !== expected.issuer)
      return { refused: `its issuer is ${quoted(issuer)}, expected ${expected.issuer}` };
    if (!matchesIdentity(expected.identity, by))
      return { refused: `it was made by ${quoted(by)}, expected ${expected.identity}` };
    // A workflow that other projects may call signs with its own identity: only the source tells whose build it is.
    const wanted = expected.source ?? (source === undefined ? undefined : repositoryOf(by));
    if (wanted !== undefined && source !== wanted)
      return {
        refused: `its source repository is ${source === undefined ? "not stated" : quoted(source)}, expected ${wanted}`,
      };
    if (expected.runner !== undefined && runner !== expected.runner)
      return {
        refused: `it was made on a machine of kind ${runner === undefined ? "unknown" : quoted(runner)}, expected ${expected.runner}`,
      };
    return { signer };
  }

  #verifier({ options, key }: { options: VerifierOptions; key?: SigstoreSigner["key"] }): Verifier {
    return new this.library.Verifier(
      key === undefined
        ? this.#material
        : // Whatever the hint in the signature says.
          { ...this.#material, publicKey: () => ({ publicKey: key, validFor: () => true }) },
      options,
    );
  }

  /** A failure because of a log or a kind of entry that is not known here; undefined if all are known. */
  #unknownLog(bundle: Bundle): Failure | undefined {
    const known = this.root.tlogs.flatMap(({ logId, checkpointKeyId }) => [
      ...(logId === undefined ? [] : [logId.keyId.toString("hex")]),
      ...(checkpointKeyId === undefined ? [] : [checkpointKeyId.keyId.toString("hex")]),
    ]);
    for (const { logId, kindVersion } of bundle.verificationMaterial.tlogEntries) {
      const kind = `${kindVersion.kind} ${kindVersion.version}`;
      if (!LOG_ENTRIES.has(kind))
        return {
          uncheckable: `its log entry has the form ${quoted(kind)}, which is not known here`,
        };
      if (!known.includes(logId.keyId.toString("hex")))
        return {
          uncheckable: `it is in a log that the trusted root of ${this.rootDate} does not know; a newer version of this program may`,
        };
    }
    return undefined;
  }
}

interface Library {
  readonly bundleFromJSON: typeof import("@sigstore/bundle").bundleFromJSON;
  readonly toSignedEntity: typeof import("@sigstore/verify").toSignedEntity;
  readonly toTrustMaterial: typeof import("@sigstore/verify").toTrustMaterial;
  readonly Verifier: typeof import("@sigstore/verify").Verifier;
  readonly RFC3161Timestamp: typeof import("@sigstore/core").RFC3161Timestamp;
}

/**
 * Loads the libraries, which takes about 50 ms.
 * @param root Sigstore's trusted_root.json, parsed. Default: that of the public instance, shipped with the program
 * @throws an Error for an unusable root
 */
export async function openVerifier(
  root: unknown = readTrustedRoot(),
  rootDate: string = TRUSTED_ROOT.date,
): Promise<SignatureVerifier> {
  const [bundle, core, specs, verify] = await Promise.all([
    import("@sigstore/bundle"),
    import("@sigstore/core"),
    import("@sigstore/protobuf-specs"),
    import("@sigstore/verify"),
  ]);
  const trusted = specs.TrustedRoot.fromJSON(root);
  // The library takes a missing start for "since ever".
  const keys = [...trusted.tlogs, ...trusted.ctlogs].map(({ publicKey }) => publicKey);
  const authorities = [...trusted.certificateAuthorities, ...trusted.timestampAuthorities];
  if ([...keys, ...authorities].some((one) => one?.validFor?.start === undefined))
    throw new Error("the trusted root has a key without the start of its validity");
  return new SignatureVerifier({ ...bundle, ...core, ...verify }, trusted, rootDate);
}

/** What an image's signature must say. */
export interface Expectation {
  readonly what: Statement["what"];
  /** The digests that it may be about: the pinned one, or what that contains. */
  readonly digests: ReadonlySet<string>;
  /** The repositories that a plain signature may name, as `registry/repository`. */
  readonly repositories: readonly string[];
}

export type Accepted = Verified & { readonly statement: Statement };

/** {@link SignatureVerifier.verify}, and whether the signed text is about the image. */
export function accept(
  verifier: SignatureVerifier,
  candidate: Candidate,
  expected: KeySigner | KeylessSigner | undefined,
  { what, digests, repositories }: Expectation,
): Accepted | Failure {
  const verified = verifier.verify(candidate, expected);
  if (!("signer" in verified)) return verified;
  const { kind, text } = verified.signed;
  const statement =
    kind === "simple"
      ? readSimpleSigning(text)
      : kind === "statement"
        ? readStatement(text)
        : undefined;
  if (statement === undefined) return { uncheckable: "it signs a text of an unknown form" };
  if (statement.what !== what)
    return { refused: `it is no ${what}, but ${quoted(statement.predicateType)}` };
  if (!statement.subjects.some((digest) => digests.has(digest)))
    return {
      refused: `it is about another image, ${statement.subjects[0] ?? "of another kind of digest"}`,
    };
  if (
    statement.repository !== undefined &&
    !repositories.includes(normalRepository(statement.repository))
  )
    return {
      refused: `it names the repository ${quoted(statement.repository)}, expected ${repositories.join(" or ")}`,
    };
  return { ...verified, statement };
}

/** What a candidate says that it is, to choose between candidates. Not verified: {@link accept} reads it again. */
export function claimedStatement({ bundle, payload }: Candidate): Statement | undefined {
  if (payload !== undefined) return readSimpleSigning(payload);
  const { dsseEnvelope } = bundle as {
    readonly dsseEnvelope?: { readonly payload?: unknown } | null;
  };
  return typeof dsseEnvelope?.payload === "string"
    ? readStatement(Buffer.from(dsseEnvelope.payload, "base64"))
    : undefined;
}

/** What the library verifies the signature of. */
function signedText(
  { content }: Bundle,
  payload: Buffer | undefined,
): Verified["signed"] | undefined {
  if (content.$case === "messageSignature")
    return payload === undefined ? undefined : { kind: "simple", text: payload };
  const { payload: text, payloadType } = content.dsseEnvelope;
  return { kind: payloadType === IN_TOTO ? "statement" : "unknown", text };
}

/** Docker Hub has several names: `index.docker.io/wollomatic/socket-proxy`, `wollomatic/socket-proxy`. */
function normalRepository(name: string): string {
  const plain = name.replace(/@sha256:[0-9a-f]{64}$/, "").replace(/:[\w.-]{1,128}$/, "");
  const [first = "", ...rest] = plain.split("/");
  const hasHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  const [host, path] = hasHost ? [first, rest.join("/")] : ["docker.io", plain];
  if (host !== "docker.io" && host !== "index.docker.io") return `${host}/${path}`;
  return `docker.io/${path.includes("/") ? path : `library/${path}`}`;
}

function unknownForm(json: object): Failure | undefined {
  const { mediaType } = json as { readonly mediaType?: unknown };
  if (typeof mediaType !== "string") return { uncheckable: "it does not say which form it has" };
  return MEDIA_TYPE.test(mediaType)
    ? undefined
    : { uncheckable: `it has the form ${quoted(mediaType)}, which is not known here` };
}

/** Fulcio's certificate extensions, 1.3.6.1.4.1.57264.1.*: https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md */
const OID = { runner: 11, source: 12, revision: 13 } as const;
const FULCIO = "1.3.6.1.4.1.57264.1";

function extensionText(
  oids: NonNullable<NonNullable<SigstoreSigner["identity"]>["oids"]>,
  number: number,
): string | undefined {
  const found = oids.filter(({ oid }) => oid?.id.join(".") === `${FULCIO}.${number}`);
  const [one] = found;
  return found.length === 1 && one !== undefined ? utf8String(Buffer.from(one.value)) : undefined;
}

/** The text of a DER UTF8String of less than 64 KiB. */
function utf8String(der: Buffer): string | undefined {
  const short = der[1] ?? 0;
  const [header, length] =
    short < 0x80
      ? [2, short]
      : short === 0x81
        ? [3, der[2] ?? 0]
        : short === 0x82
          ? [4, ((der[2] ?? 0) << 8) | (der[3] ?? 0)]
          : [0, -1];
  return der[0] === 0x0c && der.length === header + length
    ? der.subarray(header).toString("utf8")
    : undefined;
}

/** The time of the log, or of the timestamp authority. Call it only for a verified bundle. */
function loggedAt(
  { verificationMaterial: { tlogEntries, timestampVerificationData } }: Bundle,
  { RFC3161Timestamp }: Library,
): Date | undefined {
  const times = [
    ...tlogEntries.flatMap(({ integratedTime, inclusionPromise }) =>
      inclusionPromise !== undefined && Number(integratedTime) > 0
        ? [Number(integratedTime) * 1000]
        : [],
    ),
    ...(timestampVerificationData?.rfc3161Timestamps ?? []).map(({ signedTimestamp }) =>
      RFC3161Timestamp.parse(Buffer.from(signedTimestamp)).signingTime.getTime(),
    ),
  ];
  return times.length === 0 ? undefined : new Date(Math.min(...times));
}

const optionalDate = (at: Date | undefined): { at?: Date } => (at === undefined ? {} : { at });

const quoted = (text: string): string => redactor.quote(text);

/** The library's message, which may quote the signature. */
const wordsOf = (error: unknown): string =>
  redactor.clean(error instanceof Error ? error.message : String(error));
