/** What `npm run import` prints. Pure. */
import { formatReference } from "../../images/reference";
import { counted, oneLine } from "../../text/one-line";
import { columns, type painter } from "../cli/command";
import { moveCommands, secretCommands, type CommandOptions } from "./commands";
import { type Imported, type ImportedService } from "./convert";
import { type Finding, type FindingKind } from "./entry";
import { entriesYaml, type NewEntries } from "./stack-file";

/** In the order in which they are shown. */
const KINDS: readonly FindingKind[] = ["refused", "question", "reason", "changed", "tightened"];

export interface Printed extends CommandOptions {
  /** The Compose file as the user named it. */
  readonly compose: string;
  readonly stackFile: string;
}

/** How many findings of each kind there are; of refusals, how many services. */
export function countKinds({
  services,
  findings,
}: Imported): Readonly<Record<FindingKind, number>> {
  const all = [...findings, ...services.flatMap(shown)];
  const count = (kind: FindingKind): number => all.filter((one) => one.kind === kind).length;
  return {
    refused: services.filter((one) => one.findings.some(({ kind }) => kind === "refused")).length,
    question: count("question"),
    reason: count("reason"),
    changed: count("changed"),
    tightened: count("tightened"),
  };
}

/** Without an entry there is nothing to fill in, and nothing that is tightened. */
const shown = ({ entry, findings }: ImportedService): readonly Finding[] =>
  findings.filter(({ kind }) => entry !== undefined || kind === "refused" || kind === "changed");

export function entriesOf({ services }: Imported): NewEntries {
  const made = services.flatMap(({ name, image, entry }) =>
    image === undefined || entry === undefined ? [] : [{ name, image, entry }],
  );
  return {
    images: Object.fromEntries(made.map(({ name, image }) => [name, formatReference(image)])),
    services: Object.fromEntries(made.map(({ name, entry }) => [name, entry])),
  };
}

export function printed(
  imported: Imported,
  options: Printed,
  paint: ReturnType<typeof painter>,
): string {
  const { services, secrets, data, findings } = imported;
  const { compose, stackFile, stack } = options;
  const entries = entriesOf(imported);
  const made = Object.keys(entries.services).length;
  const count = countKinds(imported);
  const head = `${oneLine(compose)} → ${stackFile}: ${counted(services.length, "service")}, ${made === 1 ? "1 entry" : `${made} entries`}, ${count.refused} refused; to fill in: ${counted(count.reason, "reason")}, ${counted(count.question, "question")}`;
  const heading = (text: string): string => paint("bold", text);
  const secretLines = secretCommands(secrets, options).map(oneLine);
  const moveLines = moveCommands(data, options).map(oneLine);
  return [
    heading(head),
    "",
    ...(findings.length > 0 ? [table(findings), ""] : []),
    ...services.flatMap((service) => [
      `${heading(service.name)}${service.entry === undefined ? "  (no entry)" : ""}`,
      table(shown(service)),
      "",
    ]),
    ...(made > 0 ? [heading(`Entries for ${stackFile}`), "", entriesYaml(entries)] : []),
    ...(secretLines.length > 0
      ? [heading("Secrets: run each command, none shows a value"), "", ...secretLines, ""]
      : []),
    ...(moveLines.length > 0
      ? [
          heading(
            `Data: on the Docker host, with the old containers stopped, before the first deployment of ${stack}`,
          ),
          "",
          ...moveLines,
          "",
        ]
      : []),
  ].join("\n");
}

/** One line for each finding, what is to be done first. */
const table = (findings: readonly Finding[]): string =>
  columns(
    KINDS.flatMap((wanted) =>
      findings
        .filter(({ kind }) => kind === wanted)
        .map(({ kind, what, instead }) => ["", kind, `${oneLine(what)} → ${oneLine(instead)}`]),
    ),
  );
