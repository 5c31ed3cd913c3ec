/**
 * The word for an image: what its signatures are, held against what is expected of it. Verifies every signature again and
 * contacts nothing.
 */
import { dayOf } from "../age";
import type { ImageReference, PinnedImage } from "../reference";
import { Redactor } from "../../text/redact";
import {
  describeSigner,
  wantedOf,
  type SignaturePolicy,
  type TrustPolicy,
  type Wanted,
} from "../trust/policy";
import { publisherOf, type Publisher } from "../trust/publishers";
import {
  coverage,
  repositoryName,
  type Coverage,
  type Evidence,
  type FoundCandidate,
  type SbomReference,
} from "./evidence";
import type { BuildClaims } from "./statement";
import { accept, claimedStatement, type SignatureVerifier, type Signer } from "./verify";

/**
 * - `verified`: everything that is expected is there and verifies.
 * - `unsigned`: every place was asked, and nothing is there.
 * - `refused`: something else is there than is expected, or nothing.
 * - `uncheckable`: there is a signature in a form that is not known here, or by nobody that a policy names.
 * - `unknown`: the registries were not asked yet, or could not tell.
 */
export type Word = "verified" | "unsigned" | "refused" | "uncheckable" | "unknown";

export interface Judgement {
  readonly word: Word;
  /** The reason, in one line. */
  readonly text: string;
  /** Whether the image may be deployed. */
  readonly met: boolean;
  /** Where the policy is from: the stack's configuration, a known publisher, or nowhere. */
  readonly policy: "stack" | "publisher" | "none";
  /** What to do, in one line; absent if there is nothing. */
  readonly remedy?: string;
  /** Who signed what. Only with `verified`. */
  readonly signers: readonly VerifiedPart[];
  /** Claims of an unsigned provenance. */
  readonly claims?: BuildClaims;
  /** What else is attached, such as SBOMs. Not verified. */
  readonly others: readonly string[];
  /** Where its SBOMs are. Not verified. */
  readonly sboms: readonly SbomReference[];
  /** When the registries were asked. */
  readonly asked?: Date;
}

export interface VerifiedPart extends Signer {
  readonly what: Wanted["what"];
  readonly covers: Coverage;
  readonly predicateType: string;
}

export interface JudgeInput {
  readonly service: string;
  readonly image: PinnedImage;
  /** `linux/amd64` */
  readonly platform: string;
  /** The stack's own policy for the image. */
  readonly configured: TrustPolicy | undefined;
  readonly evidence: Evidence | undefined;
  /** Called only if there is something to verify. */
  readonly verifier: () => Promise<SignatureVerifier>;
}

/** The policy of the stack; else that of the publisher. */
export function policyOf(
  image: PinnedImage,
  configured: TrustPolicy | undefined,
): { readonly policy: TrustPolicy | undefined; readonly publisher: Publisher | undefined } {
  if (configured !== undefined) return { policy: configured, publisher: undefined };
  const publisher = publisherOf(image);
  return { policy: publisher?.policy, publisher };
}

export async function judge(input: JudgeInput): Promise<Judgement> {
  const { service, image, configured } = input;
  const { policy, publisher } = policyOf(image, configured);
  // Evidence for something else must never count.
  const evidence = isFor(input.evidence, input) ? input.evidence : undefined;
  const origin =
    configured !== undefined ? "stack" : publisher === undefined ? "none" : "publisher";
  const base = {
    policy: origin,
    signers: [],
    others: evidence?.others ?? [],
    sboms: evidence?.sboms ?? [],
    ...(evidence?.claims !== undefined && { claims: evidence.claims }),
    ...(evidence !== undefined && { asked: evidence.asked }),
  } as const;
  const wanted = policy === undefined ? [] : wantedOf(policy);
  if (wanted.length === 0) {
    const reason = policy !== undefined && "unsigned" in policy ? policy.unsigned : undefined;
    return { ...base, met: true, ...(await unexpected(evidence, input, reason)) };
  }
  const found = await Promise.all(wanted.map((one) => examine(one, evidence, input)));
  const failed = found.filter((one) => "word" in one);
  const good = found.filter((one) => "signer" in one);
  const [worst] = failed.sort((a, b) => SEVERITY.indexOf(a.word) - SEVERITY.indexOf(b.word));
  if (worst === undefined)
    return {
      ...base,
      word: "verified",
      met: true,
      signers: good.map(({ signer }) => signer),
      text: good.map(({ signer }) => describePart(signer)).join("; "),
    };
  const { word, text } = worst;
  // Nobody has verified a published image with such a policy yet, so it may be wrong.
  const binding = publisher === undefined || publisher.known === "seen";
  return {
    ...base,
    word,
    met: !binding,
    text: binding ? text : `${text} (${unseen(publisher)})`,
    remedy: remedyFor(service, word, evidence),
  };
}

const SEVERITY: readonly Word[] = ["refused", "uncheckable", "unknown"];

const isFor = (
  evidence: Evidence | undefined,
  { image, platform }: JudgeInput,
): evidence is Evidence =>
  evidence?.digest === image.digest &&
  evidence.platform === platform &&
  evidence.repository === repositoryName(image);

type Examined =
  | { readonly signer: VerifiedPart }
  | { readonly word: Exclude<Word, "verified">; readonly text: string };

/** One expectation of a policy. */
async function examine(
  { what, signers }: Wanted,
  evidence: Evidence | undefined,
  { image, verifier }: JudgeInput,
): Promise<Examined> {
  if (evidence === undefined)
    return { word: "unknown", text: `no registry was asked for its ${what} yet` };
  // One of an unknown form may be what is missing.
  const candidates = evidence.found.filter((one) => (claimedStatement(one)?.what ?? what) === what);
  const places = new Set(evidence.places);
  const covered = coverage(evidence);
  const failures: { readonly kind: "refused" | "uncheckable"; readonly text: string }[] =
    evidence.unread.map((text) => ({ kind: "uncheckable", text: `there is ${text}` }));
  for (const candidate of candidates)
    for (const signer of signers) {
      const outcome = accept(await verifier(), candidate, signer, {
        what,
        digests: new Set(covered.keys()),
        repositories: [repositoryName(image), ...(signer.from === undefined ? [] : [signer.from])],
      });
      if ("signer" in outcome) {
        const [digest] = outcome.statement.subjects.filter((one) => covered.has(one));
        const covers = digest === undefined ? undefined : covered.get(digest);
        if (covers !== undefined)
          return {
            signer: {
              ...outcome.signer,
              what,
              covers,
              predicateType: outcome.statement.predicateType,
            },
          };
      } else if ("refused" in outcome)
        failures.push({
          kind: "refused",
          text: `its ${what} is not as expected: ${outcome.refused}`,
        });
      else
        failures.push({
          kind: "uncheckable",
          text: `it has a ${what}, but ${outcome.uncheckable}`,
        });
    }
  // A place that did not answer may have the right one.
  const unasked = signers.flatMap(({ from }) =>
    from === undefined || places.has(from) ? [] : [from],
  );
  const [silence] = evidence.unanswered;
  if (silence !== undefined) return { word: "unknown", text: `could not be told: ${silence}` };
  if (unasked.length > 0)
    return {
      word: "unknown",
      text: `no registry was asked for its ${what} in ${unasked.join(", ")} yet`,
    };
  const chosen = failures.find(({ kind }) => kind === "refused") ?? failures[0];
  if (chosen !== undefined) return { word: chosen.kind, text: chosen.text };
  if (evidence.partial === true)
    return {
      word: "unknown",
      text: `not every place was asked for its ${what}, because an earlier policy was met before that`,
    };
  return {
    word: "refused",
    text: `has no ${what}, expected one by ${signers.map(describeSigner).join(" or ")}`,
  };
}

/** The word where no signer is expected. */
async function unexpected(
  evidence: Evidence | undefined,
  { service, verifier }: JudgeInput,
  reason: string | undefined,
): Promise<Pick<Judgement, "word" | "text" | "remedy">> {
  const accepted = reason === undefined ? "no policy says who has to sign it" : reason;
  if (evidence === undefined)
    return { word: "unknown", text: `${accepted}; no registry was asked` };
  const [candidate] = evidence.found;
  if (candidate !== undefined) {
    const by = describeUnexpected(await verifier(), evidence.found);
    return {
      word: "uncheckable",
      text: `${accepted}, but it has a signature ${by}`,
      remedy: `if that is the publisher, name it in trust.${service}`,
    };
  }
  if (evidence.unread[0] !== undefined)
    return { word: "uncheckable", text: `${accepted}, but there is ${evidence.unread[0]}` };
  if (evidence.unanswered[0] !== undefined)
    return { word: "unknown", text: `${accepted}; could not be told: ${evidence.unanswered[0]}` };
  return { word: "unsigned", text: accepted };
}

const redactor = new Redactor();

/** Who made a signature that nobody expects, if a trusted authority vouches for it. */
function describeUnexpected(verifier: SignatureVerifier, found: readonly FoundCandidate[]): string {
  for (const candidate of found) {
    const outcome = verifier.verify(candidate, undefined);
    if ("signer" in outcome) {
      const { by, issuer = "" } = outcome.signer;
      return `by ${redactor.quote(by)}, of ${redactor.quote(issuer)}`;
    }
  }
  return "by an unknown key";
}

const COVERED: Readonly<Record<Coverage, string>> = {
  index: "the pinned digest",
  platform: "the manifest of the platform in it",
  attestation: "the attestation in it",
};

function describePart({ what, by, source, revision, covers, logged, at }: VerifiedPart): string {
  const from =
    source === undefined
      ? ""
      : ` from ${redactor.clean(source)}${revision === undefined ? "" : ` at ${redactor.clean(revision).slice(0, 12)}`}`;
  const log = !logged ? "not logged" : at === undefined ? "logged" : `logged ${dayOf(at)}`;
  return `${what} by ${redactor.clean(by)}${from}, over ${COVERED[covers]}, ${log}`;
}

const unseen = ({ known, date, source }: Publisher): string =>
  `expected of its publisher: ${known} in ${source}, ${date}, and not seen on an image yet, so this does not stop a deployment`;

function remedyFor(
  service: string,
  word: Exclude<Word, "verified">,
  evidence: Evidence | undefined,
): string {
  if (word === "unknown")
    return evidence === undefined
      ? `run "npm run pin" for ${service}, which asks`
      : `check the network, then run "npm run verify"`;
  return `if the publisher signs in another way now, correct trust.${service}; to deploy it without a signature, put the reason there: { unsigned: "…" }`;
}

/** The lines of a stack file that make a publisher's policy binding. */
export function policyLines(service: string, policy: TrustPolicy): readonly string[] {
  const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;
  const signer = (one: SignaturePolicy): readonly string[] =>
    Object.entries(one).map(
      ([key, value], index) => `${index === 0 ? "- " : "  "}${key}: ${quote(String(value))}`,
    );
  return [
    "pinned-stack:trust:",
    `  ${service}:`,
    ...("unsigned" in policy
      ? [`    unsigned: ${quote(policy.unsigned)}`]
      : wantedOf(policy).flatMap(({ what, signers }) => [
          `    ${what}:`,
          ...signers.flatMap(signer).map((line) => `      ${line}`),
        ])),
  ];
}

/** The image, the word and the reason: a line of a message. */
export const describeJudgement = (
  { service, image }: { readonly service: string; readonly image: ImageReference },
  { word, text, remedy }: Judgement,
): string =>
  `images.${service}: ${image.name}${image.tag === undefined ? "" : `:${image.tag}`}: ${word}: ${text}${remedy === undefined ? "" : `; ${remedy}`}`;
