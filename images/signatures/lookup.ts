/**
 * Asks the registries for the signatures of pinned images, judges them, and says what to keep. Images with complete evidence
 * cost no request.
 */
import type { PinnedImage } from "../reference";
import { RegistryClient, type RegistryClientOptions } from "../registry/client";
import { placesOf, type TrustPolicies } from "../trust/policy";
import { lazyVerifier } from "./check";
import { discover } from "./discover";
import type { Evidence } from "./evidence";
import { judge, policyOf, type Judgement } from "./judge";
import type { SignatureVerifier } from "./verify";

export interface SignatureRequest extends Pick<
  RegistryClientOptions,
  "registries" | "signal" | "ca" | "onRequest" | "deadlineMs" | "limits"
> {
  readonly images: readonly { readonly service: string; readonly image: PinnedImage }[];
  readonly platform: string;
  readonly trust: TrustPolicies;
  /** The evidence that is already there, by service. */
  readonly known: (service: string, image: PinnedImage) => Evidence | undefined;
  /** Ask although the evidence is complete. Default false. */
  readonly again?: boolean;
  /** Ask nothing. Default false. */
  readonly offline?: boolean;
  readonly now: Date;
  /** Default: with the trusted root of the public instance. */
  readonly verifier?: () => Promise<SignatureVerifier>;
}

export interface LookedUp {
  readonly service: string;
  readonly judgement: Judgement;
  /** New evidence to keep. */
  readonly evidence?: Evidence;
}

const DEADLINE_MS = 60_000;
/** Real signatures have 1 to 12 KiB. */
const MAX_KEPT_BYTES = 256 * 1024;
const MAX_KEPT = 16;

/** In the order of the images. Rejects only with an abort: what could not be asked is `unknown`. */
export async function lookUpSignatures(request: SignatureRequest): Promise<readonly LookedUp[]> {
  const { images, platform, trust, known, again = false, offline = false, now } = request;
  const { registries, signal, ca, onRequest, deadlineMs = DEADLINE_MS, limits } = request;
  const { verifier = lazyVerifier() } = request;
  const client = new RegistryClient({
    deadlineMs,
    ...(registries !== undefined && { registries }),
    ...(signal !== undefined && { signal }),
    ...(ca !== undefined && { ca }),
    ...(onRequest !== undefined && { onRequest }),
    ...(limits !== undefined && { limits }),
  });
  try {
    return await Promise.all(
      images.map(async ({ service, image }): Promise<LookedUp> => {
        const configured = trust[service];
        const judged = (evidence: Evidence | undefined): Promise<Judgement> =>
          judge({ service, image, platform, configured, evidence, verifier });
        const old = known(service, image);
        if (offline || (!again && old?.unanswered.length === 0)) {
          const judgement = await judged(old);
          // A policy may name a place that was not asked, or ask for more than was kept.
          const isOpen =
            judgement.word === "unknown" ||
            (old?.partial === true && judgement.word !== "verified");
          if (offline || !isOpen) return { service, judgement };
        }
        const evidence = await discover(client, image, {
          platform,
          places: placesOf(policyOf(image, configured).policy),
          enough: async (sofar) => (await judged(sofar)).word === "verified",
          now,
        });
        const judgement = await judged(evidence);
        // What could not be told is asked again the next time.
        if (judgement.word === "unknown") return { service, judgement };
        const kept = reduced(evidence);
        const same = (await judged(kept)).word === judgement.word;
        return { service, judgement, evidence: same ? kept : evidence };
      }),
    );
  } finally {
    client.close();
  }
}

/** Without what no verification needs. */
function reduced(evidence: Evidence): Evidence {
  const { index, attestation, ...rest } = evidence;
  const found = evidence.found
    .filter(({ bundle }) => JSON.stringify(bundle).length <= MAX_KEPT_BYTES)
    .slice(0, MAX_KEPT);
  const isBelow = found.some(({ over }) => over !== evidence.digest);
  return {
    ...rest,
    found,
    ...(found.length < evidence.found.length && { partial: true }),
    ...(isBelow && index !== undefined && { index }),
    ...(isBelow && attestation !== undefined && { attestation }),
  };
}
