/** CIS results as titled tables: what is found, justified and left to look at; then one with an item a line. Pure. */
import { CIS_EDITION, cisHeadline, CisReport, CisResult, CisVerdict } from "./cis";
import { Section } from "../sections";
import { StackView } from "../view/stack";

/** From the worst to the least interesting: a line shows the first that any container has. */
const ORDER: readonly CisVerdict[] = ["finding", "exempt", "pass", "not applicable", "host"];

/** What the tables are of, and in a second line what they leave out. */
export function cisLead({ stack, helpers, cis }: StackView): string {
  const ran = helpers.filter(({ starts }) => starts).length;
  return [
    `stack ${stack}, ${CIS_EDITION}: ${cisHeadline(cis)}`,
    ...(ran === 0
      ? []
      : [
          `helpers that run once and end are not judged: ${ran}, listed under \`helpers\` of --format json`,
        ]),
  ].join("\n");
}

export function cisSections({ results }: CisReport): Section[] {
  const items = grouped(results, ({ id }) => id);
  return [
    {
      title: "Findings",
      rows: [["item", "container", "what"], ...rowsOf(results, "finding")],
      none: "none",
    },
    {
      title: "Justified",
      rows: [["item", "container", "what", "reason"], ...rowsOf(results, "exempt")],
      none: "none",
    },
    {
      title: "For the host, and for people",
      rows: [["item", "containers", "what"], ...items.flatMap(hostRows)],
      none: "nothing",
    },
    {
      title: "All items",
      rows: [["item", "result", "containers", "title"], ...items.flatMap(itemRows)],
      none: "none",
    },
  ];
}

const rowsOf = (results: readonly CisResult[], verdict: CisVerdict): string[][] =>
  results
    .filter((result) => result.verdict === verdict)
    .map(({ id, container, detail, reason }) => [
      id,
      container,
      detail,
      ...(reason === undefined ? [] : [reason]),
    ]);

/** In the order in which each group begins. */
function grouped(results: readonly CisResult[], by: (result: CisResult) => string): CisResult[][] {
  const groups = new Map<string, CisResult[]>();
  for (const result of results) groups.set(by(result), [...(groups.get(by(result)) ?? []), result]);
  return [...groups.values()];
}

const who = (alike: readonly CisResult[], all: readonly CisResult[]): string =>
  alike.length === all.length ? "all" : alike.map(({ container }) => container).join(", ");

const hostRows = (results: readonly CisResult[]): string[][] =>
  grouped(
    results.filter(({ verdict }) => verdict === "host"),
    ({ detail }) => detail,
  ).map((alike) => [alike[0]?.id ?? "", who(alike, results), alike[0]?.detail ?? ""]);

/** One line for each result that an item has, most containers being alike. */
const itemRows = (results: readonly CisResult[]): string[][] =>
  ORDER.flatMap((verdict) => {
    const alike = results.filter((result) => result.verdict === verdict);
    const [first] = alike;
    if (first === undefined) return [];
    return [[first.id, verdict, who(alike, results), first.title]];
  });
