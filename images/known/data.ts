/**
 * The dated data files in this folder, read when they are first needed. A file that cannot be used means that nothing is known:
 * it is said, and never stops a deployment. docs/signatures.md documents the formats.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

import { parseJson } from "../json";

const day = z.iso.date();
const version = z.string().regex(/^\d+(?:\.\d+)*$/);
const repositories = z.array(z.string()).min(1);

const linesFile = z.strictObject({
  format: z.literal(1),
  products: z.array(
    z.strictObject({
      name: z.string(),
      repositories,
      source: z.url(),
      read: day,
      /** `end`: null while the line is maintained without a published end. */
      lines: z.array(z.strictObject({ line: version, end: day.nullable() })),
    }),
  ),
});

const advisory = z.strictObject({
  id: z.string().regex(/^(?:CVE-\d{4}-\d{4,}|GHSA(?:-[a-z0-9]{4}){3})$/),
  /** From one version up to before another; `before` is null while no version is without it. */
  affected: z.array(z.strictObject({ from: version, before: version.nullable() })).min(1),
  /** Whether an attacker needs a login; null if that is not known. */
  login: z.boolean().nullable(),
  summary: z.string(),
  source: z.string(),
});

const advisoriesFile = z.strictObject({
  format: z.literal(1),
  read: day,
  advisories: z.array(advisory.extend({ repositories })),
});

const osvFile = z.strictObject({
  format: z.literal(1),
  packages: z.array(
    z.strictObject({
      /** As OSV names them: https://ossf.github.io/osv-schema/#affectedpackage-field */
      ecosystem: z.string(),
      name: z.string(),
      repositories,
      /** Null: never read. */
      read: day.nullable(),
      advisories: z.array(advisory),
    }),
  ),
});

export type LinesFile = z.output<typeof linesFile>;
export type OsvFile = z.output<typeof osvFile>;
export type OsvAdvisory = OsvFile["packages"][number]["advisories"][number];

export interface KnownData {
  readonly products: LinesFile["products"];
  readonly advisories: readonly (OsvAdvisory & {
    readonly repositories: readonly string[];
    readonly read: string;
  })[];
  /** Files that cannot be used, each with the remedy. */
  readonly problems: readonly string[];
}

export const KNOWN_FOLDER = __dirname;
export const LINES_FILE = "lines.json";
export const OSV_FILE = "osv.json";

/** Undefined for anything but such a file. */
export const parseLines = (text: string): LinesFile | undefined =>
  linesFile.safeParse(parseJson(text)).data;
export const parseOsv = (text: string): OsvFile | undefined =>
  osvFile.safeParse(parseJson(text)).data;
const parseAdvisories = (text: string) => advisoriesFile.safeParse(parseJson(text)).data;

/** @param folder Default: this one. */
export function readKnown(folder = KNOWN_FOLDER): KnownData {
  const problems: string[] = [];
  const read = <T>(name: string, parse: (text: string) => T | undefined): T | undefined => {
    let content: T | undefined;
    try {
      content = parse(readFileSync(join(folder, name), "utf8"));
    } catch {
      // As if it had another format.
    }
    if (content === undefined)
      problems.push(`images/known/${name} cannot be used; restore it with git`);
    return content;
  };
  const lines = read(LINES_FILE, parseLines);
  const byHand = read("advisories.json", parseAdvisories);
  const osv = read(OSV_FILE, parseOsv);
  const fromOsv = (osv?.packages ?? []).flatMap(({ repositories: of, read: on, advisories }) =>
    on === null ? [] : advisories.map((one) => ({ ...one, repositories: of, read: on })),
  );
  // OSV is renewed, so its entry replaces the one that somebody wrote.
  const isRenewed = (id: string, of: readonly string[]): boolean =>
    fromOsv.some((one) => one.id === id && one.repositories.some((name) => of.includes(name)));
  return {
    products: lines?.products ?? [],
    advisories: [
      ...(byHand?.advisories ?? [])
        .filter((one) => !isRenewed(one.id, one.repositories))
        .map((one) => ({ ...one, read: byHand?.read ?? "" })),
      ...fromOsv,
    ],
    problems,
  };
}

let kept: KnownData | undefined;

/** {@link readKnown} of this folder, once. */
export const knownData = (): KnownData => (kept ??= readKnown());
