import { oneLine } from "../../text/one-line";
import { Section } from "./sections";

/** Tables as GitHub shows them (GitHub Flavored Markdown, sections 4.10 and 6.9). Pure. */
export function markdown(title: string, lead: string, sections: readonly Section[]): string {
  const parts = sections.map(
    ({ title: name, rows, none }) =>
      `## ${name}\n\n${rows.length > 1 ? markdownTable(rows) : `${none}\n`}`,
  );
  return `# ${text(title)}\n\n${text(lead)}\n\n${parts.join("\n")}`;
}

/** The first row is the head. */
function markdownTable(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  return [head, head.map(() => "---"), ...body]
    .map((row) => `| ${row.map(text).join(" | ")} |\n`)
    .join("");
}

/**
 * A bar would end the cell, a line break the table; the rest is text that must not become markup, nor a link or a formula,
 * which GitHub makes of plain addresses and of dollar signs. Before an @ only a tag prevents that, no backslash.
 */
const text = (words: string): string =>
  oneLine(words)
    .replace(/[\\|<>*_`[\]~&$]|:(?=\/\/)|(?<=www)\./gi, "\\$&")
    .replace(/@(?=\w)/g, "<span>@</span>");
