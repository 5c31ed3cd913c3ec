/** An HTTP request with time and size limits. Uses `node:http(s)`, because Node 20's fetch closes connections after a HEAD. */

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
  /** A longer body is an error for a 2xx status, and truncated for any other. */
  readonly maxBodyBytes: number;
  readonly limits: PhaseLimits;
  readonly agent: Agent;
  readonly signal: AbortSignal;
  /** Replaces Node's DNS lookup. */
  readonly lookup?: LookupFunction;
}

/** Limits in ms. Each covers its whole phase, so a server cannot extend it by sending single bytes. */
export interface PhaseLimits {
  /** DNS lookup, TCP and TLS. */
  readonly connectMs: number;
  /** From the request to the end of the response headers. */
  readonly responseMs: number;
  /** From the headers to the end of the body. */
  readonly bodyMs: number;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; the values of a repeated header are joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The URL of the request, which after redirects is not the original one. */
  readonly url: URL;
}

const MAX_HEADER_BYTES = 16 * 1024;

/** Rejects with an {@link ExchangeError} for an exceeded limit or an invalid response, otherwise with a {@link NetworkError}. */
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
  // The awaits below handle errors. Without this listener, a later error would crash the process.
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
  // Without a listener, Node closes such a connection without an error.
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
  // Digests are those of uncompressed content.
  if ((headers["content-encoding"] ?? "identity") !== "identity") {
    incoming.destroy();
    throw new ExchangeError(
      "invalid-answer",
      `${url.host} sent a compressed response, expected an uncompressed one`,
    );
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
  // The agent reuses the connection only after this turn of the event loop.
  await nextTurn();
  return { status, headers, body: Buffer.concat(chunks).subarray(0, maxBodyBytes), url };
}
