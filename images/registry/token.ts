/**
 * Bearer tokens: where to ask for one, what the answer says. Pure.
 * https://distribution.github.io/distribution/spec/auth/token/
 */

/** The bearer challenge of a registry. */
export interface TokenService {
  readonly realm: URL;
  readonly service?: string;
}

export interface Token {
  readonly text: string;
  /** Seconds it is good for, never less than the 60 the specification promises. */
  readonly seconds: number;
}

const SHORTEST_SECONDS = 60;
const LENGTH_LIMIT = 12 * 1024;

/** The address of one token that lets pull all of the repositories, if the service grants that. */
export function tokenUrl({ realm, service }: TokenService, repositories: readonly string[]): URL {
  const url = new URL(realm);
  url.hash = "";
  if (service !== undefined) url.searchParams.set("service", service);
  for (const repository of repositories)
    url.searchParams.append("scope", `repository:${repository}:pull`);
  return url;
}

/** The token of a token service's answer, or `undefined` where there is none that fits into a header. */
export function parseToken(body: Buffer): Token | undefined {
  const answer = parseObject(body.toString("utf8"));
  const text = [answer?.token, answer?.access_token].find(
    (value): value is string => typeof value === "string" && value !== "",
  );
  if (text === undefined || text.length > LENGTH_LIMIT || !/^[\x21-\x7e]+$/.test(text))
    return undefined;
  const seconds = answer?.expires_in;
  return {
    text,
    seconds: Math.max(typeof seconds === "number" ? seconds : 0, SHORTEST_SECONDS),
  };
}

/**
 * The repositories a token lets pull, where it is a JWT that says so, as Docker Hub's and Harbor's are; `undefined` for
 * any other token. Only saves requests: whether the token is good for a repository is the registry's to say.
 */
export function grantedRepositories(token: Token): ReadonlySet<string> | undefined {
  const payload = token.text.split(".", 3)[1];
  if (payload === undefined) return undefined;
  const access = parseObject(Buffer.from(payload, "base64url").toString("utf8"))?.access;
  if (!Array.isArray(access)) return undefined;
  const granted = new Set<string>();
  for (const entry of access as readonly unknown[]) {
    if (!isObject(entry) || entry.type !== "repository" || typeof entry.name !== "string") continue;
    const { actions } = entry;
    if (Array.isArray(actions) && (actions.includes("pull") || actions.includes("*")))
      granted.add(entry.name);
  }
  return granted;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
