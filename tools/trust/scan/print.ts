/** The result of `npm run scan` as text and as JSON. Pure. */
import { dayOf } from "../../../images/age";
import { counted, oneLine } from "../../../text/one-line";
import { jsonText, table, type painter } from "../../cli/command";
import { SEVERITIES, type ScanReport, type Severity } from "./findings";
import { isOpen, type JudgedFinding, type JudgedImage } from "./judge";

/** A database that is older says nothing about the holes of the last days. */
const OLD_DAYS = 5;
/** Of one service; `--format json` has all. */
const MAX_LISTED = 20;

/** `grype 0.121.3, database of 2026-11-20 (7 days old)` */
function source({ scanner, version, database, made }: ScanReport, now: Date): string {
  const name = `${scanner} ${version ?? "of an unknown version"}`;
  if (database === undefined)
    return `${name}, database date not in the report${made === undefined ? "" : `, which was made on ${dayOf(made)}`}`;
  const days = Math.floor((now.getTime() - database.getTime()) / 86_400_000);
  if (days < -1)
    return `${name}, database of ${dayOf(database)}, which is in the future: check the clocks`;
  return `${name}, database of ${dayOf(database)}${days > OLD_DAYS ? ` (${counted(days, "day")} old: holes that became known since then are missing)` : ""}`;
}

/** Ends with a line break. Lists open holes from `least` on. */
export function scanTable(
  images: readonly JudgedImage[],
  least: Severity,
  now: Date,
  paint: ReturnType<typeof painter>,
): string {
  const scanned = images.filter(({ report }) => report !== undefined);
  const sources = [
    ...new Set(
      scanned.flatMap(({ report }) => (report === undefined ? [] : [source(report, now)])),
    ),
  ];
  const count = ({ findings }: JudgedImage, severity: Severity): string =>
    String(findings.filter((one) => isOpen(one) && one.severity === severity).length);
  const rows = scanned.map((one) => [
    one.service,
    named(one),
    ...SEVERITIES.map((severity) => count(one, severity)),
    String(one.findings.filter((finding) => !isOpen(finding)).length),
  ]);
  const blocks = scanned.flatMap((one) => blockOf(one, least, paint));
  return [
    ...sources.map((text) => `${text}\n`),
    ...(rows.length === 0
      ? []
      : [
          table(
            [
              ["SERVICE", "IMAGE", ...SEVERITIES.map((one) => one.toUpperCase()), "ACCEPTED"],
              ...rows,
            ],
            paint,
          ),
        ]),
    ...(blocks.length === 0 ? [] : [`${blocks.join("\n")}\n`]),
  ].join("\n");
}

const named = ({ image: { name, tag } }: JudgedImage): string =>
  tag === undefined ? name : `${name}:${tag}`;

function blockOf(
  { service, findings }: JudgedImage,
  least: Severity,
  paint: ReturnType<typeof painter>,
): readonly string[] {
  const shown = findings.filter(
    (one) => isOpen(one) && SEVERITIES.indexOf(one.severity) <= SEVERITIES.indexOf(least),
  );
  // What was accepted once and no longer is comes first, however mild it is.
  const open = [
    ...findings.filter(({ ended }) => ended !== undefined),
    ...shown.filter(({ ended }) => ended === undefined),
  ];
  const more = open.length - MAX_LISTED;
  const name = paint("bold", service);
  return [
    ...open.slice(0, MAX_LISTED).map((one) => `${name}: ${describe(one)}${note(one)}`),
    ...(more > 0 ? [`${name}: and ${more} more; "--format json" lists all`] : []),
    ...findings.flatMap((one) =>
      one.accepted === undefined
        ? []
        : [
            `${name}: ${describe(one)}; accepted until ${one.accepted.until}${one.accepted.while === undefined ? "" : ` while ${one.accepted.while}`}: ${oneLine(one.accepted.reason)}`,
          ],
    ),
  ];
}

const describe = ({
  id,
  aliases,
  severity,
  package: of,
  installed,
  fixed,
}: JudgedFinding): string =>
  `${severity} ${[id, ...aliases.filter((one) => one.startsWith("CVE-") && one !== id)].join(" ")} in ${of} ${installed}, ${fixed.length === 0 ? "no fix yet" : `fixed in ${fixed.join(", ")}`}`;

const note = ({ ended }: JudgedFinding): string => (ended === undefined ? "" : `; ${ended}`);

/** Documented in docs/signatures.md. Ends with a line break. */
export const scanJson = (stack: string, images: readonly JudgedImage[], now: Date): string =>
  jsonText({
    version: 1,
    stack,
    at: now.toISOString(),
    services: images.map(({ service, image, report, problem, findings }) => ({
      service,
      image: `${image.registry}/${image.repository}`,
      tag: image.tag ?? null,
      digest: image.digest ?? null,
      problem: problem ?? null,
      scanner: report?.scanner ?? null,
      scannerVersion: report?.version ?? null,
      databaseAt: report?.database?.toISOString() ?? null,
      reportAt: report?.made?.toISOString() ?? null,
      findings: findings.map(
        ({ id, aliases, severity, package: of, installed, fixed, accepted, ended }) => ({
          id,
          aliases,
          severity,
          package: of,
          installed,
          fixed,
          state: accepted !== undefined ? "accepted" : ended !== undefined ? "ended" : "open",
          accepted: accepted ?? null,
          ended: ended ?? null,
        }),
      ),
    })),
  });
