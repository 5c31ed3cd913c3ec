/** The report of `npm run pin` as a table for a terminal. Pure. */
import { formatAge } from "../../images/age";
import { oneLine } from "../../text/one-line";
import { columns, table, type painter } from "../cli/command";
import { describeTrust, TRUST_COLOUR } from "../trust/text";
import type { PinRow } from "./decision";
import {
  describeBuilt,
  describeImage,
  describeStatus,
  describeWhy,
  details,
  type PinReport,
} from "./report";

export type Paint = ReturnType<typeof painter>;

/** Ends with a line break. */
export function pinTable(report: PinReport, paint: Paint): string {
  const { stack, file, platform, minimumAge, rows, now } = report;
  const headline = `stack ${stack}, ${file}, ${platform}${minimumAge === 0 ? "" : `, minimum age ${formatAge(minimumAge)}`}`;
  const overview = [
    ["SERVICE", "IMAGE", "STATUS", "CHANGE", "BUILT"],
    ...rows.map((row) => [
      row.service,
      describeImage(row),
      paint(colourOf(row), describeStatus(row, report)),
      row.kind ?? "",
      describeBuilt(row, now),
    ]),
  ];
  const blocks = grouped(rows, report).map(([row, services]) => {
    const names = services.map((service) => paint("bold", service)).join(", ");
    const lines = details(row, now).map(({ name, before, after }) => [
      ...["", paint("dim", name)],
      before === "" || before === after ? after : `${before} → ${after}`,
    ]);
    const text = `${names}: ${describeWhy(row, report)}`;
    return lines.length === 0 ? text : `${text}\n${columns(lines)}`;
  });
  const signed = rows.flatMap(({ service, trust }) =>
    trust === undefined
      ? []
      : [[service, paint(TRUST_COLOUR[trust.word], trust.word), describeTrust(trust)]],
  );
  const known = rows.flatMap((row) =>
    (row.known ?? []).map((line) => `${row.service}: ${oneLine(line)}\n`),
  );
  return [
    `${paint("bold", headline)}\n`,
    table(overview, paint),
    ...(signed.length === 0 ? [] : [table([["SERVICE", "SIGNATURE", "WHY"], ...signed], paint)]),
    ...(known.length === 0 ? [] : [known.join("")]),
    ...blocks.map((text) => `${text}\n`),
  ].join("\n");
}

function colourOf({ status, kind }: PinRow): Parameters<Paint>[0] {
  if (status === "fail") return "red";
  if (status === "as-pinned" || status === "leave") return "green";
  return kind === "retagged" || kind === "unknown" || status === "hold" ? "yellow" : "cyan";
}

/** Rows with a reason. Failed rows with the same reason are grouped, so a registry that is down is reported once. */
function grouped(rows: readonly PinRow[], report: PinReport) {
  const groups = new Map<string, [PinRow, string[]]>();
  for (const row of rows.filter(({ why }) => why !== "")) {
    const key = row.after === undefined ? describeWhy(row, report) : row.service;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row, [row.service]]);
    else group[1].push(row.service);
  }
  return [...groups.values()];
}
