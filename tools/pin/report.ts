/** What `npm run pin` has to say, before it takes the form of a table, of JSON or of Markdown. Pure. */
import { dayOf, describeAge, formatAge } from "../../images/age";
import type { BaseImage, ImageFacts } from "../../images/inspect/facts";
import type { PinRow } from "./decision";
import { some } from "../../images/platform";
import { parseReference, type ImageReference } from "../../images/reference";
import { redactCredentials, Redactor } from "../../text/redact";

export interface PinReport {
  readonly stack: string;
  /** Name of the file, without folder. */
  readonly file: string;
  readonly platform: string;
  /** Ms. */
  readonly minimumAge: number;
  /** Whether this was a look only. */
  readonly check: boolean;
  readonly all: boolean;
  readonly now: Date;
  /** Whether the rows to take are in the file by now. */
  readonly written: boolean;
  readonly rows: readonly PinRow[];
}

/** `traefik:v3.6.4`, or `traefik:v3.6.4 → v3.6.5`. */
export function describeImage({ from, to }: PinRow): string {
  const before = readable(from);
  if (before === undefined) return words.clean(redactCredentials(from));
  const [old, now] = [before.tag, to === undefined ? before.tag : parseReference(to).tag];
  const name = old === undefined ? before.name : `${before.name}:${old}`;
  return old === now ? name : `${name} → ${now ?? "no tag"}`;
}

/** What cannot be read may be anything: made fit for a terminal. */
const words = new Redactor();

function readable(image: string): ImageReference | undefined {
  try {
    return parseReference(image);
  } catch {
    return undefined;
  }
}

/** In a word or two. */
export function describeStatus(
  { status, eligible }: PinRow,
  { written }: Pick<PinReport, "written">,
): string {
  switch (status) {
    case "as-pinned":
      return "as pinned";
    case "take":
      return written ? "pinned" : "to pin";
    case "leave":
      return "left alone";
    case "hold":
      return eligible === undefined ? "held, age unknown" : `held until ${dayOf(eligible)}`;
    case "fail":
      return "could not tell";
  }
}

/** Why the row is what it is, in one line. */
export function describeWhy(row: PinRow, { minimumAge }: Pick<PinReport, "minimumAge">): string {
  const change = row.kind === undefined ? row.why : `${row.kind}, ${row.why}`;
  const way = '"--minimum-age 0" takes it now';
  switch (row.status) {
    case "leave":
      return `${change}; left alone, "--all" takes it`;
    case "hold":
      return row.eligible === undefined
        ? `${change}; held, its date is missing or in the future, and a minimum age of ${formatAge(minimumAge)} needs one; ${way}`
        : `${change}; held until ${dayOf(row.eligible)}, younger than ${formatAge(minimumAge)}; ${way}`;
    case "fail":
      return row.why;
    default:
      return change;
  }
}

/** `4 days ago`, empty where that is unknown. */
export function describeBuilt({ after }: PinRow, now: Date): string {
  if (after === undefined) return "";
  return after.created === undefined ? "unknown" : ago(after.created, now);
}

const ago = (created: Date, now: Date): string =>
  created > now ? "in the future" : `${describeAge(now.getTime() - created.getTime())} ago`;

/** One property of an image before and after; the same text twice where it did not change. */
export interface Detail {
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

const UNKNOWN = "unknown";

/** What was read of both images; before is empty where there was no pin. */
export function details({ from, to, before, after }: PinRow, now: Date): readonly Detail[] {
  if (after === undefined) return [];
  const detail = (name: string, say: (facts: ImageFacts) => string): Detail => ({
    name,
    before: before === undefined ? "" : say(before),
    after: say(after),
  });
  const plain: readonly Detail[] = [
    { name: "digest", before: shortDigest(from), after: shortDigest(to ?? from) },
    detail("built", ({ created }) =>
      created === undefined ? UNKNOWN : `${dayOf(created)}, ${ago(created, now)}`,
    ),
    detail("version", ({ version }) => version ?? UNKNOWN),
    detail("revision", ({ revision }) => revision ?? UNKNOWN),
    detail("base image", ({ base }) => describeBase(base)),
    detail("attestation", ({ attested }) => (attested ? "present, unsigned" : "none")),
  ];
  return [...plain.slice(0, 5), size(before, after), platforms(before, after), ...plain.slice(5)];
}

const HEX_SHOWN = 12;

/** Enough of it to find it again. */
function shortDigest(image: string): string {
  const digest = readable(image)?.digest;
  return digest === undefined ? "none" : short(digest);
}

const short = (digest: string): string =>
  digest.slice("sha256:".length, "sha256:".length + HEX_SHOWN);

function describeBase(base: BaseImage | undefined): string {
  if (base === undefined) return UNKNOWN;
  const { name, digest } = base;
  return [name, digest === undefined ? undefined : short(digest)].filter(Boolean).join(" ");
}

function size(before: ImageFacts | undefined, after: ImageFacts): Detail {
  if (before === undefined) return { name: "size", before: "", after: mebibytes(after.bytes) };
  const change = after.bytes - before.bytes;
  return {
    name: "size",
    before: mebibytes(before.bytes),
    after:
      change === 0
        ? mebibytes(after.bytes)
        : `${mebibytes(after.bytes)} (${change > 0 ? "+" : "-"}${mebibytes(Math.abs(change))})`,
  };
}

function mebibytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const count = bytes / 1024 / 1024;
  return count < 0.1 ? `${(bytes / 1024).toFixed(1)} KiB` : `${count.toFixed(1)} MiB`;
}

function platforms(before: ImageFacts | undefined, after: ImageFacts): Detail {
  const [had, has] = [before?.platforms ?? [], after.platforms];
  const gained = has.filter((name) => !had.includes(name)).map((name) => `+${name}`);
  const lost = had.filter((name) => !has.includes(name)).map((name) => `-${name}`);
  const name = "platforms";
  if (before === undefined) return { name, before: "", after: some(has) };
  if (gained.length + lost.length === 0)
    return { name, before: `${has.length}`, after: `${has.length}` };
  return {
    name,
    before: `${had.length}`,
    after: `${has.length} (${some([...gained, ...lost])})`,
  };
}
