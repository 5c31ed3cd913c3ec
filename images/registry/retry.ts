/** When to ask a server again, and how long to wait. Pure: the clock and chance are arguments. */

/** How often a request is repeated after its first attempt. */
export const RETRIES = 3;

// 501 and 505 say that asking again is of no use.
const isServerTrouble = (status: number): boolean =>
  status >= 500 && status <= 599 && status !== 501 && status !== 505;

export const isWorthRetrying = (status: number): boolean =>
  status === 429 || isServerTrouble(status);

// A kept connection the server closed meanwhile, a restart, a name service that is not ready yet.
const PASSING_FAULTS: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "EAI_AGAIN"]);

export const isPassingFault = (code: string | undefined): boolean =>
  code !== undefined && PASSING_FAULTS.has(code);

/** `Retry-After` in milliseconds: seconds or a date (RFC 9110, 10.2.3); `undefined` where it is missing or unreadable. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,10}$/.test(header.trim())) return Number(header.trim()) * 1000;
  // Date.parse finds a date in nearly anything, -1 among them.
  if (!/^\s*[A-Z][a-z]{2,8}, /.test(header)) return undefined;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/**
 * The wait before retry number `retry` (from 0): what the server asked for, else doubling from `baseMs`. Both with
 * jitter, so that parallel requests do not come back all at once. `chance` is in [0, 1).
 */
export function waitMs(
  retry: number,
  baseMs: number,
  askedMs: number | undefined,
  chance: number,
): number {
  if (askedMs !== undefined) return askedMs + baseMs * chance;
  return baseMs * 2 ** retry * (0.5 + chance / 2);
}
