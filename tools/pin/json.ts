/** The report of `npm run pin` as JSON. Documented in docs/updating-digests.md. Pure. */
import type { ImageFacts } from "../../images/inspect/facts";
import { trustJson } from "../trust/text";
import type { PinReport } from "./report";

/** Rises when a field is removed or changes its meaning. */
const VERSION = 1;

/** Ends with a line break. */
export function pinJson(report: PinReport): string {
  const { stack, file, platform, minimumAge, check, all, now, written, rows } = report;
  const content = {
    version: VERSION,
    stack,
    file,
    platform,
    minimumAgeSeconds: minimumAge / 1000,
    check,
    all,
    at: now.toISOString(),
    services: rows.map(
      ({ service, status, kind, why, from, to, eligible, before, after, trust, known }) => ({
        service,
        status,
        written: written && status === "take",
        kind: kind ?? null,
        why,
        from,
        to: to ?? null,
        eligibleAt: eligible?.toISOString() ?? null,
        before: image(before),
        after: image(after),
        signature: trustJson(trust),
        known: known ?? [],
      }),
    ),
  };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

const image = (facts: ImageFacts | undefined) =>
  facts === undefined
    ? null
    : {
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
      };
