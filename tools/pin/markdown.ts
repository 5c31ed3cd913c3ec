/**
 * The report of `npm run pin` as the body of a pull request. Text from registries goes into code spans, so it cannot become
 * a link, a mention or markup. Pure.
 */
import { formatAge } from "../../images/age";
import { describeTrust } from "../trust/text";
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
  const overview = changed.map((row) => [
    cell(row.service),
    cell(describeImage(row)),
    describeStatus(row, report),
    row.kind ?? "",
    describeBuilt(row, now),
  ]);
  const parts = [
    `## Image digests of the stack ${code(stack)}`,
    `For ${code(platform)}${minimumAge === 0 ? "" : `, minimum age ${formatAge(minimumAge)}`}. Kinds of change: docs/updating-digests.md.`,
    table(["Service", "Image", "Status", "Change", "Built"], overview),
    table(
      ["Service", "Signature", "Why"],
      rows.flatMap(({ service, trust }) =>
        trust === undefined ? [] : [[cell(service), trust.word, cell(describeTrust(trust))]],
      ),
    ),
    table(
      ["Service", "Known"],
      rows.flatMap(({ service, known = [] }) => known.map((line) => [cell(service), cell(line)])),
    ),
    ...ORDER.flatMap((status) =>
      changed.filter((row) => row.status === status).map((row) => section(row, report)),
    ),
    same.length === 0 ? "" : `As pinned: ${same.map(({ service }) => code(service)).join(", ")}.`,
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** What the pull request changes, then what needs attention. */
const ORDER: readonly PinStatus[] = ["take", "fail", "hold", "leave"];

function section(row: PinRow, report: PinReport): string {
  const rows = details(row, report.now).map(({ name, before, after }) => [
    before === after || before === "" ? name : `**${name}**`,
    before === "" ? "" : cell(before),
    cell(after),
  ]);
  const why = describeWhy(row, report);
  return [
    `### ${code(row.service)}`,
    // Only these reasons may contain text from a registry.
    row.status === "fail" || row.kind === "unknown" ? code(why) : why,
    ...(rows.length === 0 ? [] : [table(["", "Before", "After"], rows)]),
  ].join("\n\n");
}

/** An empty string without rows. */
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  rows.length === 0
    ? ""
    : [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

/** Backticks and line breaks would end the code span. */
const code = (text: string): string => `\`${text.replaceAll("`", "'").replace(/\s+/g, " ")}\``;

/** A vertical bar ends a table cell even inside a code span. */
const cell = (text: string): string => code(text).replaceAll("|", "\\|");
