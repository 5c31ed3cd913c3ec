/** Reads a product of https://endoflife.date/docs/api/v1/. Pure. */
import { z } from "zod";

import type { LinesFile } from "../../../images/known/data";
import { parseJson } from "../../../images/json";

type Line = LinesFile["products"][number]["lines"][number];

const answer = z.object({
  result: z.object({
    releases: z
      .array(
        z.object({
          name: z.string().max(100),
          isEol: z.boolean(),
          eolFrom: z.iso.date().nullish(),
        }),
      )
      .min(1)
      .max(1000),
  }),
});

/**
 * The lines, in the order of the answer. Names that are no version are left out. An ended line without a date keeps the end that
 * was known, and else is left out: a date is never invented. Undefined for any other answer.
 */
export function parseProduct(body: Buffer, before: readonly Line[]): readonly Line[] | undefined {
  const parsed = answer.safeParse(parseJson(body));
  if (!parsed.success) return undefined;
  return parsed.data.result.releases.flatMap(({ name, isEol, eolFrom }): Line[] => {
    if (!/^\d{1,6}(?:\.\d{1,6}){0,3}$/.test(name)) return [];
    if (eolFrom != null) return [{ line: name, end: eolFrom }];
    if (!isEol) return [{ line: name, end: null }];
    const end = before.find(({ line }) => line === name)?.end;
    return end == null ? [] : [{ line: name, end }];
  });
}
