/** The formats of `npm run report`. Pure. */
import { LoadedStack } from "../model/load";
import { Change } from "./changes/change";
import { cisLead, cisSections } from "./cis/cis";
import { composeExport, ComposeExport } from "./compose/compose";
import { mermaid } from "./map";
import { json, markdown, Paint, textTables } from "./print";
import { changeSections, changesHeadline, headline, sections } from "./sections";
import { StackView } from "./view/stack";

/** Formats with their help text. */
export const FORMATS = {
  table: "tables for a terminal",
  markdown: "the same tables as Markdown",
  json: "the same data as versioned JSON",
  cis: "CIS Docker Benchmark section 5, each item for each container",
  "cis-json": "the same as JSON",
  openvex: "the accepted holes of the pinned versions, for trivy and grype",
  mermaid: "network connections as a Mermaid flowchart",
  compose:
    "a Compose file that runs the same stack, and the files that it needs, in the folder --output",
} as const;
export type Format = keyof typeof FORMATS;
/** Formats that are one text. */
export type PrintedFormat = Exclude<Format, "compose" | "openvex">;

/** Formats of a comparison. */
export const COMPARED: readonly Format[] = ["table", "markdown", "json"];

/** The report, with a line break at its end. */
export function render(format: PrintedFormat, view: StackView, paint?: Paint): string {
  const { version, stack, cis } = view;
  switch (format) {
    case "table":
      return textTables(headline(view), sections(view), paint);
    case "markdown":
      return markdown(`Stack ${stack}`, headline(view), sections(view));
    case "json":
      return json(view);
    case "cis":
      return textTables(cisLead(stack, cis), cisSections(cis), paint);
    case "cis-json":
      return json({ version, stack, ...cis });
    case "mermaid":
      return mermaid(view);
  }
}

/** The format `compose`: a folder of files. */
export function exportOf({
  config: { registries },
  model,
}: Pick<LoadedStack, "model"> & {
  readonly config: Pick<LoadedStack["config"], "registries">;
}): ComposeExport {
  const logins = Object.keys(registries).filter((host) => registries[host]?.username);
  return composeExport(model, logins);
}

/** A comparison, in a format of {@link COMPARED}. `version` rises when a field is removed or changes its meaning. */
export function renderChanges(
  format: Format,
  stack: string,
  changes: readonly Change[],
  paint?: Paint,
): string {
  const lead = changesHeadline(stack, changes);
  if (format === "json") return json({ version: 1, stack, changes });
  return format === "markdown"
    ? markdown(`Changes of stack ${stack}`, lead, changeSections(changes))
    : textTables(lead, changeSections(changes), paint);
}
