/** When to retry a request, and how long to wait before. Pure: clock and randomness are arguments. */

/** Maximum number of retries after the first attempt. */
export const RETRIES = 3;

/** 429 and 5xx, except 501 and 505, which are permanent. */
export const isRetryableStatus = (status: number): boolean =>
  status === 429 || (status >= 500 && status <= 599 && status !== 501 && status !== 505);

/** Transient errors: a stale keep-alive connection, a restarting server, a temporary DNS failure. */
const RETRYABLE_CODES: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "EAI_AGAIN"]);

export const isRetryableCode = (code: string): boolean => RETRYABLE_CODES.has(code);

/** `Retry-After`, seconds or a date (RFC 9110, section 10.2.3), in ms; `undefined` if missing or malformed. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,10}$/.test(header.trim())) return Number(header.trim()) * 1000;
  // Date.parse accepts nearly anything, even "-1".
  if (!/^\s*[A-Z][a-z]{2,8}, /.test(header)) return undefined;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/**
 * The wait in ms before retry number `retry` (from 0): the server's `Retry-After`, otherwise exponential backoff from
 * `baseMs`. `random` in [0, 1) adds jitter, so that parallel requests do not retry at the same time.
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
