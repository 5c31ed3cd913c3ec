/** Ages of images, for people and for the minimum that a stack asks for. Pure: the clock is an argument. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The largest unit of which there are at least two. */
const UNITS = [
  ["year", 365 * DAY],
  ["month", 30 * DAY],
  ["day", DAY],
  ["hour", HOUR],
  ["minute", MINUTE],
] as const;

/** `3 days`, to be read before "old" or "ago"; an age in ms. */
export function describeAge(ms: number): string {
  const [unit, length] = UNITS.find(([, size]) => ms >= 2 * size) ?? ["minute", MINUTE];
  const count = Math.max(0, Math.floor(ms / length));
  return count === 1 ? `1 ${unit}` : `${count} ${unit}s`;
}

/** `3d`, as the configuration writes it; the inverse of its parser, in the largest unit that fits. */
export function formatAge(ms: number): string {
  if (ms === 0) return "0";
  if (ms % DAY === 0) return `${ms / DAY}d`;
  return ms % HOUR === 0 ? `${ms / HOUR}h` : `${Math.ceil(ms / MINUTE)}m`;
}

/** The day in UTC: `2026-11-24`. */
export const dayOf = (date: Date): string => date.toISOString().slice(0, 10);

/** Clocks of builders and of this machine may differ by so much. */
const CLOCK_MS = 5 * MINUTE;

/**
 * Whether an image is old enough: `ready`, `young` until a date, or of `unknown` age. Its date is the publisher's word
 * in the image itself, the same in every registry. A date in the future is no date.
 */
export function judgeAge(
  created: Date | undefined,
  minimumAge: number,
  now: Date,
): { readonly age: "ready" | "unknown" } | { readonly age: "young"; readonly eligible: Date } {
  if (minimumAge === 0) return { age: "ready" };
  if (created === undefined || created.getTime() > now.getTime() + CLOCK_MS)
    return { age: "unknown" };
  const eligible = new Date(created.getTime() + minimumAge);
  return eligible <= now ? { age: "ready" } : { age: "young", eligible };
}
