/** One bounded request with one bounded response. On `node:http(s)`: Node 20's fetch closes the connection after each HEAD. */

import { once } from "node:events";
import { request as requestHttp, type Agent, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import type { LookupFunction } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { ExchangeError, NetworkError } from "./errors";

export interface HttpRequest {
  readonly method: "GET" | "HEAD";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** A longer body is an error with a 2xx status, and cut with any other. */
  readonly maxBodyBytes: number;
  readonly limits: PhaseLimits;
  readonly agent: Agent;
  readonly signal: AbortSignal;
  /** Replaces Node's name lookup. */
  readonly lookup?: LookupFunction;
}

/** Limits in ms. Each covers its whole phase, so a server gains nothing by sending single bytes. */
export interface PhaseLimits {
  /** Name lookup, TCP and TLS. */
  readonly connectMs: number;
  /** From the request to the end of the response's headers. */
  readonly responseMs: number;
  /** From the headers to the end of the body. */
  readonly bodyMs: number;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; the values of a repeated header are joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Who answered: after redirects not the server first asked. */
  readonly url: URL;
}

const MAX_HEADER_BYTES = 16 * 1024;

/** Rejects with an {@link ExchangeError} for an exceeded limit or a malformed response, else with a {@link NetworkError}. */
export async function exchange(request: HttpRequest): Promise<HttpResponse> {
  const { url, limits } = request;
  const failed = new AbortController();
  const fail = (code: "timeout" | "invalid-answer", what: string): void => {
    failed.abort(new ExchangeError(code, `${url.host} ${what}`));
  };
  let timer: NodeJS.Timeout | undefined;
  const startPhase = (ms: number, what: string): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      fail("timeout", `${what} within ${ms / 1000} s`);
    }, ms);
  };

  const secure = url.protocol === "https:";
  const outgoing = (secure ? requestHttps : requestHttp)(url, {
    method: request.method,
    headers: { ...request.headers, "accept-encoding": "identity", "user-agent": "pinned-stack" },
    agent: request.agent,
    ...(request.lookup !== undefined && { lookup: request.lookup }),
    maxHeaderSize: MAX_HEADER_BYTES,
    signal: AbortSignal.any([request.signal, failed.signal]),
  });
  // The waits below see errors; without a listener, one that comes after them would end the process.
  outgoing.on("error", () => undefined);
  outgoing.on("socket", (socket) => {
    const startResponse = (): void => {
      startPhase(limits.responseMs, "did not answer");
    };
    if (!socket.connecting) {
      startResponse();
      return;
    }
    startPhase(limits.connectMs, "did not accept the connection");
    socket.once(secure ? "secureConnect" : "connect", startResponse);
  });
  // Node drops such a request without an error.
  outgoing.on("upgrade", (_response, socket) => {
    socket.destroy();
    fail("invalid-answer", "switched to another protocol");
  });
  try {
    outgoing.end();
    const [incoming] = (await once(outgoing, "response", { signal: failed.signal })) as [
      IncomingMessage,
    ];
    startPhase(limits.bodyMs, "did not finish its response");
    return await readResponse(request, incoming);
  } catch (error) {
    failed.signal.throwIfAborted();
    throw error instanceof ExchangeError
      ? error
      : new NetworkError((error as NodeJS.ErrnoException).code ?? "unknown");
  } finally {
    clearTimeout(timer);
  }
}

async function readResponse(
  { method, url, maxBodyBytes }: HttpRequest,
  incoming: IncomingMessage,
): Promise<HttpResponse> {
  const status = incoming.statusCode ?? 0;
  const headers: Record<string, string> = {};
  for (const [name, values = []] of Object.entries(incoming.headersDistinct))
    headers[name] = values.join(", ");
  // Compressed bytes do not have the digest of the stored ones.
  if ((headers["content-encoding"] ?? "identity") !== "identity") {
    incoming.destroy();
    throw new ExchangeError("invalid-answer", `${url.host} compressed its response unasked`);
  }
  const chunks: Buffer[] = [];
  let length = 0;
  let isTooLong = method === "GET" && Number(headers["content-length"] ?? 0) > maxBodyBytes;
  if (isTooLong) incoming.destroy();
  else
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      isTooLong = length > maxBodyBytes;
      // Closes the connection.
      if (isTooLong) break;
    }
  if (isTooLong && status >= 200 && status <= 299)
    throw new ExchangeError("too-large", `${url.host} sent more than ${maxBodyBytes} bytes`);
  // The agent gets the connection back after this turn: without the wait, the next request opens another.
  await nextTurn();
  return { status, headers, body: Buffer.concat(chunks).subarray(0, maxBodyBytes), url };
}
