/** The formats of `npm run report`. Pure. */
import { LoadedStack } from "../model/load";
import { Change } from "./changes/change";
import { cisLead, cisSections } from "./cis/cis";
import { compose } from "./compose/compose";
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
  mermaid: "network connections as a Mermaid flowchart",
  compose: "a Compose file that runs the same stack",
} as const;
export type Format = keyof typeof FORMATS;

/** Formats of a comparison. */
export const COMPARED: readonly Format[] = ["table", "markdown", "json"];

/**
 * The report, with a line break at its end. Throws a CommandError if a stack cannot be a Compose file.
 *
 * @param view of the model
 */
export function render(
  format: Format,
  {
    config,
    model,
  }: Pick<LoadedStack, "model"> & {
    readonly config: Pick<LoadedStack["config"], "registries">;
  },
  view: StackView,
  paint?: Paint,
): string {
  const { version, stack, cis } = view;
  switch (format) {
    case "table":
      return textTables(headline(view), sections(view), paint);
    case "markdown":
      return markdown(`Stack ${stack}`, headline(view), sections(view));
    case "json":
      return json(view);
    case "cis": {
      const starting = view.helpers.filter(({ starts }) => starts).length;
      return textTables(cisLead(stack, cis, starting), cisSections(cis), paint);
    }
    case "cis-json":
      return json({ version, stack, ...cis });
    case "mermaid":
      return mermaid(view);
    case "compose": {
      const { registries } = config;
      const logins = Object.keys(registries).filter((host) => registries[host]?.username);
      return compose(model, logins);
    }
  }
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
