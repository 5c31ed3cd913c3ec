/** Titled tables as text for a terminal, as Markdown, and values as JSON. Pure. */
import { oneLine } from "../../text/one-line";
import { columns } from "../cli/command";

export interface Section {
  readonly title: string;
  /** The first row is the head. */
  readonly rows: readonly (readonly string[])[];
  /** Shown instead of a table without a row. */
  readonly none: string;
}

export const table = (
  title: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  none = "none",
): Section => ({ title, rows: [head, ...rows], none });

/** How a terminal shows titles (bold) and heads (dim); default: not at all. */
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

/** Tables as GitHub shows them: GitHub Flavored Markdown, sections 4.10 and 6.9. */
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
 * A bar would end the cell, a line break the table. The rest would become markup, a link or a formula: GitHub makes those
 * of plain addresses and of dollar signs. Before an @ only a tag prevents that, no backslash.
 */
const escaped = (text: string): string =>
  oneLine(text)
    .replace(/[\\|<>*_`[\]~&$]|:(?=\/\/)|(?<=www)\./gi, "\\$&")
    .replace(/@(?=\w)/g, "<span>@</span>");

/** JSON allows control characters and bidirectional ones in a text; a terminal would act on them, so they are escaped. */
export const json = (value: unknown): string =>
  `${JSON.stringify(value, undefined, 2).replace(
    /[\u007f-\u009f\u2028\u2029\p{Bidi_Control}]/gu,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )}\n`;
