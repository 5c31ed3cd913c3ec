/**
 * What is known of an image's version: when its line ends, and published holes in it. From dated data files in this folder;
 * docs/signatures.md documents their format and how they are renewed. Contacts nothing. Pure, apart from the two files.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

import type { ImageReference } from "../reference";
import { tagVersion, type Version } from "../tag-version";

type Named = Pick<ImageReference, "registry" | "repository" | "tag">;

const day = z.iso.date();
const version = z.string().regex(/^\d+(?:\.\d+)*$/);
const lines = z.strictObject({
  format: z.literal(1),
  products: z.array(
    z.strictObject({
      name: z.string(),
      repositories: z.array(z.string()).min(1),
      source: z.url(),
      read: day,
      /** `end`: null while the line is maintained without a published end. */
      lines: z.array(z.strictObject({ line: version, end: day.nullable() })),
    }),
  ),
});
const advisories = z.strictObject({
  format: z.literal(1),
  read: day,
  advisories: z.array(
    z.strictObject({
      id: z.string().regex(/^(?:CVE-\d{4}-\d{4,}|GHSA(?:-[a-z0-9]{4}){3})$/),
      repositories: z.array(z.string()).min(1),
      affected: z.array(z.strictObject({ from: version, before: version })).min(1),
      /** Whether an attacker needs a login; null if the advisory was not read in full. */
      login: z.boolean().nullable(),
      summary: z.string(),
      source: z.string(),
    }),
  ),
});

const read = (file: string): unknown =>
  JSON.parse(readFileSync(join(__dirname, file), "utf8")) as unknown;
const LINES = lines.parse(read("lines.json"));
const ADVISORIES = advisories.parse(read("advisories.json"));

/** The end of a line of versions. */
export interface LineEnd {
  readonly product: string;
  readonly line: string;
  /** Absent while none is published. */
  readonly end?: string;
  readonly state: "ended" | "ends soon" | "open";
  readonly source: string;
  /** When the source was read. */
  readonly read: string;
}

const DAY = 24 * 3_600_000;
const SOON_DAYS = 90;

/** Undefined for an image or a line that the data does not have. */
export function lineEnd(image: Named, now: Date): LineEnd | undefined {
  const own = tagVersion(image.tag);
  const product = LINES.products.find(({ repositories }) => repositories.includes(nameOf(image)));
  const found = product?.lines.find(({ line }) => {
    const numbers = numbersOf(line);
    return own !== undefined && numbers.every((number, index) => number === own[index]);
  });
  if (product === undefined || found === undefined) return undefined;
  const { line, end } = found;
  const left = end === null ? Infinity : Date.parse(end) - now.getTime();
  return {
    ...{ product: product.name, line, source: product.source, read: product.read },
    ...(end !== null && { end }),
    state: left < 0 ? "ended" : left < SOON_DAYS * DAY ? "ends soon" : "open",
  };
}

/** A published hole in the image's version. */
export interface Advisory {
  readonly id: string;
  readonly summary: string;
  readonly login: boolean | null;
  /** The first version of the image's line without it. */
  readonly fixed: string;
  readonly source: string;
  readonly read: string;
}

/** Those that affect the version in the tag. A tag that is less precise than an advisory, `16-alpine`, cannot be told. */
export function advisoriesOf(image: Named): readonly Advisory[] {
  const own = tagVersion(image.tag);
  if (own === undefined) return [];
  return ADVISORIES.advisories.flatMap(({ id, repositories, affected, login, summary, source }) => {
    if (!repositories.includes(nameOf(image))) return [];
    const range = affected.find(
      ({ from, before }) => isAtLeast(own, from) === true && isAtLeast(own, before) === false,
    );
    return range === undefined
      ? []
      : [{ id, summary, login, source, fixed: range.before, read: ADVISORIES.read }];
  });
}

/** Whether the version is `limit` or higher; undefined if it is too short to tell. */
function isAtLeast(own: Version, limit: string): boolean | undefined {
  for (const [index, number] of numbersOf(limit).entries()) {
    const mine = own[index];
    if (mine === undefined) return undefined;
    if (mine !== number) return mine > number;
  }
  return true;
}

const numbersOf = (text: string): Version => text.split(".").map(Number);
const nameOf = ({ registry, repository }: Named): string => `${registry}/${repository}`;
