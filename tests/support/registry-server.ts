/**
 * A registry in the test's own process: the pull side of the distribution API with Docker Hub's token authentication,
 * a log of every request, and faults on demand. Listens on 127.0.0.1 only.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { misbehave, type Fault } from "./registry-faults";
import { failure, json, RegistryStore, type Reply } from "./registry-store";
import { TokenIssuer, type TokenServiceOptions } from "./registry-tokens";

export interface FakeRegistryOptions extends TokenServiceOptions {
  /** Default `bearer`. */
  readonly auth?: "none" | "bearer" | "basic";
  /** Who may pull private repositories; with `basic`, who may pull at all. */
  readonly credentials?: { readonly username: string; readonly password: string };
  /** The status for a token that is not good for the repository. Default 401. */
  readonly refusal?: 401 | 403;
  /** Offers the referrers API. Default: 404, as most registries. */
  readonly referrers?: boolean;
  /** Serves tokens on a port of its own. Default: on the registry's. */
  readonly separateTokenService?: boolean;
  /** Added before every answer, in ms: the round trip of a real network. Default 0. */
  readonly delayMs?: number;
  /** https with this key and certificate, PEM. Default: plain http. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Called for each request; what it returns happens instead of the answer. */
  readonly fault?: (request: LoggedRequest) => Fault | undefined;
}

export interface LoggedRequest {
  readonly method: string;
  /** With query. */
  readonly path: string;
  readonly kind: "head" | "get" | "token" | "blob" | "referrers" | "tags" | "other";
  readonly authorization: "none" | "basic" | "bearer" | "other";
  /** Number of the TCP connection it came on, over both ports. */
  readonly connection: number;
  readonly accept: string | undefined;
}

export class FakeRegistry extends RegistryStore {
  /** Every request in its order. */
  readonly log: LoggedRequest[] = [];
  readonly tokens: TokenIssuer;
  /** Replaceable while it runs. */
  fault: FakeRegistryOptions["fault"];
  readonly #servers: Server[] = [];
  readonly #hosts: string[] = [];
  #connections = 0;
  readonly #connectionOf = new WeakMap<object, number>();

  private constructor(private readonly options: FakeRegistryOptions) {
    super();
    this.tokens = new TokenIssuer(options);
    this.fault = options.fault;
  }

  static async start(options: FakeRegistryOptions = {}): Promise<FakeRegistry> {
    const registry = new FakeRegistry(options);
    await registry.#listen();
    if (options.separateTokenService === true) await registry.#listen();
    return registry;
  }

  /** As references name it: `127.0.0.1:40123`. */
  get host(): string {
    return this.#hosts[0] ?? "";
  }

  /** Where tokens are given out. */
  get realm(): string {
    return `${this.options.tls === undefined ? "http" : "https"}://${this.#hosts.at(-1) ?? ""}/token`;
  }

  get connections(): number {
    return this.#connections;
  }

  /** How many requests of these kinds came in; of all kinds where none is named. */
  count(...kinds: readonly LoggedRequest["kind"][]): number {
    return this.log.filter(({ kind }) => kinds.length === 0 || kinds.includes(kind)).length;
  }

  /** Resolves when no client is connected any more. */
  async whenUnconnected(): Promise<void> {
    const open = (server: Server) =>
      new Promise<number>((resolve, reject) => {
        server.getConnections((error, count) => {
          if (error === null) resolve(count);
          else reject(error);
        });
      });
    for (const server of this.#servers)
      while ((await open(server)) > 0) await new Promise((next) => setTimeout(next, 5));
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#servers.map(
        (server) =>
          new Promise((closed) => {
            server.close(closed);
            server.closeAllConnections();
          }),
      ),
    );
  }

  async #listen(): Promise<void> {
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      setTimeout(() => {
        this.#handle(request, response);
      }, this.options.delayMs ?? 0);
    };
    const { tls } = this.options;
    const server = tls === undefined ? createServer(handle) : createSecureServer(tls, handle);
    server.on(tls === undefined ? "connection" : "secureConnection", (socket: object) => {
      this.#connectionOf.set(socket, ++this.#connections);
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    this.#servers.push(server);
    this.#hosts.push(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const { method = "", url: path = "", headers, socket } = request;
    const url = new URL(path, "http://registry");
    const route = /^\/v2\/(.+)\/(manifests|blobs|referrers|tags)\/([^/]+)$/.exec(url.pathname);
    const [, name = "", part, item = ""] = route ?? [];
    const kind = kindOf(method, url.pathname === "/token" ? "token" : part);
    const logged: LoggedRequest = {
      method,
      path,
      kind,
      authorization: schemeOf(headers.authorization),
      connection: this.#connectionOf.get(socket) ?? 0,
      accept: headers.accept,
    };
    this.log.push(logged);

    const fault = this.fault?.(logged);
    if (fault !== undefined && fault.do !== "amend") {
      misbehave(response, fault);
      return;
    }
    const answer =
      kind === "token"
        ? this.#token(url, headers.authorization)
        : (this.#challenge(name, headers.authorization) ??
          this.#content(kind, name, item, url, headers.accept));
    const body = fault?.body ?? answer.body;
    // With HEAD too, as registries do: without it Node's client takes the connection for one that ends with the answer.
    const length = { "content-length": String(Buffer.byteLength(body)) };
    const sent: Record<string, string | undefined> = {
      ...answer.headers,
      ...length,
      ...fault?.headers,
    };
    for (const [header, value] of Object.entries(sent))
      if (value !== undefined) response.setHeader(header, value);
    response.writeHead(fault?.status ?? answer.status);
    response.end(method === "HEAD" ? undefined : body);
  }

  #token(url: URL, authorization: string | undefined): Reply {
    const known = this.#isKnown(authorization);
    if (authorization !== undefined && !known)
      return failure(401, "UNAUTHORIZED", "wrong password");
    const body = this.tokens.answer(url.searchParams.getAll("scope"), (name) =>
      this.mayPull(name, known),
    );
    if (body === undefined) return failure(400, "UNSUPPORTED", "one scope only");
    return json(200, body);
  }

  /** The 401 for who may not pull, `undefined` for who may. */
  #challenge(name: string, authorization: string | undefined): Reply | undefined {
    const { auth = "bearer" } = this.options;
    if (auth === "none") return undefined;
    if (
      auth === "basic" ? this.#isKnown(authorization) : this.tokens.isGoodFor(authorization, name)
    )
      return undefined;
    if (schemeOf(authorization) === "bearer" && this.options.refusal === 403)
      return failure(403, "DENIED", "requested access to the resource is denied");
    const reply = failure(401, "UNAUTHORIZED", "authentication required");
    const wanted =
      auth === "basic"
        ? 'Basic realm="test"'
        : `Bearer realm="${this.realm}",service="registry.test",scope="repository:${name}:pull"`;
    return { ...reply, headers: { ...reply.headers, "www-authenticate": wanted } };
  }

  #content(kind: LoggedRequest["kind"], name: string, item: string, url: URL, accept = ""): Reply {
    switch (kind) {
      case "head":
      case "get":
        return this.manifest(name, item, accept);
      case "blob":
        return this.blob(name, item);
      case "referrers":
        return this.options.referrers === true
          ? this.referrers(name, item)
          : failure(404, "NOT_FOUND", "no such API");
      case "tags":
        return this.tagList(name, url);
      default:
        return failure(404, "UNSUPPORTED", "not part of this registry");
    }
  }

  #isKnown(authorization: string | undefined): boolean {
    const { credentials } = this.options;
    if (credentials === undefined) return false;
    const { username, password } = credentials;
    return authorization === `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  }
}

function kindOf(method: string, part: string | undefined): LoggedRequest["kind"] {
  if (part === "manifests") return method === "HEAD" ? "head" : "get";
  if (part === "blobs") return "blob";
  return part === "token" || part === "referrers" || part === "tags" ? part : "other";
}

function schemeOf(authorization: string | undefined): LoggedRequest["authorization"] {
  if (authorization === undefined) return "none";
  const scheme = authorization.split(" ", 1)[0]?.toLowerCase();
  return scheme === "basic" || scheme === "bearer" ? scheme : "other";
}
