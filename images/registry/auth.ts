/**
 * Parses authentication challenges and tokens of registries. Pure.
 * Grammar: RFC 9110, section 11.6.1. Tokens: https://distribution.github.io/distribution/spec/auth/token/
 */

import { isMap } from "../../text/messages";
import { parseJson } from "../json";
import { ExchangeError } from "./errors";
import type { HttpResponse } from "./http";
import { followableUrl, type RegistryContext } from "./origin";
import type { RegistryResponse } from "./response";

export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** By name in lower case. Empty if the challenge has none, or only a token68. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Maximum length of a WWW-Authenticate header, in UTF-16 code units. */
const MAX_HEADER_LENGTH = 8192;
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;
const PARAMETER = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;
const SPACE = /[ \t]+/y;
const SEPARATOR = /[ \t]*(?:,[ \t]*)+/y;

/** The challenges in a WWW-Authenticate header, in order; `undefined` if it is malformed. */
export function parseChallenges(header: string): readonly Challenge[] | undefined {
  if (header.length > MAX_HEADER_LENGTH) return undefined;
  const text = header.trim();
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null) return undefined;
    at = pattern.lastIndex;
    return match;
  };
  const takeValue = (): string | undefined =>
    take(QUOTED)?.[1]?.replace(/\\(.)/g, "$1") ?? take(TOKEN)?.[0];

  const challenges: Challenge[] = [];
  take(SEPARATOR);
  while (at < text.length) {
    const scheme = take(TOKEN)?.[0].toLowerCase();
    if (scheme === undefined) return undefined;
    const parameters = new Map<string, string>();
    let separated = false;
    if (take(SPACE) !== undefined && take(TOKEN68) === undefined) {
      // Commas separate both parameters and challenges. Only a parameter has an equals sign.
      for (let name = take(PARAMETER)?.[1]; name !== undefined; name = take(PARAMETER)?.[1]) {
        const value = takeValue();
        if (value === undefined || parameters.has(name.toLowerCase())) return undefined;
        parameters.set(name.toLowerCase(), value);
        separated = take(SEPARATOR) !== undefined;
        if (!separated) break;
      }
    }
    if (!separated && take(SEPARATOR) === undefined && at < text.length) return undefined;
    challenges.push({ scheme, parameters: Object.fromEntries(parameters) });
  }
  return challenges.length === 0 ? undefined : challenges;
}

/** The token service in a Bearer challenge. */
export interface TokenService {
  readonly realm: URL;
  readonly service?: string;
}

export type AuthScheme =
  { readonly kind: "basic" } | { readonly kind: "bearer"; readonly service: TokenService };

/** The error for a 401 from a redirect target. Such servers get no credentials. */
export const redirectTargetDenied = ({ url }: HttpResponse): ExchangeError =>
  new ExchangeError("denied", `${url.host}, where the registry redirected to, answered 401`);

/** The scheme that a 401 asks for. Throws an {@link ExchangeError} for an unknown scheme or a refused token service. */
export function readScheme(response: RegistryResponse, context: RegistryContext): AuthScheme {
  const { host, origin } = response.url;
  // A redirect target must not choose where credentials are sent.
  if (origin !== context.origin.origin) throw redirectTargetDenied(response);
  const header = response.headers["www-authenticate"];
  const challenges = header === undefined ? undefined : parseChallenges(header);
  const bearer = challenges?.find(({ scheme }) => scheme === "bearer")?.parameters;
  if (bearer?.realm !== undefined) {
    const realm = followableUrl(
      bearer.realm,
      undefined,
      context,
      (place, reason) => `${host} names the token service ${place}, which is refused: ${reason}`,
    );
    const { service } = bearer;
    return { kind: "bearer", service: { realm, ...(service !== undefined && { service }) } };
  }
  if (challenges?.some(({ scheme }) => scheme === "basic") === true) return { kind: "basic" };
  throw new ExchangeError(
    "invalid-answer",
    `${host} answered 401 without a known authentication scheme${header === undefined ? "" : `: ${response.redactor.quote(header)}`}`,
  );
}

export interface Token {
  readonly text: string;
  /** Lifetime in seconds, at least 60, the minimum in the specification. */
  readonly seconds: number;
}

const MIN_LIFETIME_SECONDS = 60;
const MAX_TOKEN_LENGTH = 12 * 1024;

/** The URL to request a token with pull access to all of the repositories. */
export function tokenUrl({ realm, service }: TokenService, repositories: readonly string[]): URL {
  const url = new URL(realm);
  url.hash = "";
  if (service !== undefined) url.searchParams.set("service", service);
  for (const repository of repositories)
    url.searchParams.append("scope", `repository:${repository}:pull`);
  return url;
}

/** The token in the response of a token service; `undefined` if there is none that is valid in a header. */
export function parseToken(body: Buffer): Token | undefined {
  const answer = parseMap(body.toString("utf8"));
  const text = [answer?.token, answer?.access_token].find(
    (value): value is string => typeof value === "string" && value !== "",
  );
  if (text === undefined || text.length > MAX_TOKEN_LENGTH || !/^[\x21-\x7e]+$/.test(text))
    return undefined;
  const lifetime = answer?.expires_in;
  return {
    text,
    seconds: Math.max(typeof lifetime === "number" ? lifetime : 0, MIN_LIFETIME_SECONDS),
  };
}

/**
 * The repositories that a token can pull, if it is a JWT with `access` claims, as from Docker Hub and Harbor; `undefined`
 * for any other token. The claims are not verified and only used to save requests.
 */
export function grantedRepositories(token: Token): ReadonlySet<string> | undefined {
  const payload = token.text.split(".", 3)[1] ?? "";
  const access = parseMap(Buffer.from(payload, "base64url").toString("utf8"))?.access;
  if (!Array.isArray(access)) return undefined;
  const names = (access as readonly unknown[]).flatMap((entry) => {
    if (!isMap(entry) || entry.type !== "repository" || typeof entry.name !== "string") return [];
    const actions: readonly unknown[] = Array.isArray(entry.actions) ? entry.actions : [];
    return actions.includes("pull") || actions.includes("*") ? [entry.name] : [];
  });
  return new Set(names);
}

function parseMap(text: string): Readonly<Record<string, unknown>> | undefined {
  const value = parseJson(text);
  return isMap(value) ? value : undefined;
}
