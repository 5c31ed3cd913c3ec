/** Adds to the rows of `npm run pin` what their signatures are. A new pin that does not meet its policy is not taken. */
import { isPinned, parseReference } from "../../images/reference";
import type { RegistryClientOptions } from "../../images/registry/client";
import type { Registries } from "../../images/registry/origin";
import { evidenceFor, type Evidence } from "../../images/signatures/evidence";
import { lookUpSignatures } from "../../images/signatures/lookup";
import { readEvidence } from "../../images/signatures/store";
import type { TrustPolicies } from "../../images/trust/policy";
import { UserError } from "../../text/user-error";
import type { PinRow } from "./decision";

export interface SignatureSettings extends Pick<
  RegistryClientOptions,
  "deadlineMs" | "onRequest" | "ca"
> {
  readonly platform: string;
  readonly registries: Registries;
  readonly trust: TrustPolicies;
  /** The folder of the stack's file. */
  readonly folder: string;
  /** Only new pins are asked about. */
  readonly offline: boolean;
  readonly signal: AbortSignal;
  readonly now: Date;
}

export interface Signatures {
  readonly rows: readonly PinRow[];
  /** New evidence to keep, by service. */
  readonly evidence: ReadonlyMap<string, Evidence>;
}

export async function withSignatures(
  rows: readonly PinRow[],
  { folder, offline, platform, ...options }: SignatureSettings,
): Promise<Signatures> {
  const known = (
    service: string,
    image: Parameters<typeof evidenceFor>[1],
  ): Evidence | undefined => {
    try {
      return evidenceFor(readEvidence(folder, service), image, platform);
    } catch (error) {
      // A broken file is reported when it is written.
      if (error instanceof UserError) return undefined;
      throw error;
    }
  };
  const wanted = rows.flatMap((row) => {
    const image = imageOf(row);
    return image === undefined
      ? []
      : [{ service: row.service, image, isNew: row.status === "take" }];
  });
  const ask = (isNew: boolean, asOffline: boolean) =>
    lookUpSignatures({
      ...options,
      images: wanted.filter((one) => one.isNew === isNew),
      platform,
      known,
      offline: asOffline,
    });
  const found = (await Promise.all([ask(true, false), ask(false, offline)])).flat();
  const byService = new Map(found.map((one) => [one.service, one]));
  return {
    rows: rows.map((row) => {
      const trust = byService.get(row.service)?.judgement;
      if (trust === undefined) return row;
      if (row.status !== "take" || trust.met) return { ...row, trust };
      const remedy = trust.remedy === undefined ? "" : `; ${trust.remedy}`;
      return { ...row, trust, status: "fail", why: `${trust.word}: ${trust.text}${remedy}` };
    }),
    evidence: new Map(
      found.flatMap(({ service, judgement, evidence }) =>
        evidence === undefined || (isTaken(rows, service) && !judgement.met)
          ? []
          : [[service, evidence]],
      ),
    ),
  };
}

const isTaken = (rows: readonly PinRow[], service: string): boolean =>
  rows.some((row) => row.service === service && row.status === "take");

/** The image that the file has afterwards; undefined if it has no digest, or failed. */
function imageOf({ status, from, to }: PinRow) {
  if (status === "fail") return undefined;
  const image = parseReference(status === "take" ? (to ?? from) : from);
  return isPinned(image) ? image : undefined;
}
