/** Sends requests all the time, to measure an interruption. */
import { request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

export interface ProbeOptions {
  /** `http://127.0.0.1:<port>/…` */
  readonly url: string;
  /** The Host header, where a proxy routes by it. */
  readonly host?: string;
  /** Milliseconds from one request to the next. Default 100. */
  readonly every?: number;
  /** Milliseconds that a visitor waits for an answer. Default 2000. */
  readonly patience?: number;
  /** The probe ends by itself after so many requests. Default 3000. */
  readonly limit?: number;
  /** More headers, such as a cookie. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a visitor would have seen. */
export interface ProbeReport {
  readonly requests: number;
  /** Requests without an answer below 400 while the visitor had patience. */
  readonly failures: number;
  /** Longest time without a good answer, in milliseconds, beginning and end of the probe included. */
  readonly longestGap: number;
  /** How often each answer came: `200`, `502`, or an error's code such as `ECONNRESET`. */
  readonly answers: Readonly<Record<string, number>>;
}

/**
 * One GET on a connection of its own: the status, or the error's code. Never rejects.
 * @param patience milliseconds until it is ETIMEDOUT
 */
export function answer(
  url: string,
  host?: string,
  patience = 2000,
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  return new Promise((resolve) => {
    const headers = { ...more, ...(host !== undefined && { host }) };
    const get = request(url, { headers, agent: false, timeout: patience }, (response) => {
      response.resume();
      response.on("end", () => {
        resolve(`${response.statusCode ?? 0}`);
      });
      response.on("error", (error: NodeJS.ErrnoException) => {
        resolve(error.code ?? error.message);
      });
    });
    get.on("timeout", () => get.destroy(Object.assign(new Error(), { code: "ETIMEDOUT" })));
    get.on("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message);
    });
    get.end();
  });
}

export interface Probe {
  /** How it has gone so far. */
  report(): ProbeReport;
  /** Ends the probe; the request under way is still counted. */
  stop(): Promise<ProbeReport>;
}

/** Asks again and again until it is stopped. */
export function startProbe(options: ProbeOptions): Probe {
  const { url, host, every = 100, patience, limit = 3000, headers } = options;
  const stopping = new AbortController();
  const answers: Record<string, number> = {};
  let requests = 0;
  let failures = 0;
  let longestGap = 0;
  let lastGood = performance.now();
  const note = (): void => {
    longestGap = Math.max(longestGap, Math.round(performance.now() - lastGood));
  };
  const ask = async (): Promise<void> => {
    while (!stopping.signal.aborted && requests < limit) {
      const next = performance.now() + every;
      const result = await answer(url, host, patience, headers);
      requests += 1;
      answers[result] = (answers[result] ?? 0) + 1;
      note();
      if (/^[123]/.test(result)) lastGood = performance.now();
      else failures += 1;
      const rest = Math.max(0, next - performance.now());
      await pause(rest, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
    note();
  };
  const asked = ask();
  const report = (): ProbeReport => ({ requests, failures, longestGap, answers: { ...answers } });
  return {
    report,
    stop: async () => {
      stopping.abort();
      await asked;
      return report();
    },
  };
}
