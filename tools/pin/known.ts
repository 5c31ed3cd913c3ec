/** Adds to the rows of `npm run pin` what is known of the versions that the file has afterwards. Never changes a status. Pure. */
import { dayOf } from "../../images/age";
import { advisoriesOf, lineEnd, type Accepted } from "../../images/known/known";
import { parseReference } from "../../images/reference";
import { imageLines } from "../trust/known";
import type { PinRow } from "./decision";

/** Whether the fact of an acceptance is true is not known here: `npm run preview` checks it. */
export const withKnown = (
  rows: readonly PinRow[],
  accept: readonly Accepted[],
  now: Date,
): readonly PinRow[] =>
  rows.map((row) => {
    // An invalid reference has failed before.
    if (row.status === "fail") return row;
    const image = parseReference(row.status === "take" ? (row.to ?? row.from) : row.from);
    const today = dayOf(now);
    const line = lineEnd(image, now);
    const holes = advisoriesOf(image).filter(
      (hole) => !accept.some(({ id, until }) => id === hole.id && today <= until),
    );
    const known = imageLines({ image, holes, ...(line !== undefined && { line }) });
    return known.length === 0 ? row : { ...row, known };
  });
