import { Model } from "../model/synth";
import { Change } from "./changes/change";
import { changesJson, changeSections, changesHeadline } from "./changes/sections";
import { cisLead, cisSections } from "./cis/sections";
import { compose } from "./compose/compose";
import { conversationMap } from "./map/graph";
import { mapSvg } from "./map/svg";
import { markdown } from "./markdown";
import { mermaid } from "./map/mermaid";
import { headline, sections } from "./sections";
import { StackView } from "./view/stack";
import { TextStyle, textTables } from "./tables";

/** What a report can be printed as, and what each is for. */
export const FORMATS = {
  table: "tables for a terminal",
  markdown: "the same for a wiki or an audit",
  json: "the same for programs; has a version",
  cis: "CIS Docker Benchmark section 5, each item for each container",
  "cis-json": "the same for programs",
  mermaid: "who can talk to whom, as a Mermaid flowchart",
  svg: "the same as a picture",
  compose: "a Compose file that runs the same stack",
} as const;
export type Format = keyof typeof FORMATS;

export const isFormat = (text: string): text is Format => Object.hasOwn(FORMATS, text);

export interface Rendering {
  readonly format: Format;
  readonly model: Model;
  readonly view: StackView;
  readonly style: TextStyle;
  /** Given: these are printed instead of the report. */
  readonly changes?: readonly Change[];
}

/** The whole text, with a line break at its end. */
export function render({ format, model, view, style, changes }: Rendering): string {
  if (changes !== undefined) {
    const lead = changesHeadline(view.stack, changes);
    if (format === "json") return json(changesJson(view.stack, changes));
    return format === "markdown"
      ? markdown(`Changes of stack ${view.stack}`, lead, changeSections(changes))
      : textTables(lead, changeSections(changes), style);
  }
  switch (format) {
    case "table":
      return textTables(headline(view), sections(view), style);
    case "markdown":
      return markdown(`Stack ${view.stack}`, headline(view), sections(view));
    case "json":
      return json(view);
    case "cis":
      return textTables(cisLead(view), cisSections(view.cis), style);
    case "cis-json":
      return json({ version: view.version, stack: view.stack, ...view.cis });
    case "mermaid":
      return mermaid(conversationMap(view));
    case "svg":
      return mapSvg(conversationMap(view));
    case "compose":
      return compose(model);
  }
}

/** With what orders a terminal, breaks a line or shows it in another order escaped: JSON allows it all in a text. */
const json = (value: unknown): string =>
  `${JSON.stringify(value, undefined, 2).replace(
    /[\u007f-\u009f\u2028\u2029\p{Bidi_Control}]/gu,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )}\n`;
