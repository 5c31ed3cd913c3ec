/** The texts that all formats of the report of `npm run pin` share. Pure. */
import { dayOf, describeAge, formatAge } from "../../images/age";
import type { ImageFacts } from "../../images/inspect/facts";
import { listNames } from "../../images/platform";
import { parseReference, type ImageReference } from "../../images/reference";
import { redactCredentials, Redactor } from "../../text/redact";
import type { PinRow } from "./decision";

export interface PinReport {
  readonly stack: string;
  /** File name without its folder. */
  readonly file: string;
  readonly platform: string;
  /** In ms. */
  readonly minimumAge: number;
  readonly check: boolean;
  readonly all: boolean;
  readonly now: Date;
  /** Whether rows with status `take` have been written to the file. */
  readonly written: boolean;
  readonly rows: readonly PinRow[];
}

/** `traefik:v3.6.4`, or `traefik:v3.6.4 → v3.6.5`. */
export function describeImage({ from, to }: PinRow): string {
  const before = parsed(from);
  // An invalid reference may be any text.
  if (before === undefined) return new Redactor().clean(redactCredentials(from));
  const [old, now] = [before.tag, to === undefined ? before.tag : parseReference(to).tag];
  const name = old === undefined ? before.name : `${before.name}:${old}`;
  return old === now ? name : `${name} → ${now ?? "no tag"}`;
}

function parsed(image: string): ImageReference | undefined {
  try {
    return parseReference(image);
  } catch {
    return undefined;
  }
}

/** One to three words. */
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
      return "failed";
  }
}

/** The reason for the status, in one line. */
export function describeWhy(row: PinRow, { minimumAge }: Pick<PinReport, "minimumAge">): string {
  const change = row.kind === undefined ? row.why : `${row.kind}, ${row.why}`;
  const age = formatAge(minimumAge);
  const override = '"--minimum-age 0" takes it now';
  switch (row.status) {
    case "leave":
      return `${change}; left alone, "--all" takes it`;
    case "hold":
      return row.eligible === undefined
        ? `${change}; held, because its build date is missing or in the future (minimum age ${age}); ${override}`
        : `${change}; held until ${dayOf(row.eligible)}, younger than ${age}; ${override}`;
    case "fail":
      return row.why;
    default:
      return change;
  }
}

/** `4 days ago`; empty without an image. */
export function describeBuilt({ after }: PinRow, now: Date): string {
  if (after === undefined) return "";
  return after.created === undefined ? UNKNOWN : ago(after.created, now);
}

const UNKNOWN = "unknown";

const ago = (created: Date, now: Date): string =>
  created > now ? "in the future" : `${describeAge(now.getTime() - created.getTime())} ago`;

/** One property of an image. `before` equals `after` if it did not change. */
export interface Detail {
  readonly name: string;
  /** Empty for a first pin. */
  readonly before: string;
  readonly after: string;
}

/** The properties of both images; empty if the new image was not read. */
export function details({ from, to, before, after }: PinRow, now: Date): readonly Detail[] {
  if (after === undefined) return [];
  const detail = (
    name: string,
    value: (facts: ImageFacts) => string,
    change: (before: ImageFacts) => string = () => "",
  ): Detail => ({
    name,
    before: before === undefined ? "" : value(before),
    after: value(after) + (before === undefined ? "" : change(before)),
  });
  const count = ({ platforms }: ImageFacts): string =>
    before === undefined ? listNames(platforms) : String(platforms.length);
  return [
    { name: "digest", before: digestOf(from), after: digestOf(to ?? from) },
    detail("built", ({ created }) =>
      created === undefined ? UNKNOWN : `${dayOf(created)}, ${ago(created, now)}`,
    ),
    detail("version", ({ version }) => version ?? UNKNOWN),
    detail("revision", ({ revision }) => revision ?? UNKNOWN),
    detail("base image", ({ base }) =>
      base === undefined
        ? UNKNOWN
        : [base.name, base.digest && shortened(base.digest)].filter(Boolean).join(" "),
    ),
    detail(
      "size",
      ({ bytes }) => mebibytes(bytes),
      ({ bytes }) => growth(after.bytes - bytes),
    ),
    detail("platforms", count, ({ platforms }) => inParentheses(diff(platforms, after.platforms))),
    detail("attestation", ({ attested }) => (attested ? "present, unsigned" : "none")),
  ];
}

function digestOf(image: string): string {
  const digest = parsed(image)?.digest;
  return digest === undefined ? "none" : shortened(digest);
}

/** The first 12 hexadecimal digits, as Docker shortens digests. */
const shortened = (digest: string): string => digest.slice("sha256:".length, "sha256:".length + 12);

const growth = (bytes: number): string =>
  bytes === 0 ? "" : ` (${bytes > 0 ? "+" : "-"}${mebibytes(Math.abs(bytes))})`;

function mebibytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const count = bytes / 1024 / 1024;
  return count < 0.1 ? `${(bytes / 1024).toFixed(1)} KiB` : `${count.toFixed(1)} MiB`;
}

const diff = (before: readonly string[], after: readonly string[]): readonly string[] => [
  ...after.filter((name) => !before.includes(name)).map((name) => `+${name}`),
  ...before.filter((name) => !after.includes(name)).map((name) => `-${name}`),
];

const inParentheses = (names: readonly string[]): string =>
  names.length === 0 ? "" : ` (${listNames(names)})`;
