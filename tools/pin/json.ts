/** The answer of `npm run pin` for programs. The shape is documented in docs/updating-digests.md. Pure. */
import type { ImageFacts } from "../../images/inspect/facts";
import type { PinRow } from "./decision";
import type { PinReport } from "./report";

/** Grows with a change that breaks readers: a field gone, or with another meaning. New fields leave it. */
const VERSION = 1;

/** Ends with a line break. */
export function pinJson(report: PinReport): string {
  const { stack, file, platform, minimumAge, check, all, now, rows } = report;
  const content = {
    version: VERSION,
    stack,
    file,
    platform,
    minimumAgeSeconds: minimumAge / 1000,
    check,
    all,
    at: now.toISOString(),
    services: rows.map((row) => service(row, report)),
  };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

const service = (row: PinRow, { written }: PinReport) => ({
  service: row.service,
  status: row.status,
  written: written && row.status === "take",
  kind: row.kind ?? null,
  why: row.why,
  from: row.from,
  to: row.to ?? null,
  eligibleAt: row.eligible?.toISOString() ?? null,
  before: row.before === undefined ? null : image(row.before),
  after: row.after === undefined ? null : image(row.after),
});

const image = (facts: ImageFacts) => ({
  digest: facts.digest,
  manifest: facts.manifest,
  platforms: facts.platforms,
  createdAt: facts.created?.toISOString() ?? null,
  version: facts.version ?? null,
  revision: facts.revision ?? null,
  base:
    facts.base === undefined
      ? null
      : { name: facts.base.name ?? null, digest: facts.base.digest ?? null },
  compressedBytes: facts.bytes,
  attestation: facts.attested ? "unsigned" : "none",
});
