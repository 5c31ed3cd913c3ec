/**
 * Authentication with one registry. Credentials are sent only to the registry's origin (Basic) or to the token service
 * that it names (Bearer).
 */

import { Redactor } from "../../text/redact";
import {
  grantedRepositories,
  parseToken,
  readScheme,
  redirectTargetDenied,
  tokenUrl,
  type AuthScheme,
  type Token,
  type TokenService,
} from "./auth";
import { ExchangeError } from "./errors";
import { registryOrigin, type RegistryContext, type Registries } from "./origin";
import { statusError, type RegistryResponse } from "./response";
import type { Request, Transport } from "./transport";

/** A request for an object in a repository. */
export interface RepositoryRequest extends Pick<
  Request,
  "method" | "accept" | "maxBodyBytes" | "redirects"
> {
  /** Path relative to `/v2/<repository>/`, including the query. */
  readonly path: string;
}

/** An authorization for one repository. */
interface Grant {
  readonly authorization: string;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number;
  /** Requested for several repositories together, so it may not cover this one. */
  readonly shared: boolean;
  /** Whether a request with it has succeeded. */
  proven: boolean;
}

const MAX_TOKEN_BODY_BYTES = 64 * 1024;
/** Tokens are renewed this long before they expire, so that they do not expire in transit. */
const RENEWAL_MS = 5_000;

export class RegistrySession {
  readonly #context: RegistryContext;
  /** The Authorization header for the configured credentials. */
  readonly #basic: string | undefined;
  #scheme: AuthScheme | undefined;
  readonly #grants = new Map<string, Grant>();
  readonly #pending = new Map<string, Promise<Grant>>();

  constructor(
    registry: string,
    registries: Registries,
    private readonly transport: Transport,
  ) {
    const settings = registries[registry];
    const { username, password } = settings ?? {};
    // One per registry: a token can be any text and must not redact messages of other registries.
    const redactor = new Redactor();
    this.#context = { origin: registryOrigin(registry, settings), registries, redactor };
    if (password === undefined) return;
    const credentials = Buffer.from(`${username ?? ""}:${password}`).toString("base64");
    redactor.hide(password);
    redactor.hide(credentials);
    if (username !== undefined) this.#basic = `Basic ${credentials}`;
  }

  /** Sends the first request, without authorization. Returns `undefined` for a 401, after which the scheme is known. */
  async open(
    repository: string,
    request: RepositoryRequest,
  ): Promise<RegistryResponse | undefined> {
    const response = await this.#request(repository, request, undefined);
    if (response.status !== 401) return response;
    this.#scheme = this.#schemeOf(response);
    return undefined;
  }

  /** Sends a request with the required authorization. Throws for a repeated 401; other statuses are returned. */
  async send(repository: string, request: RepositoryRequest): Promise<RegistryResponse> {
    const grant = await this.#grant(repository);
    const response = await this.#request(repository, request, grant);
    // A shared token may get a 403 where the repository's own token gets a 200.
    const isUnproven = grant?.shared === true && !grant.proven;
    if (response.status !== 401 && !(response.status === 403 && isUnproven)) {
      if (grant !== undefined) grant.proven = true;
      return response;
    }
    if (grant === undefined) this.#scheme = this.#schemeOf(response);
    else if (grant.shared) this.#dropUnprovenGrants();
    else throw this.#unauthorized(response);
    const again = await this.#request(repository, request, await this.#grant(repository));
    if (again.status === 401) throw this.#unauthorized(again);
    return again;
  }

  /** Whether the registry uses Basic authentication. Known after {@link open}. */
  get isBasic(): boolean {
    return this.#scheme?.kind === "basic";
  }

  /**
   * Requests one token for all the repositories. `proven`: the token states which repositories it covers. `unproven`: the
   * token is opaque, so only its use shows that. `refused`: each repository needs its own token.
   */
  async shareToken(repositories: readonly string[]): Promise<"proven" | "unproven" | "refused"> {
    if (this.#scheme?.kind !== "bearer" || repositories.length < 2) return "refused";
    const response = await this.#requestToken(this.#scheme.service, repositories);
    const token = response.status === 200 ? parseToken(response.body) : undefined;
    if (token === undefined) {
      // Further attempts with a wrong password could lock the account.
      if (response.status === 401 && this.#basic !== undefined) throw credentialsRefused(response);
      return "refused";
    }
    const granted = grantedRepositories(token);
    for (const repository of repositories)
      if (granted?.has(repository) ?? true) this.#keep(repository, token, true);
    return granted === undefined ? "unproven" : "proven";
  }

  async #grant(repository: string): Promise<Grant | undefined> {
    if (this.#scheme === undefined) return undefined;
    if (this.#scheme.kind === "basic")
      return this.#basic === undefined
        ? undefined
        : { authorization: this.#basic, expiresAt: Infinity, shared: false, proven: false };
    const grant = this.#grants.get(repository);
    if (grant !== undefined && grant.expiresAt > Date.now()) return grant;
    // Parallel requests share one token request.
    const pending =
      this.#pending.get(repository) ??
      this.#ownToken(this.#scheme.service, repository).finally(() => {
        this.#pending.delete(repository);
      });
    this.#pending.set(repository, pending);
    return pending;
  }

  async #ownToken(service: TokenService, repository: string): Promise<Grant> {
    const response = await this.#requestToken(service, [repository]);
    if (response.status === 200) {
      const token = parseToken(response.body);
      if (token !== undefined) return this.#keep(repository, token, false);
      throw new ExchangeError(
        "invalid-answer",
        `${response.url.host} answered the token request without a token`,
      );
    }
    if (response.status === 401 && this.#basic !== undefined) throw credentialsRefused(response);
    const { code, message } = statusError(response);
    throw code === "denied"
      ? new ExchangeError(code, `${message} to the token request: ${ABSENT_OR_PRIVATE}`)
      : new ExchangeError("invalid-answer", `${message} to the token request`);
  }

  #keep(repository: string, token: Token, shared: boolean): Grant {
    this.#context.redactor.hide(token.text);
    const expiresAt = Date.now() + token.seconds * 1000 - RENEWAL_MS;
    const grant = { authorization: `Bearer ${token.text}`, expiresAt, shared, proven: false };
    this.#grants.set(repository, grant);
    return grant;
  }

  /** After a shared token was refused for one repository: keeps it only for repositories where it has worked. */
  #dropUnprovenGrants(): void {
    for (const [repository, { shared, proven }] of this.#grants)
      if (shared && !proven) this.#grants.delete(repository);
  }

  #schemeOf(response: RegistryResponse): AuthScheme {
    const scheme = readScheme(response, this.#context);
    if (scheme.kind === "basic" && this.#basic === undefined)
      throw new ExchangeError(
        "credentials",
        `${response.url.host} requires a user name and a password`,
      );
    return scheme;
  }

  #unauthorized(response: RegistryResponse): ExchangeError {
    if (response.url.origin !== this.#context.origin.origin) return redirectTargetDenied(response);
    if (this.isBasic) return credentialsRefused(response);
    return new ExchangeError(
      "denied",
      `${response.url.host} answered 401 to the token it granted: ${ABSENT_OR_PRIVATE}`,
    );
  }

  #requestToken(service: TokenService, repositories: readonly string[]): Promise<RegistryResponse> {
    return this.transport.send({
      method: "GET",
      url: tokenUrl(service, repositories),
      maxBodyBytes: MAX_TOKEN_BODY_BYTES,
      context: this.#context,
      ...(this.#basic !== undefined && { authorization: this.#basic }),
    });
  }

  #request(
    repository: string,
    { path, ...request }: RepositoryRequest,
    grant: Grant | undefined,
  ): Promise<RegistryResponse> {
    return this.transport.send({
      ...request,
      url: new URL(`/v2/${repository}/${path}`, this.#context.origin),
      context: this.#context,
      ...(grant !== undefined && { authorization: grant.authorization }),
    });
  }
}

const ABSENT_OR_PRIVATE = "the image does not exist or is private";

const credentialsRefused = ({ url }: RegistryResponse): ExchangeError =>
  new ExchangeError("credentials", `${url.host} refused the user name and password`);
