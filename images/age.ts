/** Ages of images, and the minimum age that a stack requires. Pure: the clock is an argument. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const UNITS = [
  ["year", 365 * DAY],
  ["month", 30 * DAY],
  ["day", DAY],
  ["hour", HOUR],
  ["minute", MINUTE],
] as const;

/** An age in words, to be followed by "old" or "ago": `3 days`. In the largest unit of which there are at least two. */
export function describeAge(ms: number): string {
  const [unit, length] = UNITS.find(([, size]) => ms >= 2 * size) ?? ["minute", MINUTE];
  const count = Math.max(0, Math.floor(ms / length));
  return count === 1 ? `1 ${unit}` : `${count} ${unit}s`;
}

/** Parses an age in the configuration, `0`, `90m`, `12h` or `3d`, to ms; `undefined` for any other text. */
export function parseAge(text: string): number | undefined {
  const match = /^(?:0|(\d{1,5})([mhd]))$/.exec(text);
  if (match === null) return undefined;
  const unit = { m: MINUTE, h: HOUR, d: DAY }[match[2] as "m" | "h" | "d"];
  return match[1] === undefined ? 0 : Number(match[1]) * unit;
}

/** The inverse of {@link parseAge}, in the largest unit without a remainder. */
export function formatAge(ms: number): string {
  if (ms === 0) return "0";
  if (ms % DAY === 0) return `${ms / DAY}d`;
  return ms % HOUR === 0 ? `${ms / HOUR}h` : `${Math.ceil(ms / MINUTE)}m`;
}

/** The date in UTC: `2026-11-24`. */
export const dayOf = (date: Date): string => date.toISOString().slice(0, 10);

/** Tolerated difference between the clock of the builder and that of this machine. */
const CLOCK_SKEW_MS = 5 * MINUTE;

/**
 * Whether an image has the minimum age in ms: `ready`, too `young`, or of `unknown` age. The creation date comes from the
 * image itself and is not verified. A date in the future counts as unknown.
 */
export function judgeAge(
  created: Date | undefined,
  minimumAge: number,
  now: Date,
): { readonly age: "ready" | "unknown" } | { readonly age: "young"; readonly eligible: Date } {
  if (minimumAge === 0) return { age: "ready" };
  if (created === undefined || created.getTime() > now.getTime() + CLOCK_SKEW_MS)
    return { age: "unknown" };
  const eligible = new Date(created.getTime() + minimumAge);
  return eligible <= now ? { age: "ready" } : { age: "young", eligible };
}
