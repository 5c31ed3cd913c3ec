/**
 * What is known of an image's version: when its line ends, and published holes in it. Contacts nothing. Pure, apart from the
 * data files.
 */
import type { ImageReference } from "../reference";
import { tagVersion, type Version } from "../tag-version";
import { knownData, type KnownData } from "./data";

type Named = Pick<ImageReference, "registry" | "repository" | "tag">;

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
export function lineEnd(
  image: Named,
  now: Date,
  { products }: Pick<KnownData, "products"> = knownData(),
): LineEnd | undefined {
  const own = tagVersion(image.tag);
  const product = products.find(({ repositories }) => repositories.includes(nameOf(image)));
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
  /** The first version of the image's line without it; null while there is none. */
  readonly fixed: string | null;
  readonly source: string;
  readonly read: string;
}

/** Those that affect the version in the tag. A tag that is less precise than an advisory, `16-alpine`, cannot be told. */
export function advisoriesOf(
  image: Named,
  { advisories }: Pick<KnownData, "advisories"> = knownData(),
): readonly Advisory[] {
  const own = tagVersion(image.tag);
  if (own === undefined) return [];
  return advisories.flatMap(({ id, repositories, affected, login, summary, source, read }) => {
    if (!repositories.includes(nameOf(image))) return [];
    const range = affected.find(
      ({ from, before }) =>
        isAtLeast(own, from) === true && (before === null || isAtLeast(own, before) === false),
    );
    return range === undefined ? [] : [{ id, summary, login, source, fixed: range.before, read }];
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

const STALE_DAYS = 60;

/** What limits the facts about these images, one line each: files that cannot be used, and facts that nobody renewed for long. */
export function limitsOfFacts(
  images: readonly Named[],
  now: Date,
  { products, advisories, problems }: KnownData = knownData(),
): readonly string[] {
  const concerns = ({ repositories }: { readonly repositories: readonly string[] }): boolean =>
    images.some((image) => repositories.includes(nameOf(image)));
  const stale = (what: string, read: readonly string[]): readonly string[] => {
    const [oldest] = [...read].sort();
    const days = oldest === undefined ? 0 : Math.floor((now.getTime() - Date.parse(oldest)) / DAY);
    return days <= STALE_DAYS || oldest === undefined
      ? []
      : [
          `what is known of ${what} is as of ${oldest}, ${days} days ago; renew it: "npm run renew"`,
        ];
  };
  return [
    ...problems,
    ...stale(
      "ends of lines",
      products.filter(concerns).map(({ read }) => read),
    ),
    ...stale(
      "advisories",
      advisories.filter(concerns).map(({ read }) => read),
    ),
  ];
}

/** Whether an advisory is in the facts at all, for whatever image. */
export const isKnownAdvisory = (
  id: string,
  { advisories }: Pick<KnownData, "advisories"> = knownData(),
): boolean => advisories.some((one) => one.id === id);

/** `traefik 3.6 ended 2026-08-16 (endoflife.date, read 2026-08-22)` */
export const describeLine = ({ product, line, state, end, source, read }: LineEnd): string =>
  `${product} ${line} ${end === undefined ? "has no published end" : `${state === "ended" ? "ended" : "ends"} ${end}`} (${new URL(source).host}, read ${read})`;

/** `CVE-2026-110852, without login, fixed in 1.123.83: dynamic webhook paths (read 2026-11-27)` */
export const describeAdvisory = ({ id, login, fixed, summary, read }: Advisory): string =>
  `${id}${login === false ? ", without login" : ""}, ${fixed === null ? "no fix yet" : `fixed in ${fixed}`}: ${summary} (read ${read})`;

/** First those for which nobody needs a login, then those of which that is not known. */
export const byReach = (one: Pick<Advisory, "login">, other: Pick<Advisory, "login">): number =>
  reachOf(one) - reachOf(other);
const reachOf = ({ login }: Pick<Advisory, "login">): number =>
  login === false ? 0 : login === null ? 1 : 2;

/** A hole that a stack lives with. */
export interface Accepted {
  readonly id: string;
  readonly reason: string;
  /** The last day. */
  readonly until: string;
  readonly while?: string;
}

const MAX_ON_PAGE = 10;

/**
 * What is known of an image for a page that must not change from day to day: whether a line has ended is as of the day on which
 * the source was read, and an acceptance is shown with its last day.
 */
export function datelessLines(
  image: Named,
  accept: readonly Accepted[],
  data: KnownData = knownData(),
): readonly string[] {
  const product = data.products.find(({ repositories }) => repositories.includes(nameOf(image)));
  const line = product && lineEnd(image, new Date(product.read), data);
  const holes = [...advisoriesOf(image, data)].sort(byReach).map((hole) => {
    const accepted = accept.find(({ id }) => id === hole.id);
    return accepted === undefined
      ? describeAdvisory(hole)
      : `${describeAdvisory(hole)}; accepted until ${accepted.until}${accepted.while === undefined ? "" : ` while ${accepted.while}`}: ${accepted.reason}`;
  });
  return [
    ...(line?.end === undefined ? [] : [describeLine(line)]),
    ...holes.slice(0, MAX_ON_PAGE),
    ...(holes.length > MAX_ON_PAGE ? [`and ${holes.length - MAX_ON_PAGE} more advisories`] : []),
  ];
}
