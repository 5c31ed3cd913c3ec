/** What the doctor says: one line for each thing it looked at. Pure. */

export interface Check {
  /** What was looked at, in a word: `config`, `ssh`, `disk`. */
  readonly name: string;
  readonly status: "ok" | "problem" | "unknown";
  readonly text: string;
  /** What to do, as a command where there is one. */
  readonly fix?: string;
}

export const ok = (name: string, text: string): Check => ({ name, status: "ok", text });
export const problem = (name: string, text: string, fix?: string): Check => ({
  name,
  status: "problem",
  text,
  ...(fix !== undefined && { fix }),
});
export const unknownCheck = (name: string, text: string, fix?: string): Check => ({
  ...problem(name, text, fix),
  status: "unknown",
});

/** A line each for what nobody could look at, so that none is missing. */
export const allUnknown = (names: readonly string[], why: string): Check[] =>
  names.map((name) => unknownCheck(name, why));

export const hasProblem = (checks: readonly Check[]): boolean =>
  checks.some(({ status }) => status === "problem");

/** Messages of this project end with the way out after the last semicolon. */
export function splitFix(line: string): { readonly text: string; readonly fix?: string } {
  const at = line.lastIndexOf("; ");
  return at === -1 ? { text: line } : { text: line.slice(0, at), fix: line.slice(at + 2) };
}

/** A line that says by itself what to do. */
export function problemLine(name: string, line: string): Check {
  const { text, fix } = splitFix(line);
  return problem(name, text, fix);
}
