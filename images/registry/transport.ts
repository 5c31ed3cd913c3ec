/**
 * HTTP with retries, redirects, limits and a common deadline. Does not know about authentication, but never sends
 * `Authorization` to another origin.
 */

import { setMaxListeners } from "node:events";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { ExchangeError, NetworkError } from "./errors";
import { exchange, type HttpResponse, type PhaseLimits } from "./http";
import { followableUrl, isConfigured, publicLookup, type RegistryContext } from "./origin";
import type { RegistryResponse } from "./response";
import { isRetryableCode, isRetryableStatus, RETRIES, retryAfterMs, waitMs } from "./retry";

/** Limits in ms. */
export interface Limits extends PhaseLimits {
  /** For all requests of the client, from the first one. */
  readonly deadlineMs: number;
  /** The wait before the first retry; it doubles with each retry. */
  readonly retryMs: number;
  /** How long requests wait for the first response of their registry, which shows how to authenticate. */
  readonly warmUpMs: number;
}

export const LIMITS: Limits = Object.freeze({
  deadlineMs: 20_000,
  connectMs: 5_000,
  responseMs: 10_000,
  bodyMs: 10_000,
  retryMs: 250,
  warmUpMs: 2_000,
});

/** A request that is sent, including retries and redirects. The URL has no query: redirects carry signatures in it. */
export interface RequestEvent {
  readonly method: "GET" | "HEAD";
  readonly url: string;
}

export interface TransportOptions {
  readonly limits: Limits;
  readonly signal?: AbortSignal;
  /** Trusted CA certificates, PEM. Default: Node's own and those in NODE_EXTRA_CA_CERTS. */
  readonly ca?: string;
  readonly onRequest?: (event: RequestEvent) => void;
}

export interface Request {
  readonly method: "GET" | "HEAD";
  readonly url: URL;
  readonly accept?: string;
  /** Sent only to the origin of `url`: dropped on a redirect to another scheme, host or port. */
  readonly authorization?: string;
  readonly maxBodyBytes: number;
  /** The registry that the request belongs to. */
  readonly context: RegistryContext;
  /** `stop` returns a redirect as the response instead of following it. Default `follow`. */
  readonly redirects?: "follow" | "stop";
}

const MAX_REDIRECTS = 5;
const MAX_CONNECTIONS_PER_HOST = 8;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export class Transport {
  readonly #agents: { readonly http: HttpAgent; readonly https: HttpsAgent };
  readonly #controller = new AbortController();
  readonly #options: TransportOptions;
  #endsAt = Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
    const agent = { keepAlive: true, maxSockets: MAX_CONNECTIONS_PER_HOST };
    this.#agents = {
      http: new HttpAgent(agent),
      https: new HttpsAgent({ ...agent, ...(options.ca !== undefined && { ca: options.ca }) }),
    };
    // Each running request adds a listener; disable Node's warning about leaks.
    setMaxListeners(0, this.#controller.signal);
  }

  /** Sends a request. Throws an {@link ExchangeError} for 429 and retryable 5xx; returns responses of any other status. */
  async send(request: Request): Promise<RegistryResponse> {
    const { context } = request;
    let { url, authorization } = request;
    for (let redirects = 0; ; redirects++) {
      const response = await this.#sendWithRetries(request, url, authorization);
      const { location } = response.headers;
      if (!REDIRECTS.has(response.status) || location === undefined || request.redirects === "stop")
        return { ...response, redactor: context.redactor };
      if (redirects === MAX_REDIRECTS)
        throw new ExchangeError(
          "refused",
          `${request.url.host} redirected more than ${MAX_REDIRECTS} times`,
        );
      const from = url;
      url = followableUrl(
        location,
        from,
        context,
        (place, reason) => `${from.host} redirected to ${place}, which is not followed: ${reason}`,
      );
      if (url.origin !== from.origin) authorization = undefined;
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener("abort", this.#abort);
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  async #sendWithRetries(request: Request, url: URL, authorization?: string) {
    for (let retry = 0; ; retry++) {
      const outcome = await this.#attempt(request, url, authorization).catch((error: unknown) => {
        if (error instanceof NetworkError) return error;
        throw error;
      });
      if (outcome instanceof NetworkError) {
        if (!isRetryableCode(outcome.code)) throw outcome.describe(url);
      } else if (!isRetryableStatus(outcome.status)) return outcome;
      await this.#waitBeforeRetry(retry, outcome, url);
    }
  }

  async #attempt(request: Request, url: URL, authorization?: string): Promise<HttpResponse> {
    this.#startDeadline();
    const { signal } = this.#controller;
    const { method, accept, maxBodyBytes, context } = request;
    const { limits, onRequest } = this.#options;
    try {
      signal.throwIfAborted();
      onRequest?.({ method, url: `${url.origin}${url.pathname}` });
      signal.throwIfAborted();
      return await exchange({
        method,
        url,
        headers: {
          ...(accept !== undefined && { accept }),
          ...(authorization !== undefined && { authorization }),
        },
        maxBodyBytes,
        limits,
        agent: url.protocol === "https:" ? this.#agents.https : this.#agents.http,
        signal,
        ...(!isConfigured(url, context) && { lookup: publicLookup }),
      });
    } catch (error) {
      throw signal.aborted ? this.#ended(url) : error;
    }
  }

  /** Waits before the next attempt. Throws if there were too many attempts or the deadline is too close. */
  async #waitBeforeRetry(retry: number, outcome: HttpResponse | NetworkError, url: URL) {
    const [what, code, asked] =
      outcome instanceof NetworkError
        ? [outcome.describe(url).message, "unavailable" as const, undefined]
        : [
            `${url.host} answered ${outcome.status}`,
            outcome.status === 429 ? ("rate-limited" as const) : ("unavailable" as const),
            retryAfterMs(outcome.headers["retry-after"], Date.now()),
          ];
    if (retry === RETRIES) throw new ExchangeError(code, `${what}, ${RETRIES + 1} times`);
    const { retryMs, deadlineMs } = this.#options.limits;
    const wait = waitMs(retry, retryMs, asked, Math.random());
    if (Date.now() + wait > this.#endsAt)
      throw new ExchangeError(
        code,
        asked === undefined
          ? `${what}, and no time is left to retry`
          : `${what} and asks to wait ${Math.ceil(asked / 1000)} s, longer than the limit of ${deadlineMs / 1000} s`,
      );
    await sleep(wait, undefined, { signal: this.#controller.signal }).catch(() => {
      throw this.#ended(url);
    });
  }

  /** The deadline starts with the first request. */
  #startDeadline(): void {
    if (this.#endsAt !== Infinity) return;
    const { limits, signal } = this.#options;
    this.#endsAt = Date.now() + limits.deadlineMs;
    this.#timer = setTimeout(this.#abort, limits.deadlineMs).unref();
    signal?.addEventListener("abort", this.#abort);
    if (signal?.aborted === true) this.#abort();
  }

  readonly #abort = (): void => {
    this.#controller.abort();
  };

  /** The error after an abort or the deadline. */
  #ended(url: URL): ExchangeError {
    if (this.#options.signal?.aborted === true)
      return new ExchangeError("aborted", `interrupted before ${url.host} answered`);
    const seconds = this.#options.limits.deadlineMs / 1000;
    return new ExchangeError(
      "timeout",
      `${url.host} did not answer within the limit of ${seconds} s for all registries`,
    );
  }
}
