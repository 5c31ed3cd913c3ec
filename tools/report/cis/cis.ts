/** Containers judged by the rules of CIS section 5, and the result as titled tables. Pure. */
import { Exemption } from "../../../components/hardened/policy";
import { counted } from "../../../text/one-line";
import { Section, table } from "../print";
import { ContainerFacts } from "./facts";
import { CIS_RULES, CisRule, Problem } from "./rules";

const CIS_EDITION = "CIS Docker Benchmark v1.6.0, section 5";

/**
 * `finding` is a problem, `exempt` one with a written reason. `not applicable`: the container has nothing that the item is
 * about. `host`: only the host or people can answer. In the order of interest.
 */
export const VERDICTS = ["finding", "exempt", "pass", "not applicable", "host"] as const;
export type CisVerdict = (typeof VERDICTS)[number];

export interface CisResult {
  readonly id: string;
  readonly title: string;
  readonly container: string;
  readonly verdict: CisVerdict;
  /** What was found or expected. */
  readonly detail: string;
  /** Why it is accepted. Only with `exempt`. */
  readonly reason?: string;
}

export interface CisReport {
  readonly edition: string;
  readonly findings: number;
  readonly justified: number;
  /** By item, then by container. */
  readonly results: readonly CisResult[];
}

/** A container and the exemptions it was given. */
export interface Judged {
  readonly facts: ContainerFacts;
  readonly exemptions: readonly Exemption[];
}

export function cisReport(containers: readonly Judged[]): CisReport {
  // The engine lists mounts in no order of its own.
  const sorted = containers.map(({ facts, exemptions }) => ({
    facts: { ...facts, mounts: [...facts.mounts].sort((a, b) => (a.target < b.target ? -1 : 1)) },
    exemptions,
  }));
  const results = CIS_RULES.flatMap((rule) =>
    sorted.map((container): CisResult => {
      const { id, title } = rule;
      return { id, title, container: container.facts.name, ...judge(rule, container) };
    }),
  );
  const count = (verdict: CisVerdict): number =>
    results.filter((result) => result.verdict === verdict).length;
  return {
    edition: CIS_EDITION,
    findings: count("finding"),
    justified: count("exempt"),
    results,
  };
}

function judge(
  rule: CisRule,
  { facts, exemptions }: Judged,
): Pick<CisResult, "verdict" | "detail" | "reason"> {
  if ("host" in rule) return { verdict: "host", detail: rule.host };
  const outOfScope = rule.outOfScope?.(facts);
  if (outOfScope !== undefined) return { verdict: "not applicable", detail: outOfScope };
  const problems = rule.problems(facts);
  if (problems.length === 0) {
    const left = rule.leftToHost?.(facts);
    return left === undefined
      ? { verdict: "pass", detail: rule.expects }
      : { verdict: "host", detail: left };
  }
  const decided = rule.decided?.(facts);
  if (decided !== undefined) return { verdict: "exempt", detail: text(problems), reason: decided };
  const given = exemptions.find(({ control }) => control === rule.exemptedBy);
  // An exemption justifies what it names and no more.
  const named: readonly unknown[] = given === undefined ? [] : [given.value].flat();
  const beyond = problems.filter(({ value }) => !named.includes(value));
  return given !== undefined && beyond.length === 0
    ? { verdict: "exempt", detail: text(problems), reason: given.reason }
    : { verdict: "finding", detail: text(beyond) };
}

const text = (problems: readonly Problem[]): string => problems.map(({ what }) => what).join(", ");

/** `0 findings, 12 justified` */
export const cisHeadline = ({ findings, justified }: CisReport): string =>
  `${counted(findings, "finding")}, ${justified} justified`;

/** What the tables are about, and that no item is about init containers; `starting` of them run something. */
export const cisLead = (stack: string, cis: CisReport, starting: number): string => {
  const left = `init containers that run once and end are not judged: ${starting}, listed under \`helpers\` of --format json`;
  return `stack ${stack}, ${cis.edition}: ${cisHeadline(cis)}${starting === 0 ? "" : `\n${left}`}`;
};

/** Findings, justified problems, what is left to the host, and every item in one line for each verdict. */
export function cisSections({ results }: CisReport): Section[] {
  const items = grouped(results, ({ id }) => id);
  const rowsOf = (verdict: CisVerdict): string[][] =>
    results
      .filter((result) => result.verdict === verdict)
      .map(({ id, container, detail, reason }) => [id, container, detail, reason ?? []].flat());
  return [
    table("Findings", ["item", "container", "what"], rowsOf("finding")),
    table("Justified", ["item", "container", "what", "reason"], rowsOf("exempt")),
    table("For the host, and for people", ["item", "containers", "what"], items.flatMap(hostRows)),
    table("All items", ["item", "result", "containers", "title"], items.flatMap(itemRows)),
  ];
}

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

/** Most containers are alike, so a line a verdict is enough. */
const itemRows = (results: readonly CisResult[]): string[][] =>
  VERDICTS.flatMap((verdict) => {
    const alike = results.filter((result) => result.verdict === verdict);
    const [first] = alike;
    return first === undefined ? [] : [[first.id, verdict, who(alike, results), first.title]];
  });
