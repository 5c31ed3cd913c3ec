/** What is known of each image's origin and version, for reports. Contacts nothing: reads the kept signatures and the dated facts. */
import { checkImages } from "../../images/signatures/check";
import { limitsOfFacts, type LineEnd } from "../../images/known/known";
import type { LoadedStack } from "../model/load";
import { imageLines, knownImages, type KnownHole } from "./known";
import { describeProvenance, describeSboms, trustJson } from "./text";

export interface SupplyView {
  readonly images: readonly SupplyImage[];
  /** What limits the facts: their age, or files that cannot be used. */
  readonly limits: readonly string[];
}

export interface SupplyImage {
  readonly service: string;
  /** As `npm run verify -- --format json` has it. */
  readonly signature: NonNullable<ReturnType<typeof trustJson>>;
  /** Who says how it was built, in one line; empty if nobody does. */
  readonly provenanceText: string;
  /** In one line; empty without one. */
  readonly sbomText: string;
  readonly line: LineEnd | null;
  readonly holes: readonly KnownHole[];
  /** The ended line and the open holes, as a preview says them. */
  readonly known: readonly string[];
}

/** @param folder that of the stack's file */
export async function supplyView(
  loaded: LoadedStack,
  folder: string,
  now: Date,
): Promise<SupplyView> {
  const { config, model } = loaded;
  const checked = await checkImages({ ...config, folder });
  const images = knownImages(loaded, now).flatMap((one): SupplyImage[] => {
    const judgement = checked.find(({ service }) => service === one.service)?.judgement;
    const signature = trustJson(judgement);
    if (judgement === undefined || signature === null) return [];
    return [
      {
        service: one.service,
        signature,
        provenanceText: describeProvenance(judgement),
        sbomText: describeSboms(judgement),
        line: one.line ?? null,
        holes: one.holes,
        known: imageLines(one),
      },
    ];
  });
  return {
    images,
    limits: limitsOfFacts(
      model.images.map(({ reference }) => reference),
      now,
    ),
  };
}
