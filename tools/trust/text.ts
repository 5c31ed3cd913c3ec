/** The words of signatures in the output of commands. Pure. */
import type { Judgement, VerifiedPart } from "../../images/signatures/judge";
import type { BuildClaims } from "../../images/signatures/statement";
import { oneLine } from "../../text/one-line";

/** Why, with what the image claims of itself and what to do: for people, in one line. */
export function describeTrust(judgement: Judgement): string {
  const { text, remedy, claims } = judgement;
  const parts = [
    text,
    claims === undefined ? undefined : `unsigned provenance in it says: ${describeBuild(claims)}`,
    describeSboms(judgement),
    remedy,
  ];
  return oneLine(parts.filter((part) => part !== undefined && part !== "").join("; "));
}

const describeBuild = ({ source, revision, builder }: BuildClaims): string =>
  [
    source === undefined ? undefined : `built from ${source}`,
    revision === undefined ? undefined : `at ${revision.slice(0, 12)}`,
    builder === undefined ? undefined : `by ${builder}`,
  ]
    .filter((part) => part !== undefined)
    .join(" ") || "nothing of its source";

/** Who says how the image was built: `signed: built from …`, or `unsigned: …, which nobody has signed`. Empty if nobody does. */
export function describeProvenance({ signers, claims }: Judgement): string {
  const signed = signers.find(({ what }) => what === "provenance");
  if (signed !== undefined)
    return oneLine(
      `signed by ${signed.by}${signed.source === undefined ? "" : `: built from ${signed.source}`}${signed.revision === undefined ? "" : ` at ${signed.revision.slice(0, 12)}`}`,
    );
  return claims === undefined ? "" : oneLine(`unsigned, it says: ${describeBuild(claims)}`);
}

/** `SBOM: SPDX 1a2b3c4d5e6f, unsigned`. Empty without one. */
export const describeSboms = ({ sboms }: Pick<Judgement, "sboms">): string =>
  sboms.length === 0
    ? ""
    : `SBOM: ${sboms.map(({ type, digest, unsigned }) => `${type.includes("spdx") ? "SPDX" : "CycloneDX"} ${digest.slice("sha256:".length, "sha256:".length + 12)}, ${unsigned ? "unsigned" : "signature not checked"}`).join("; ")}`;

/** Builder, source and commit; null if nobody says how the image was built. */
const provenanceJson = ({ signers, claims }: Judgement) => {
  const signed = signers.find(({ what }) => what === "provenance");
  if (signed === undefined && claims === undefined) return null;
  return {
    signed: signed !== undefined,
    builder: signed === undefined ? (claims?.builder ?? null) : signed.by,
    source: (signed === undefined ? claims?.source : signed.source) ?? null,
    revision: (signed === undefined ? claims?.revision : signed.revision) ?? null,
  };
};

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
        provenance: provenanceJson(judgement),
        sboms: judgement.sboms,
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
