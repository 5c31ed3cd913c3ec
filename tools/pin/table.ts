/** The answer of `npm run pin` for people at a terminal. Pure. */
import { formatAge } from "../../images/age";
import type { PinRow } from "./decision";
import { columns, type painter } from "../cli/command";
import {
  describeBuilt,
  describeImage,
  describeStatus,
  describeWhy,
  details,
  type Detail,
  type PinReport,
} from "./report";

/** Puts a style on a text, or leaves it. */
export type Paint = ReturnType<typeof painter>;

/** Ends with a line break. */
export function pinTable(report: PinReport, paint: Paint): string {
  const { stack, file, platform, minimumAge, rows, now } = report;
  const headline = `stack ${stack}, ${file}, ${platform}${minimumAge === 0 ? "" : `, minimum age ${formatAge(minimumAge)}`}`;
  const table = columns([
    ["SERVICE", "IMAGE", "STATUS", "CHANGE", "BUILT"].map((name) => paint("dim", name)),
    ...rows.map((row) => [
      row.service,
      describeImage(row),
      paint(colourOf(row), describeStatus(row, report)),
      row.kind ?? "",
      describeBuilt(row, now),
    ]),
  ]);
  const blocks = alike(rows, report).map((group) => block(group, report, paint));
  return `${[paint("bold", headline), table, ...blocks].join("\n\n")}\n`;
}

function colourOf({ status, kind }: PinRow): Parameters<Paint>[0] {
  if (status === "fail") return "red";
  if (status === "as-pinned" || status === "leave") return "green";
  return kind === "moved" || kind === "unknown" || status === "hold" ? "yellow" : "cyan";
}

/** Rows that have something to say, those that say the same together: a registry that is down is told of once. */
function alike(rows: readonly PinRow[], report: PinReport): readonly (readonly PinRow[])[] {
  const groups = new Map<string, PinRow[]>();
  for (const row of rows.filter(({ why }) => why !== "")) {
    const key = row.after === undefined ? describeWhy(row, report) : row.service;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()];
}

function block(group: readonly PinRow[], report: PinReport, paint: Paint): string {
  const names = group.map(({ service }) => paint("bold", service)).join(", ");
  const [row] = group;
  if (row === undefined) return "";
  const lines = columns(
    details(row, report.now).map((detail) => ["", paint("dim", detail.name), between(detail)]),
  );
  const headline = `${names}: ${describeWhy(row, report)}`;
  return lines === "" ? headline : `${headline}\n${lines}`;
}

const between = ({ before, after }: Detail): string =>
  before === "" || before === after ? after : `${before} → ${after}`;
