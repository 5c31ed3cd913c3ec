/** HTTP requests of the tests. */
import { request as plain, type IncomingHttpHeaders } from "node:http";
import { request as secure } from "node:https";

export interface Question {
  readonly method?: string;
  /** The Host header, and the name asked for in TLS: where a proxy routes by it. */
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One request on a connection of its own, ten seconds at most. Certificates are not checked, redirects not followed. */
export function ask(url: string, question: Question = {}): Promise<Answer> {
  const { method = "GET", host, headers, json } = question;
  const body = json === undefined ? undefined : JSON.stringify(json);
  const options = {
    method,
    agent: false,
    timeout: 10_000,
    rejectUnauthorized: false,
    ...(host !== undefined && { servername: host }),
    headers: {
      ...(host !== undefined && { host }),
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
  };
  return new Promise((resolve, reject) => {
    const get = (url.startsWith("https:") ? secure : plain)(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
    });
    get.on("timeout", () => get.destroy(new Error(`${method} ${url}: no answer in time`)));
    get.on("error", reject);
    get.end(body);
  });
}
