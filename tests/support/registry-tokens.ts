/** The token service of the registry for tests: tokens bound to repositories, as Docker Hub's are. */

import { randomBytes } from "node:crypto";

export interface TokenServiceOptions {
  /** `jwt` says in itself what it is good for, as Docker Hub's do; `opaque` does not, as ghcr.io's. Default `jwt`. */
  readonly tokens?: "jwt" | "opaque";
  /** What a request with several scopes gets: all of them, one of them, or status 400. Default `all`. */
  readonly severalScopes?: "all" | "first" | "last" | "refused";
  /** The field the token is in. Default `token`. */
  readonly field?: "token" | "access_token";
  /** Default: not said. */
  readonly expiresIn?: number;
}

export class TokenIssuer {
  readonly #granted = new Map<string, ReadonlySet<string>>();

  constructor(private readonly options: TokenServiceOptions) {}

  /** The body of the answer, or `undefined` for a refusal with 400. `mayPull` decides for each repository asked for. */
  answer(
    scopes: readonly string[],
    mayPull: (repository: string) => boolean,
  ): Record<string, unknown> | undefined {
    const { severalScopes = "all", field = "token", expiresIn } = this.options;
    if (scopes.length > 1 && severalScopes === "refused") return undefined;
    const heard = {
      all: scopes,
      first: scopes.slice(0, 1),
      last: scopes.slice(-1),
      refused: scopes,
    }[severalScopes];
    const repositories = heard
      .map((scope) => /^repository:(.+):pull$/.exec(scope)?.[1] ?? "")
      .filter(mayPull);
    const token = this.#token(repositories);
    this.#granted.set(token, new Set(repositories));
    return { [field]: token, ...(expiresIn !== undefined && { expires_in: expiresIn }) };
  }

  isGoodFor(authorization: string | undefined, repository: string): boolean {
    const token = /^Bearer (.+)$/.exec(authorization ?? "")?.[1];
    return token !== undefined && this.#granted.get(token)?.has(repository) === true;
  }

  /** Every token given out, to look for in what must not have them. */
  get all(): readonly string[] {
    return [...this.#granted.keys()];
  }

  #token(repositories: readonly string[]): string {
    const signature = randomBytes(24).toString("base64url");
    if (this.options.tokens === "opaque") return signature;
    const access = repositories.map((name) => ({ type: "repository", name, actions: ["pull"] }));
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    return `${part({ alg: "RS256", typ: "JWT" })}.${part({ access, iss: "test" })}.${signature}`;
  }
}
