/** What `npm run import` prints. Pure. */
import { formatReference } from "../../images/reference";
import { counted, oneLine } from "../../text/one-line";
import { columns, type painter } from "../cli/command";
import { moveCommands, secretCommands, type CommandOptions } from "./commands";
import { type Imported } from "./convert";
import { type FindingKind } from "./entry";
import { entriesYaml, type NewEntries } from "./stack-file";

/** In the order in which they are shown. */
const KINDS: readonly FindingKind[] = ["refused", "question", "reason", "changed", "tightened"];

export interface Printed extends CommandOptions {
  /** The Compose file as the user named it. */
  readonly compose: string;
  readonly stackFile: string;
  /** Variables without a value. */
  readonly missing: ReadonlyMap<string, ReadonlySet<string>>;
  /** Paths of texts with a malformed variable. */
  readonly invalid: ReadonlySet<string>;
}

/** How many findings of each kind there are, variables without a value among the questions. */
export function countKinds(
  { services }: Imported,
  { missing, invalid }: Pick<Printed, "missing" | "invalid">,
): Readonly<Record<FindingKind, number>> {
  const all = services.flatMap(({ findings }) => findings);
  const count = (kind: FindingKind): number => all.filter((one) => one.kind === kind).length;
  return {
    refused: services.filter(({ findings }) => findings.some(({ kind }) => kind === "refused"))
      .length,
    question: count("question") + missing.size + invalid.size,
    reason: count("reason"),
    changed: count("changed"),
    tightened: count("tightened"),
  };
}

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
  const { services, secrets, data } = imported;
  const { compose, stackFile, stack, missing, invalid } = options;
  const entries = entriesOf(imported);
  const made = Object.keys(entries.services).length;
  const count = countKinds(imported, options);
  const head = `${oneLine(compose)} → ${stackFile}: ${counted(services.length, "service")}, ${made === 1 ? "1 entry" : `${made} entries`}, ${count.refused} refused; to fill in: ${counted(count.reason, "reason")}, ${counted(count.question, "question")}`;
  const heading = (text: string): string => paint("bold", text);
  const variables = [
    ...[...missing].map(([name, at]) => [
      `variable ${name} has no value`,
      `in ${[...at].slice(0, 3).join(", ")}${at.size > 3 ? ` and ${at.size - 3} more` : ""}; give it with --env-file`,
    ]),
    ...[...invalid].map((at) => [
      "a variable is malformed",
      `in ${at}; expected \${NAME}, or $$ for a dollar sign`,
    ]),
  ];
  const secretLines = secretCommands(secrets, options);
  const moveLines = moveCommands(data, options);
  return [
    heading(head),
    "",
    ...(variables.length > 0 ? [table(variables.map((row) => ["question", ...row])), ""] : []),
    ...services.flatMap((service) => [
      `${heading(service.name)}${service.entry === undefined ? "  (no entry)" : ""}`,
      table(
        KINDS.flatMap((kind) =>
          service.findings
            .filter((finding) => finding.kind === kind)
            .map(({ what, instead }) => [kind, what, instead]),
        ),
      ),
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

/** Longer texts are on the next line, so that a terminal shows the table. */
function table(rows: readonly (readonly string[])[]): string {
  const lines = rows.map((row) => row.map((cell) => oneLine(cell)));
  return columns(lines.map((cells) => ["", ...cells]));
}
