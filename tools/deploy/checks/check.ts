/** The result of a check, and how results are printed. Pure. */
import { printable } from "../../../text/one-line";

/** One result of `npm run doctor`. */
export interface Check {
  /** `config`, `host`, `disk` and the like. */
  readonly name: string;
  readonly status: "ok" | "problem" | "unknown";
  readonly text: string;
  /** The remedy. */
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

/** Results for checks that could not run. */
export const allUnknown = (names: readonly string[], why: string): Check[] =>
  names.map((name) => unknownCheck(name, why));

export const hasProblem = (checks: readonly Check[]): boolean =>
  checks.some(({ status }) => status === "problem");

/** By convention, messages of this project have their remedy after the last semicolon. */
export function splitFix(line: string): { readonly text: string; readonly fix?: string } {
  const at = line.lastIndexOf("; ");
  return at === -1 ? { text: line } : { text: line.slice(0, at), fix: line.slice(at + 2) };
}

export function problemLine(name: string, line: string): Check {
  const { text, fix } = splitFix(line);
  return problem(name, text, fix);
}

const COLOURS = { ok: "green", problem: "red", unknown: "yellow" } as const;

/** The text comes from the host, from registries and other programs. */
export function lineOf(
  { name, status, text, fix }: Check,
  paint: (style: (typeof COLOURS)[Check["status"]], text: string) => string,
): string {
  const end = fix === undefined ? "" : `; ${fix}`;
  return `${paint(COLOURS[status], status.padEnd(7))}  ${printable(`${name}: ${text}${end}`)}`;
}
