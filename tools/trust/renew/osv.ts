/** Reads answers of OSV about one package: https://google.github.io/osv.dev/post-v1-query/. Pure. */
import { z } from "zod";

import type { OsvAdvisory } from "../../../images/known/data";
import { parseJson } from "../../../images/json";
import { oneLine } from "../../../text/one-line";

const event = z.object({
  introduced: z.string().max(100).optional(),
  fixed: z.string().max(100).optional(),
  last_affected: z.string().max(100).optional(),
});

const vulnerability = z.object({
  id: z.string().max(100),
  aliases: z.array(z.string().max(100)).nullish(),
  withdrawn: z.string().nullish(),
  summary: z.string().max(10_000).nullish(),
  severity: z.array(z.object({ score: z.string().max(1000) })).nullish(),
  database_specific: z.object({ severity: z.string().max(100).nullish() }).nullish(),
  affected: z
    .array(
      z.object({
        package: z.object({ ecosystem: z.string(), name: z.string() }).nullish(),
        ranges: z.array(z.object({ type: z.string(), events: z.array(event).max(1000) })).nullish(),
      }),
    )
    .max(1000)
    .nullish(),
});

const answer = z.object({
  vulns: z.array(vulnerability).max(5000).nullish(),
  next_page_token: z.string().max(10_000).nullish(),
});

export interface OsvPage {
  readonly vulnerabilities: readonly z.output<typeof vulnerability>[];
  readonly next?: string;
}

/** Undefined for any other answer. */
export function parsePage(body: Buffer): OsvPage | undefined {
  const parsed = answer.safeParse(parseJson(body));
  if (!parsed.success) return undefined;
  const { vulns, next_page_token: next } = parsed.data;
  return { vulnerabilities: vulns ?? [], ...(next != null && next !== "" && { next }) };
}

/** Only these are kept, and those of unknown severity: a stack has more than a person reads. */
const KEPT = ["CRITICAL", "HIGH"];

/** The advisories about a package, by id. One that two databases have is there once, in GitHub's words. */
export function advisoriesFrom(
  vulnerabilities: OsvPage["vulnerabilities"],
  of: { readonly ecosystem: string; readonly name: string },
): readonly OsvAdvisory[] {
  const byId = new Map<string, OsvAdvisory>();
  const inOrder = [...vulnerabilities].sort(
    (one, other) => Number(other.id.startsWith("GHSA-")) - Number(one.id.startsWith("GHSA-")),
  );
  for (const one of inOrder) {
    const names = [...(one.aliases ?? []), one.id];
    const id =
      names.find((name) => /^CVE-\d{4}-\d{4,}$/.test(name)) ??
      names.find((name) => /^GHSA(?:-[a-z0-9]{4}){3}$/.test(name));
    const severity = one.database_specific?.severity;
    if (id === undefined || byId.has(id) || one.withdrawn != null) continue;
    const affected = rangesOf(one, of);
    // GitHub's entry decides, also against the same hole in a database without severities.
    if (severity != null && !KEPT.includes(severity.toUpperCase()))
      byId.set(id, { id, affected: [], login: null, summary: "", source: "" });
    else if (affected.length > 0)
      byId.set(id, {
        id,
        affected: [...affected],
        login: needsLogin(one.severity ?? []),
        summary: oneLine(one.summary ?? "see the advisory").slice(0, 200),
        source: `https://osv.dev/vulnerability/${encodeURIComponent(one.id)}`,
      });
  }
  return [...byId.values()]
    .filter(({ affected }) => affected.length > 0)
    .sort((one, other) => one.id.localeCompare(other.id, "en", { numeric: true }));
}

/** Each `introduced` with the `fixed` after it. An unfixed range, and one with `last_affected` only, has no fixed version. */
function rangesOf(
  { affected }: OsvPage["vulnerabilities"][number],
  of: { readonly ecosystem: string; readonly name: string },
): OsvAdvisory["affected"] {
  return (affected ?? []).flatMap(({ package: concerned, ranges }) => {
    if (concerned?.ecosystem !== of.ecosystem || concerned.name !== of.name) return [];
    return (ranges ?? []).flatMap(({ type, events }) => {
      if (type === "GIT") return [];
      const found: { from: string; before: string | null }[] = [];
      for (const { introduced, fixed } of events) {
        const from = introduced === undefined ? undefined : numbers(introduced);
        if (from !== undefined) found.push({ from, before: null });
        const before = fixed === undefined ? undefined : numbers(fixed);
        const last = found.at(-1);
        if (before !== undefined && last?.before === null) last.before = before;
      }
      return found;
    });
  });
}

/** `2.0.0-rc.1` counts as 2.0.0. Undefined without a version. */
const numbers = (text: string): string | undefined =>
  /^v?(\d{1,9}(?:\.\d{1,9}){0,3})(?=$|[-+])/.exec(text)?.[1];

/** From the vector: https://www.first.org/cvss/specification-document, "Privileges Required". */
function needsLogin(scores: readonly { readonly score: string }[]): boolean | null {
  const needed = scores.flatMap(({ score }) => /\/PR:([NLH])(?:\/|$)/.exec(score)?.[1] ?? [])[0];
  return needed === undefined ? null : needed !== "N";
}
