/** One request, one answer, both bounded. On `node:http(s)`: Node 20's fetch closes the connection after each HEAD. */

import { request as requestHttp, type Agent, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import type { LookupFunction } from "node:net";
import { ConnectionFault } from "./connection-fault";
import { ExchangeError } from "./errors";

export interface Exchange {
  readonly method: "GET" | "HEAD";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** A longer body is an error with a 2xx status and is cut with any other. */
  readonly maxBodyBytes: number;
  readonly times: PhaseTimes;
  readonly agent: Agent;
  readonly signal: AbortSignal;
  /** Instead of Node's own. */
  readonly lookup?: LookupFunction;
}

/** Limits in ms. Each covers the whole phase, so that a server which drips bytes gains nothing. */
export interface PhaseTimes {
  /** Name look-up, TCP and TLS. */
  readonly connectMs: number;
  /** From the request to the end of the answer's headers. */
  readonly responseMs: number;
  /** From the headers to the end of the body. */
  readonly bodyMs: number;
}

export interface Answer {
  readonly status: number;
  /** Names in lower case; of a repeated header the values joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Who answered: after redirects not the one first asked. */
  readonly url: URL;
}

const MAX_HEADER_BYTES = 16 * 1024;

/**
 * Rejects with an {@link ExchangeError} for a limit that was passed, and with a {@link ConnectionFault} for everything
 * the network did and for the signal.
 */
export function exchange(request: Exchange): Promise<Answer> {
  const { url, signal, times } = request;
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      finish();
    };
    const fail = (error: Error): void => {
      settle(() => {
        reject(error);
        outgoing.destroy();
      });
    };
    const allow = (ms: number, what: string): void => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        fail(new ExchangeError("timeout", `${url.host} ${what} within ${ms / 1000} s`));
      }, ms);
    };
    const fault = ({ code }: NodeJS.ErrnoException): void => {
      fail(new ConnectionFault(code ?? "unknown"));
    };

    const secure = url.protocol === "https:";
    const outgoing = (secure ? requestHttps : requestHttp)(url, {
      method: request.method,
      headers: { ...request.headers, "accept-encoding": "identity", "user-agent": "pinned-stack" },
      agent: request.agent,
      ...(request.lookup !== undefined && { lookup: request.lookup }),
      maxHeaderSize: MAX_HEADER_BYTES,
      signal,
    });
    outgoing.on("error", fault);
    outgoing.on("socket", (socket) => {
      const connected = (): void => {
        allow(times.responseMs, "did not answer");
      };
      if (!socket.connecting) {
        connected();
        return;
      }
      allow(times.connectMs, "could not be connected to");
      socket.once(secure ? "secureConnect" : "connect", connected);
    });
    // Node lets go of such a request without another word.
    outgoing.on("upgrade", (_incoming, socket) => {
      socket.destroy();
      fail(new ExchangeError("invalid-answer", `${url.host} answered with another protocol`));
    });
    outgoing.on("response", (incoming) => {
      allow(times.bodyMs, "did not finish its answer");
      const status = incoming.statusCode ?? 0;
      // Compressed bytes have another digest than the ones that were stored.
      if ((incoming.headers["content-encoding"] ?? "identity") !== "identity") {
        fail(new ExchangeError("invalid-answer", `${url.host} compressed its answer, unasked`));
        return;
      }
      const done = (body: Buffer): void => {
        settle(() => {
          resolve({ status, headers: joined(incoming), body, url });
        });
      };
      const chunks: Buffer[] = [];
      let length = 0;
      const tooLong = (): void => {
        if (status >= 200 && status <= 299)
          fail(
            new ExchangeError(
              "too-large",
              `${url.host} answered with more than ${request.maxBodyBytes} bytes`,
            ),
          );
        else {
          done(Buffer.concat(chunks).subarray(0, request.maxBodyBytes));
          outgoing.destroy();
        }
      };
      incoming.on("error", fault);
      incoming.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length > request.maxBodyBytes) tooLong();
      });
      incoming.on("end", () => {
        if (!incoming.complete) fault(Object.assign(new Error("cut off"), { code: "ECONNRESET" }));
        // The connection goes back to the agent after this event: answering at once would make the next request open another.
        else
          setImmediate(() => {
            done(Buffer.concat(chunks));
          });
      });
      if (
        request.method === "GET" &&
        Number(incoming.headers["content-length"] ?? 0) > request.maxBodyBytes
      )
        tooLong();
    });
    outgoing.end();
  });
}

function joined(incoming: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, values] of Object.entries(incoming.headersDistinct))
    if (values !== undefined) headers[name] = values.join(", ");
  return headers;
}
