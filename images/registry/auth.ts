/**
 * `WWW-Authenticate`: what a registry wants before it answers.
 * Pure. Grammar: RFC 9110, section 11.6.1; its use by registries: https://distribution.github.io/distribution/spec/auth/token/
 */

export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Parameter names in lower case. Empty where the challenge has none, or only a token68. */
  readonly parameters: Readonly<Record<string, string>>;
}

const LENGTH_LIMIT = 8192;
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;
const PARAMETER = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;
const SPACE = /[ \t]+/y;
const SEPARATOR = /[ \t]*(?:,[ \t]*)+/y;

/** All challenges of the header in their order, or `undefined` where the header is not well formed. */
export function parseChallenges(header: string): readonly Challenge[] | undefined {
  if (header.length > LENGTH_LIMIT) return undefined;
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
      // A comma separates parameters and challenges alike; what follows it tells: only a parameter has an equals sign.
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
