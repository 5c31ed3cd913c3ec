import { oneLine } from "./one-line";
import { Section } from "./sections";

/** Tables as GitHub shows them (GitHub Flavored Markdown, section 4.10). Pure. */
export function markdown(title: string, lead: string, sections: readonly Section[]): string {
  const parts = sections.map(
    ({ title: name, rows, none }) =>
      `## ${name}\n\n${rows.length > 1 ? markdownTable(rows) : `${none}\n`}`,
  );
  return `# ${title}\n\n${lead}\n\n${parts.join("\n")}`;
}

/** The first row is the head. */
function markdownTable(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  return [head, head.map(() => "---"), ...body]
    .map((row) => `| ${row.map(cell).join(" | ")} |\n`)
    .join("");
}

/** A bar would end the cell, a line break the table; the rest is text that must not become markup. */
const cell = (text: string): string => oneLine(text).replace(/[\\|<>*_`[\]]/g, "\\$&");
