/**
 * Requests with everything a registry may do to them: retries, redirects, limits, and one deadline over all.
 * Knows nothing of registries' authentication beyond keeping `Authorization` at home.
 */

import { setMaxListeners } from "node:events";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { ConnectionFault, inWords } from "./connection-fault";
import { exchange, type Answer, type PhaseTimes } from "./http";
import { ExchangeError } from "./errors";
import { publicLookup } from "./public-lookup";
import { isPassingFault, isWorthRetrying, RETRIES, retryAfterMs, waitMs } from "./retry";
import type { Redactor } from "../../text/redact";
import { placeOf } from "./origin";

/** Limits in ms. */
export interface Limits extends PhaseTimes {
  /** Everything the client does, from its first request on. */
  readonly deadlineMs: number;
  /** The first wait before a retry; the next ones double. */
  readonly retryMs: number;
  /** How long a registry's other images wait for what the first one's answer tells about all of them. */
  readonly headStartMs: number;
}

export const LIMITS: Limits = Object.freeze({
  deadlineMs: 20_000,
  connectMs: 5_000,
  responseMs: 10_000,
  bodyMs: 10_000,
  retryMs: 250,
  headStartMs: 2_000,
});

/** One request as it is sent, retries and redirects included. Without query: redirects carry signatures in theirs. */
export interface RequestEvent {
  readonly method: "GET" | "HEAD";
  readonly url: string;
}

export interface TransportOptions {
  readonly limits: Limits;
  readonly signal?: AbortSignal;
  /** Certificates to trust, PEM. Default: Node's own and those of NODE_EXTRA_CA_CERTS. */
  readonly ca?: string;
  readonly onRequest?: (event: RequestEvent) => void;
}

export interface Request {
  readonly method: "GET" | "HEAD";
  readonly url: URL;
  readonly accept?: string;
  /** Sent to the URL's origin only: gone with the first redirect to another scheme, host or port. */
  readonly authorization?: string;
  readonly maxBodyBytes: number;
  /** Knows the secrets of the registry that is asked. */
  readonly text: Redactor;
  /** Why a redirect to this URL is not followed; `undefined` follows it. */
  readonly whyNotTo: (target: URL) => string | undefined;
  /** Whether the configuration knows the host; another may not be an internal one, whatever its name is looked up to. */
  readonly isNamed: (target: URL) => boolean;
}

const MAX_REDIRECTS = 5;
const MAX_CONNECTIONS_PER_HOST = 8;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export class Transport {
  readonly #agents: { readonly http: HttpAgent; readonly https: HttpsAgent };
  readonly #over = new AbortController();
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
    // One listener for each request under way is no leak.
    setMaxListeners(0, this.#over.signal);
  }

  /** The answer to the request, whatever its status but 429 and 5xx. Throws an {@link ExchangeError}. */
  async send(request: Request): Promise<Answer> {
    let { url, authorization } = request;
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#sendUntilAnswered(request, url, authorization);
      const location = answer.headers.location;
      if (!REDIRECTS.has(answer.status) || location === undefined) return answer;
      if (redirects === MAX_REDIRECTS)
        throw new ExchangeError(
          "refused",
          `${request.url.host} redirected more than ${MAX_REDIRECTS} times`,
        );
      const target = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
      const { text } = request;
      const why =
        target === undefined
          ? "it is no web address"
          : text.containsSecret(target.host) && target.hostname !== request.url.hostname
            ? "its name has a secret in it"
            : request.whyNotTo(target);
      if (target === undefined || why !== undefined)
        throw new ExchangeError(
          "refused",
          `${url.host} redirected to ${text.quote(placeOf(target) ?? location)}, which is not followed: ${why ?? ""}`,
        );
      if (target.origin !== url.origin) authorization = undefined;
      url = target;
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener("abort", this.#interrupt);
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  async #sendUntilAnswered(request: Request, url: URL, authorization?: string): Promise<Answer> {
    for (let retry = 0; ; retry++) {
      const outcome = await this.#attempt(request, url, authorization).catch((error: unknown) => {
        if (error instanceof ConnectionFault) return error;
        throw error;
      });
      if (!worthRetrying(outcome)) {
        if (outcome instanceof ConnectionFault) throw inWords(outcome, url);
        return outcome;
      }
      await this.#waitBefore(retry, outcome, url);
    }
  }

  async #attempt(request: Request, url: URL, authorization?: string): Promise<Answer> {
    this.#begin();
    const { signal } = this.#over;
    const { method, accept, maxBodyBytes } = request;
    const { limits, onRequest } = this.#options;
    const agent = url.protocol === "https:" ? this.#agents.https : this.#agents.http;
    const headers = {
      ...(accept !== undefined && { accept }),
      ...(authorization !== undefined && { authorization }),
    };
    try {
      signal.throwIfAborted();
      onRequest?.({ method, url: `${url.origin}${url.pathname}` });
      signal.throwIfAborted();
      return await exchange({
        method,
        url,
        headers,
        maxBodyBytes,
        times: limits,
        agent,
        signal,
        ...(!request.isNamed(url) && { lookup: publicLookup }),
      });
    } catch (error) {
      throw signal.aborted ? this.#ended(url) : error;
    }
  }

  /** Waits for the next attempt, or throws where there is none: too many, or no time for it. */
  async #waitBefore(retry: number, outcome: Answer | ConnectionFault, url: URL): Promise<void> {
    const what =
      outcome instanceof ConnectionFault
        ? inWords(outcome, url).message
        : `${url.host} answered ${outcome.status}`;
    const code =
      outcome instanceof ConnectionFault || outcome.status !== 429 ? "unavailable" : "rate-limited";
    if (retry === RETRIES) throw new ExchangeError(code, `${what}, ${RETRIES + 1} times`);
    const { limits } = this.#options;
    const asked =
      outcome instanceof ConnectionFault
        ? undefined
        : retryAfterMs(outcome.headers["retry-after"], Date.now());
    const wait = waitMs(retry, limits.retryMs, asked, Math.random());
    if (Date.now() + wait > this.#endsAt)
      throw new ExchangeError(
        code,
        asked === undefined
          ? `${what}, and there is no time left for another try`
          : `${what} and asks to wait ${Math.ceil(asked / 1000)} s, which is beyond the limit of ${limits.deadlineMs / 1000} s`,
      );
    await sleep(wait, undefined, { signal: this.#over.signal }).catch(() => {
      throw this.#ended(url);
    });
  }

  /** The deadline begins to run with the first request. */
  #begin(): void {
    if (this.#endsAt !== Infinity) return;
    const { limits, signal } = this.#options;
    this.#endsAt = Date.now() + limits.deadlineMs;
    this.#timer = setTimeout(() => {
      this.#over.abort();
    }, limits.deadlineMs).unref();
    signal?.addEventListener("abort", this.#interrupt);
    if (signal?.aborted === true) this.#interrupt();
  }

  readonly #interrupt = (): void => {
    this.#over.abort();
  };

  /** Why nothing more is asked. */
  #ended(url: URL): ExchangeError {
    if (this.#options.signal?.aborted === true)
      return new ExchangeError("aborted", `interrupted before ${url.host} answered`);
    const seconds = this.#options.limits.deadlineMs / 1000;
    return new ExchangeError(
      "timeout",
      `${url.host} had not answered when the ${seconds} s for all registries were over`,
    );
  }
}

const worthRetrying = (outcome: Answer | ConnectionFault): boolean =>
  outcome instanceof ConnectionFault
    ? isPassingFault(outcome.code)
    : isWorthRetrying(outcome.status);
