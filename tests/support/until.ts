/** Waits for a condition. */
import { setTimeout as pause } from "node:timers/promises";

/**
 * Tries again every 25 ms until `attempt` gives something other than undefined.
 * Rejects after `timeout` milliseconds (default 15 000) with the last error as the cause.
 */
export async function until<T>(
  what: string,
  attempt: () => Promise<T | undefined>,
  timeout = 15_000,
): Promise<T> {
  const deadline = performance.now() + timeout;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const value = await attempt();
      if (value !== undefined) return value;
    } catch (error) {
      last = error;
    }
    await pause(25);
  }
  throw new Error(`${what}: not within ${timeout} ms`, { cause: last });
}
