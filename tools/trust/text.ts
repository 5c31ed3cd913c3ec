/** The words of signatures in the output of commands. Pure. */
import type { Judgement, VerifiedPart } from "../../images/signatures/judge";
import { oneLine } from "../../text/one-line";

/** Why, with what the image claims of itself and what to do: for people, in one line. */
export function describeTrust({ text, remedy, claims }: Judgement): string {
  const claimed =
    claims === undefined
      ? ""
      : `; unsigned provenance in it says: ${
          [
            claims.source === undefined ? undefined : `built from ${claims.source}`,
            claims.revision === undefined ? undefined : `at ${claims.revision.slice(0, 12)}`,
            claims.builder === undefined ? undefined : `by ${claims.builder}`,
          ]
            .filter((part) => part !== undefined)
            .join(" ") || "nothing of its source"
        }`;
  return oneLine(`${text}${claimed}${remedy === undefined ? "" : `; ${remedy}`}`);
}

/** As `--format json` prints it. */
export const trustJson = (judgement: Judgement | undefined) =>
  judgement === undefined
    ? null
    : {
        word: judgement.word,
        met: judgement.met,
        policy: judgement.policy,
        text: oneLine(judgement.text),
        askedAt: judgement.asked?.toISOString() ?? null,
        signers: judgement.signers.map(signerJson),
        unsignedClaims: judgement.claims ?? null,
        others: judgement.others,
      };

const signerJson = (part: VerifiedPart) => ({
  what: part.what,
  by: part.by,
  issuer: part.issuer ?? null,
  source: part.source ?? null,
  revision: part.revision ?? null,
  covers: part.covers,
  predicateType: part.predicateType,
  logged: part.logged,
  at: part.at?.toISOString() ?? null,
});

/** Colours of the words. */
export const TRUST_COLOUR = {
  verified: "green",
  unsigned: "dim",
  refused: "red",
  uncheckable: "yellow",
  unknown: "yellow",
} as const;
