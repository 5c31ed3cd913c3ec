/** What a faulty or hostile server does instead of answering. */

import type { ServerResponse } from "node:http";

export type Fault =
  /** The proper answer with another status, other headers (`undefined` takes one away) or another body. */
  | {
      readonly do: "amend";
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string | undefined>>;
      readonly body?: string | Buffer;
    }
  /** This answer and nothing else. */
  | {
      readonly do: "answer";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Buffer;
    }
  | { readonly do: "reset" }
  | { readonly do: "hang" }
  /** Promises a body and sends less of it, then closes. */
  | { readonly do: "cut" }
  /** A byte of the header or the body each 10 ms, without end. */
  | { readonly do: "drip"; readonly part: "header" | "body" }
  /** A body without end and without length, up to 64 MiB. */
  | { readonly do: "flood"; readonly status?: number }
  /** Bytes that are no HTTP. */
  | { readonly do: "babble"; readonly text: string };

const FLOOD_BYTES = 64 * 1024 * 1024;

export function misbehave(response: ServerResponse, fault: Exclude<Fault, { do: "amend" }>): void {
  const { socket } = response;
  switch (fault.do) {
    case "answer":
      response.writeHead(fault.status, fault.headers);
      response.end(response.req.method === "HEAD" ? undefined : fault.body);
      return;
    case "reset":
      socket?.resetAndDestroy();
      return;
    case "hang":
      return;
    case "cut":
      response.writeHead(200, { "content-length": "1000" });
      response.write("half", () => socket?.destroy());
      return;
    case "drip": {
      if (fault.part === "body") {
        response.writeHead(200, { "content-type": "application/json" });
        response.flushHeaders();
      } else socket?.write("HTTP/1.1 200 OK\r\nX-Drip: ");
      const drip = setInterval(() => {
        if (fault.part === "body") response.write(" ");
        else socket?.write("x");
      }, 10);
      socket?.once("close", () => {
        clearInterval(drip);
      });
      return;
    }
    case "flood": {
      response.writeHead(fault.status ?? 200, { "content-type": "application/json" });
      const chunk = Buffer.alloc(64 * 1024, " ");
      let sent = 0;
      const pour = (): void => {
        while (sent < FLOOD_BYTES && !response.destroyed) {
          sent += chunk.length;
          if (!response.write(chunk)) {
            response.once("drain", pour);
            return;
          }
        }
        response.end();
      };
      pour();
      return;
    }
    case "babble":
      socket?.end(fault.text);
  }
}
