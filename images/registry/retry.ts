/** When to repeat a request, and how long to wait before. Pure: clock and randomness are arguments. */

/** How often a request is repeated after its first attempt. */
export const RETRIES = 3;

/** 429 and 5xx, but not 501 and 505, which no repetition changes. */
export const isRetryableStatus = (status: number): boolean =>
  status === 429 || (status >= 500 && status <= 599 && status !== 501 && status !== 505);

/** A kept connection that the server closed meanwhile, a restart, a name service that is not ready yet. */
const RETRYABLE_CODES: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "EAI_AGAIN"]);

export const isRetryableCode = (code: string): boolean => RETRYABLE_CODES.has(code);

/** `Retry-After`, seconds or a date (RFC 9110, section 10.2.3), in ms; `undefined` if missing or malformed. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,10}$/.test(header.trim())) return Number(header.trim()) * 1000;
  // Date.parse accepts nearly anything, "-1" included.
  if (!/^\s*[A-Z][a-z]{2,8}, /.test(header)) return undefined;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/**
 * The wait in ms before retry number `retry` (from 0): what the server asked for, else doubling from `baseMs`. With
 * jitter from `random`, which is in [0, 1), so that parallel requests do not return all at once.
 */
export function waitMs(
  retry: number,
  baseMs: number,
  askedMs: number | undefined,
  random: number,
): number {
  if (askedMs !== undefined) return askedMs + baseMs * random;
  return baseMs * 2 ** retry * (0.5 + random / 2);
}
