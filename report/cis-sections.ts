/** CIS results as titled tables: one with an item a line, one with what is justified. Pure. */
import { CisReport, CisResult, CisVerdict } from "./cis";
import { Section } from "./sections";

/** From the worst to the least interesting: a line shows the first that any container has. */
const ORDER: readonly CisVerdict[] = ["finding", "exempt", "pass", "not applicable", "host"];

export function cisSections({ results }: CisReport): Section[] {
  const items = new Map<string, CisResult[]>();
  for (const result of results) items.set(result.id, [...(items.get(result.id) ?? []), result]);
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
      title: "All items",
      rows: [["item", "result", "containers", "title"], ...[...items.values()].flatMap(itemRows)],
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

/** One line for each result that an item has, most containers being alike. */
const itemRows = (results: readonly CisResult[]): string[][] =>
  ORDER.flatMap((verdict) => {
    const alike = results.filter((result) => result.verdict === verdict);
    const [first] = alike;
    if (first === undefined) return [];
    const who = alike.length === results.length ? "all" : alike.map(({ container }) => container);
    return [[first.id, verdict, typeof who === "string" ? who : who.join(", "), first.title]];
  });
