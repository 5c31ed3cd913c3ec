/**
 * Identities in Sigstore certificates: an exact text, or a pattern that must match the whole identity. Pure.
 *
 * An unanchored pattern would accept `https://evil.example/?https://github.com/you`, so a pattern is `^…$`, has no
 * alternative outside of brackets, and names its host literally.
 */

/** Fulcio's identities are URLs and e-mail addresses. Limits the time that a pattern takes. */
const MAX_LENGTH = 2048;

/** The scheme and the host of a pattern, with every dot escaped. The slash after it must not be optional. */
const LITERAL_HOST = /^\^https:\/\/(?:[a-z0-9-]+\\\.)+[a-z0-9-]+\/(?![?*+{])/;

/** A repeated group takes exponential time on some texts if it has a repetition itself. */
const REPEATED_GROUP = /\)(?:[+*]|\{)/;

/** Why a text is no usable identity, as `expected …`; undefined if it is. */
export function identityProblem(text: string): string | undefined {
  if (text === "" || text.length > MAX_LENGTH || /\s/.test(text))
    return "expected an identity without spaces, such as an e-mail address or the URL of a workflow";
  const starts = text.startsWith("^");
  const ends = /(?<!\\)(?:\\\\)*\$$/.test(text);
  if (!starts && !ends) return undefined;
  if (!starts || !ends)
    return "expected a pattern that begins with ^ and ends with $, or an exact identity without both";
  if (!LITERAL_HOST.test(text))
    return "expected a pattern that begins with a literal host, such as ^https://github\\.com/, with a backslash before each dot";
  if (hasOuterAlternative(text))
    return 'expected a pattern without "|" outside of brackets, because that would accept parts of other identities';
  if (REPEATED_GROUP.test(text))
    return "repeats a group, as in (…)+; expected a pattern that repeats characters and classes only, as in [0-9]+";
  try {
    new RegExp(text, "u");
    return undefined;
  } catch {
    return "expected a valid regular expression between ^ and $";
  }
}

function hasOuterAlternative(pattern: string): boolean {
  let depth = 0;
  let inClass = false;
  for (let at = 0; at < pattern.length; at++) {
    const one = pattern[at];
    if (one === "\\") at++;
    else if (inClass) inClass = one !== "]";
    else if (one === "[") inClass = true;
    else if (one === "(") depth++;
    else if (one === ")") depth--;
    else if (one === "|" && depth === 0) return true;
  }
  return false;
}

/** Whether the whole identity is the expected one. False for an unusable expectation. */
export function matchesIdentity(expected: string, identity: string): boolean {
  if (identityProblem(expected) !== undefined || identity.length > MAX_LENGTH) return false;
  // A class such as [^@] would match them.
  if (/[\s\p{C}]/u.test(identity)) return false;
  if (!expected.startsWith("^")) return identity === expected;
  return new RegExp(`^(?:${expected.slice(1, -1)})$`, "u").test(identity);
}

/** The repository of a GitHub workflow: `https://github.com/owner/name`; undefined for other identities. */
export const repositoryOf = (identity: string): string | undefined =>
  /^https:\/\/github\.com\/[^/]+\/[^/]+(?=\/)/.exec(identity)?.[0];
