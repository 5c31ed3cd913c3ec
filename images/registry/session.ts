/**
 * One registry: how it wants to be asked, and the tokens it gave. Credentials go to the registry's origin when it
 * asks for Basic, and to the realm it names when it asks for Bearer; nowhere else.
 */

import { statusError } from "./response";
import type { Answer } from "./http";
import {
  isNamed,
  registryOrigin,
  whyNotTo,
  type Registries,
  type RegistrySettings,
} from "./origin";
import { ExchangeError } from "./errors";
import { readScheme, redirectedTo401, type Scheme } from "./scheme";
import { Redactor } from "../../text/redact";
import { grantedRepositories, parseToken, tokenUrl, type Token, type TokenService } from "./token";
import type { Transport } from "./transport";

/** A request inside a repository. */
export interface RepositoryRequest {
  readonly method: "GET" | "HEAD";
  /** Below `/v2/<repository>/`, query included. */
  readonly path: string;
  readonly accept?: string;
  readonly maxBodyBytes: number;
}

interface Held {
  readonly authorization: string;
  readonly expiresAt: number;
  /** Asked for several repositories at once; whether it is good for this one shows when it is used. */
  readonly shared: boolean;
  proven: boolean;
}

const MAX_TOKEN_BYTES = 64 * 1024;
// A token is renewed a little before its end, so that it does not end on its way.
const RENEWAL_MS = 5_000;

export class RegistrySession {
  /** Of this registry alone: what one calls a token may be any text, and hides nothing of what others say. */
  readonly text = new Redactor();
  readonly #origin: URL;
  readonly #settings: RegistrySettings | undefined;
  #scheme: Scheme | undefined;
  readonly #held = new Map<string, Held>();
  readonly #asking = new Map<string, Promise<Held>>();

  constructor(
    readonly registry: string,
    private readonly registries: Registries,
    private readonly transport: Transport,
  ) {
    this.#settings = registries[registry];
    this.#origin = registryOrigin(registry, this.#settings);
    const { username, password } = this.#settings ?? {};
    if (password !== undefined) {
      this.text.hide(password);
      this.text.hide(base64(`${username ?? ""}:${password}`));
    }
  }

  /** The first request: without any authorization. `undefined` after a 401, which told how the registry wants to be asked. */
  async open(repository: string, request: RepositoryRequest): Promise<Answer | undefined> {
    const answer = await this.#request(repository, request, undefined);
    if (answer.status !== 401) return answer;
    this.#scheme = this.#wanted(answer);
    return undefined;
  }

  /** The answer, with the authorization the registry wants. A 401 that stays is an error, other statuses are the caller's. */
  async send(repository: string, request: RepositoryRequest): Promise<Answer> {
    const held = await this.#authorization(repository);
    const answer = await this.#request(repository, request, held?.authorization);
    if (!wantsAnotherToken(answer, held)) {
      if (held !== undefined) held.proven = true;
      return answer;
    }
    if (held === undefined) this.#scheme = this.#wanted(answer);
    else if (held.shared) this.#distrustShared();
    else throw this.#unauthorized(answer);
    const own = await this.#authorization(repository);
    const again = await this.#request(repository, request, own?.authorization);
    if (again.status === 401) throw this.#unauthorized(again);
    return again;
  }

  /** Whether each request carries the password itself. Known after {@link open}. */
  get isBasic(): boolean {
    return this.#scheme?.kind === "basic";
  }

  /**
   * Tries to get one token for all the repositories. `proven` where the token itself tells what it is good for; `open`
   * where that is for the registry to say; `refused` where each repository needs a token of its own.
   */
  async shareToken(repositories: readonly string[]): Promise<"proven" | "open" | "refused"> {
    if (this.#scheme?.kind !== "bearer" || repositories.length < 2) return "refused";
    const answer = await this.#askForToken(this.#scheme.service, repositories);
    const token = answer.status === 200 ? parseToken(answer.body) : undefined;
    if (token === undefined) {
      // Each further try with a wrong password brings the account nearer to being locked.
      if (answer.status === 401 && this.#basic() !== undefined)
        throw this.#credentialsRefused(answer);
      return "refused";
    }
    const granted = grantedRepositories(token);
    for (const repository of repositories)
      if (granted?.has(repository) ?? true) this.#hold(repository, token, true);
    return granted === undefined ? "open" : "proven";
  }

  async #authorization(repository: string): Promise<Held | undefined> {
    if (this.#scheme === undefined) return undefined;
    if (this.#scheme.kind === "basic") {
      const authorization = this.#basic();
      return authorization === undefined
        ? undefined
        : { authorization, expiresAt: Infinity, shared: false, proven: false };
    }
    const held = this.#held.get(repository);
    if (held !== undefined && held.expiresAt > Date.now()) return held;
    // Requests that run in parallel share one token.
    const asking =
      this.#asking.get(repository) ??
      this.#ownToken(this.#scheme.service, repository).finally(() => {
        this.#asking.delete(repository);
      });
    this.#asking.set(repository, asking);
    return asking;
  }

  async #ownToken(service: TokenService, repository: string): Promise<Held> {
    const answer = await this.#askForToken(service, [repository]);
    if (answer.status === 200) {
      const token = parseToken(answer.body);
      if (token !== undefined) return this.#hold(repository, token, false);
      throw new ExchangeError("invalid-answer", `${answer.url.host} answered without a token`);
    }
    if (answer.status === 401 && this.#basic() !== undefined)
      throw this.#credentialsRefused(answer);
    const error = statusError({ answer, text: this.text });
    throw error.code === "denied"
      ? new ExchangeError(
          "denied",
          `${error.message} to the request for a token: it does not exist or is private`,
        )
      : new ExchangeError("invalid-answer", `${error.message} to the request for a token`);
  }

  #hold(repository: string, token: Token, shared: boolean): Held {
    this.text.hide(token.text);
    const held: Held = {
      authorization: `Bearer ${token.text}`,
      expiresAt: Date.now() + token.seconds * 1000 - RENEWAL_MS,
      shared,
      proven: false,
    };
    this.#held.set(repository, held);
    return held;
  }

  /** A shared token was refused somewhere: keep it only where it was seen to work. */
  #distrustShared(): void {
    for (const [repository, held] of this.#held)
      if (held.shared && !held.proven) this.#held.delete(repository);
  }

  /** What a 401 asks for. */
  #wanted(answer: Answer): Scheme {
    const scheme = readScheme({ answer, text: this.text }, this.#origin, this.registries);
    if (scheme.kind === "basic" && this.#basic() === undefined)
      throw new ExchangeError("credentials", `${answer.url.host} wants a user name and a password`);
    return scheme;
  }

  #unauthorized(answer: Answer): ExchangeError {
    if (answer.url.origin !== this.#origin.origin) return redirectedTo401(answer);
    if (this.#scheme?.kind === "basic") return this.#credentialsRefused(answer);
    return new ExchangeError(
      "denied",
      `${answer.url.host} answered 401 although it got a token: it does not exist or is private`,
    );
  }

  #credentialsRefused(answer: Answer): ExchangeError {
    return new ExchangeError(
      "credentials",
      `${answer.url.host} refused the user name and password`,
    );
  }

  #basic(): string | undefined {
    const { username, password } = this.#settings ?? {};
    if (username === undefined || password === undefined) return undefined;
    return `Basic ${base64(`${username}:${password}`)}`;
  }

  #askForToken(service: TokenService, repositories: readonly string[]): Promise<Answer> {
    return this.#fetch(tokenUrl(service, repositories), this.#basic(), {
      method: "GET",
      maxBodyBytes: MAX_TOKEN_BYTES,
    });
  }

  #request(repository: string, request: RepositoryRequest, authorization: string | undefined) {
    return this.#fetch(
      new URL(`/v2/${repository}/${request.path}`, this.#origin),
      authorization,
      request,
    );
  }

  #fetch(
    url: URL,
    authorization: string | undefined,
    request: Omit<RepositoryRequest, "path">,
  ): Promise<Answer> {
    return this.transport.send({
      ...request,
      url,
      text: this.text,
      ...(authorization !== undefined && { authorization }),
      whyNotTo: (target) => whyNotTo(target, this.#origin, this.registries),
      isNamed: (target) => isNamed(target, this.#origin, this.registries),
    });
  }
}

/** After a 403 only where the token was for several repositories: of one for this repository alone it is the last word. */
const wantsAnotherToken = ({ status }: Answer, held: Held | undefined): boolean =>
  status === 401 || (status === 403 && held?.shared === true && !held.proven);

const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64");
