/** Holds the images of a stack against its policies, offline: what a preview, a deployment and a rollback do before anything. */
import { UserError } from "../../text/user-error";
import { isPinned, type ImageReference } from "../reference";
import type { TrustPolicies } from "../trust/policy";
import { evidenceFor, type Evidence } from "./evidence";
import { describeJudgement, judge, type Judgement } from "./judge";
import { readEvidence } from "./store";
import { openVerifier, type SignatureVerifier } from "./verify";

export interface CheckedImage {
  readonly service: string;
  readonly image: ImageReference;
  readonly judgement: Judgement;
}

export interface ImagesToCheck {
  /** By service. */
  readonly images: Readonly<Record<string, ImageReference>>;
  readonly platform: string;
  readonly trust: TrustPolicies;
  /** The folder of the stack's file. */
  readonly folder: string;
  /** Default: with the trusted root of the public instance. */
  readonly verifier?: () => Promise<SignatureVerifier>;
}

/** Images that a policy does not let pass, one per line. */
export class TrustError extends UserError {
  override readonly name = "TrustError";
}

/** In the order of the images. Contacts nothing, and loads the libraries only if there is a signature to verify. */
export async function checkImages({
  images,
  platform,
  trust,
  folder,
  verifier = lazyVerifier(),
}: ImagesToCheck): Promise<readonly CheckedImage[]> {
  return Promise.all(
    Object.entries(images).map(async ([service, image]) => {
      const configured = trust[service];
      if (!isPinned(image))
        return { service, image, judgement: unpinned(configured !== undefined) };
      const read = evidenceOf(folder, service, image, platform);
      const { evidence, problem } = read;
      const judged = await judge({ service, image, platform, configured, evidence, verifier });
      const judgement =
        problem === undefined ? judged : { ...judged, text: `${judged.text}: ${problem}` };
      return { service, image, judgement };
    }),
  );
}

/** Loads the libraries with the first call. */
export function lazyVerifier(): () => Promise<SignatureVerifier> {
  let opened: Promise<SignatureVerifier> | undefined;
  return () => (opened ??= openVerifier());
}

function evidenceOf(
  folder: string,
  service: string,
  image: Parameters<typeof evidenceFor>[1],
  platform: string,
): { readonly evidence: Evidence | undefined; readonly problem?: string } {
  try {
    return { evidence: evidenceFor(readEvidence(folder, service), image, platform) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { evidence: undefined, problem: error.message };
  }
}

/** Only a digest can be verified. */
const unpinned = (required: boolean): Judgement => ({
  word: "unknown",
  text: "it has no digest, and a signature is about a digest",
  met: !required,
  policy: required ? "stack" : "none",
  signers: [],
  others: [],
  sboms: [],
  remedy: 'pin it with "npm run pin"',
});

/** Throws a {@link TrustError} with every image that its policy does not let pass. */
export function refuseUnmet(checked: readonly CheckedImage[]): void {
  const unmet = checked.filter(({ judgement }) => !judgement.met);
  if (unmet.length === 0) return;
  throw new TrustError(
    unmet
      .map(({ service, image, judgement }) => describeJudgement({ service, image }, judgement))
      .join("\n"),
  );
}

/** Images to look at although they may be deployed: what a publisher is expected to sign is not there. */
export const warningsOf = (
  checked: readonly CheckedImage[],
): readonly { readonly service: string; readonly message: string }[] =>
  checked.flatMap(({ service, image, judgement }) =>
    judgement.met && (judgement.word === "refused" || judgement.word === "uncheckable")
      ? [{ service, message: describeJudgement({ service, image }, judgement) }]
      : [],
  );

/** The verified images, one line each, for the plan. */
export const verifiedLines = (checked: readonly CheckedImage[]): readonly string[] =>
  checked.flatMap(({ service, judgement: { word, text } }) =>
    word === "verified" ? [`${service}: verified: ${text}`] : [],
  );
