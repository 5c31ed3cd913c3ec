/**
 * The answer of `npm run pin` as the text of a pull request. Pure. Whatever comes from a registry stands in code spans,
 * where it can be no link, no mention and no markup.
 */
import { formatAge } from "../../images/age";
import type { PinRow, PinStatus } from "./decision";
import {
  describeBuilt,
  describeImage,
  describeStatus,
  describeWhy,
  details,
  type PinReport,
} from "./report";

/** Ends with a line break. */
export function pinMarkdown(report: PinReport): string {
  const { stack, platform, minimumAge, rows, now } = report;
  const changed = rows.filter(({ status }) => status !== "as-pinned");
  const same = rows.filter(({ status }) => status === "as-pinned");
  const parts = [
    `## Image digests of the stack ${code(stack)}`,
    `For ${code(platform)}${minimumAge === 0 ? "" : `, minimum age ${formatAge(minimumAge)}`}. What the kinds mean: docs/updating-digests.md.`,
    ...(changed.length === 0
      ? []
      : [
          table(
            ["Service", "Image", "Status", "Change", "Built"],
            changed.map((row) => [
              cell(row.service),
              cell(describeImage(row)),
              describeStatus(row, report),
              row.kind ?? "",
              describeBuilt(row, now),
            ]),
          ),
        ]),
    ...ORDER.flatMap((status) =>
      changed.filter((row) => row.status === status).map((row) => section(row, report)),
    ),
    ...(same.length === 0
      ? []
      : [`As pinned: ${same.map(({ service }) => code(service)).join(", ")}.`]),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** What the pull request changes comes first, then what needs a person. */
const ORDER: readonly PinStatus[] = ["take", "fail", "hold", "leave"];

function section(row: PinRow, report: PinReport): string {
  const rows = details(row, report.now).map(({ name, before, after }) => [
    before === after || before === "" ? name : `**${name}**`,
    before === "" ? "" : cell(before),
    cell(after),
  ]);
  const text = `### ${code(row.service)}\n\n${why(row, report)}`;
  return rows.length === 0 ? text : `${text}\n\n${table(["", "Before", "After"], rows)}`;
}

/** What could not be told is told in a registry's words; all other reasons are our own. */
function why(row: PinRow, report: PinReport): string {
  const text = describeWhy(row, report);
  return row.status === "fail" || row.kind === "unknown" ? code(text) : text;
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

/** A span cannot be ended from inside: no backtick is left in it, and no line break, since an empty line would end it. */
const code = (text: string): string => `\`${text.replaceAll("`", "'").replace(/\s+/g, " ")}\``;

/** Inside a table a bar ends the cell, in a code span too. */
const cell = (text: string): string => code(text).replaceAll("|", "\\|");
