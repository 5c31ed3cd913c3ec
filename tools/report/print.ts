/** Renders sections as text tables or Markdown, and values as JSON. Pure. */
import { oneLine } from "../../text/one-line";
import { columns } from "../cli/command";

/** A titled table. */
export interface Section {
  readonly title: string;
  /** With a head row. */
  readonly rows: readonly (readonly string[])[];
  /** Shown instead of an empty table. */
  readonly none: string;
}

export const section = (
  title: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  none = "none",
): Section => ({ title, rows: [head, ...rows], none });

export type Paint = (style: "bold" | "dim", text: string) => string;

export function textTables(
  lead: string,
  sections: readonly Section[],
  paint: Paint = (_, text) => text,
): string {
  const parts = sections.map(({ title, rows, none }) => {
    if (rows.length <= 1) return `${paint("bold", title)}: ${none}\n`;
    const [head = [], ...body] = rows.map((row) => row.map(oneLine));
    const [first = "", ...lines] = columns([head.map((name) => name.toUpperCase()), ...body]).split(
      "\n",
    );
    return `${paint("bold", title)}\n${paint("dim", first)}\n${lines.join("\n")}\n`;
  });
  return `${paint("bold", lead)}\n\n${parts.join("\n")}`;
}

/** GitHub Flavored Markdown (https://github.github.com/gfm/, 4.10 and 6.9). */
export function markdown(title: string, lead: string, sections: readonly Section[]): string {
  const parts = sections.map(
    ({ title: name, rows, none }) =>
      `## ${name}\n\n${rows.length > 1 ? markdownTable(rows) : `${none}\n`}`,
  );
  return `# ${escaped(title)}\n\n${escaped(lead)}\n\n${parts.join("\n")}`;
}

const markdownTable = ([head = [], ...body]: Section["rows"]): string =>
  [head, head.map(() => "---"), ...body]
    .map((row) => `| ${row.map(escaped).join(" | ")} |\n`)
    .join("");

/**
 * A vertical bar would end the cell and a line break the table. Other characters would become markup, links or formulas,
 * which GitHub also makes of plain URLs and dollar signs. A backslash does not escape @, so a tag prevents mentions.
 */
const escaped = (text: string): string =>
  oneLine(text)
    .replace(/[\\|<>*_`[\]~&$]|:(?=\/\/)|(?<=www)\./gi, "\\$&")
    .replace(/@(?=\w)/g, "<span>@</span>");

/** Also escapes control characters that JSON allows but a terminal would interpret, and bidirectional controls. */
export const json = (value: unknown): string =>
  `${JSON.stringify(value, undefined, 2).replace(
    /[\u007f-\u009f\u2028\u2029\p{Bidi_Control}]/gu,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )}\n`;
