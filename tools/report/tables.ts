import { oneLine } from "../../text/one-line";
import { Section } from "./sections";

/** What a terminal shows: a title, aligned columns. */
export interface TextStyle {
  readonly columns: (rows: readonly (readonly string[])[]) => string;
  readonly title: (text: string) => string;
  readonly head: (text: string) => string;
}

export function textTables(lead: string, sections: readonly Section[], style: TextStyle): string {
  const parts = sections.map(({ title, rows, none }) => {
    if (rows.length <= 1) return `${style.title(title)}: ${none}\n`;
    const [head = [], ...body] = rows.map((row) => row.map(oneLine));
    const [first = "", ...lines] = style
      .columns([head.map((name) => name.toUpperCase()), ...body])
      .split("\n");
    return `${style.title(title)}\n${style.head(first)}\n${lines.join("\n")}\n`;
  });
  return `${style.title(lead)}\n\n${parts.join("\n")}`;
}
