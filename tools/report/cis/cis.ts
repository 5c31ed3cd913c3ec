/** Checks containers against the rules of CIS section 5, and renders the results as sections. Pure. */
import { Exemptible, Exemption } from "../../../components/hardened/policy";
import { counted } from "../../../text/one-line";
import { Section, section } from "../print";
import { ContainerFacts } from "./facts";
import { CIS_RULES, CisRule, Problem } from "./rules";

const CIS_EDITION = "CIS Docker Benchmark v1.6.0, section 5";

/**
 * In order of importance. `exempt`: a problem with a documented reason. `host`: can only be checked on the host, or by the
 * operator.
 */
export const VERDICTS = ["finding", "exempt", "pass", "not applicable", "host"] as const;
type CisVerdict = (typeof VERDICTS)[number];

export interface CisResult {
  readonly id: string;
  readonly title: string;
  readonly container: string;
  readonly verdict: CisVerdict;
  /** What was found, or what the item expects. */
  readonly detail: string;
  /** Only with `exempt`. */
  readonly reason?: string;
}

export interface CisReport {
  readonly edition: string;
  readonly findings: number;
  readonly justified: number;
  /** By item, then by container. */
  readonly results: readonly CisResult[];
}

interface CheckedContainer {
  readonly facts: ContainerFacts;
  readonly exemptions: readonly Exemption[];
}

export function cisReport(containers: readonly CheckedContainer[]): CisReport {
  // Docker lists mounts in no particular order.
  const sorted = containers.map(({ facts, exemptions }) => ({
    facts: { ...facts, mounts: [...facts.mounts].sort((a, b) => (a.target < b.target ? -1 : 1)) },
    exemptions,
  }));
  const results = CIS_RULES.flatMap((rule) =>
    sorted.map((container): CisResult => {
      const { id, title } = rule;
      return { id, title, container: container.facts.name, ...check(rule, container) };
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

function check(
  rule: CisRule,
  { facts, exemptions }: CheckedContainer,
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
  const reasons = problems.map((problem) => reasonFor(problem, rule.exemptedBy, exemptions));
  const beyond = problems.filter((_, index) => reasons[index] === undefined);
  return beyond.length === 0
    ? { verdict: "exempt", detail: text(problems), reason: [...new Set(reasons)].join("; ") }
    : { verdict: "finding", detail: text(beyond) };
}

/** The reason of the exemption that justifies a problem. It justifies only the values that it lists. */
const reasonFor = (
  { value, or }: Problem,
  control: Exemptible | undefined,
  exemptions: readonly Exemption[],
): string | undefined =>
  exemptions.find(
    (given) =>
      (given.control === control && [given.value].flat().includes(value as never)) ||
      (given.control === or?.control && [given.value].flat().includes(or.value as never)),
  )?.reason;

const text = (problems: readonly Problem[]): string => problems.map(({ what }) => what).join(", ");

/** `0 findings, 12 justified` */
export const cisHeadline = ({ findings, justified }: CisReport): string =>
  `${counted(findings, "finding")}, ${justified} justified`;

export const cisLead = (stack: string, cis: CisReport): string =>
  `stack ${stack}, ${cis.edition}: ${cisHeadline(cis)}`;

export function cisSections({ results }: CisReport): Section[] {
  const items = grouped(results, ({ id }) => id);
  const rowsOf = (verdict: CisVerdict): string[][] =>
    results
      .filter((result) => result.verdict === verdict)
      .map(({ id, container, detail, reason }) => [id, container, detail, reason ?? []].flat());
  return [
    section("Findings", ["item", "container", "what"], rowsOf("finding")),
    section("Justified", ["item", "container", "what", "reason"], rowsOf("exempt")),
    section("To check on the host", ["item", "containers", "what"], items.flatMap(hostRows)),
    section("All items", ["item", "result", "containers", "title"], items.flatMap(itemRows)),
  ];
}

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

/** One row for each verdict, because most containers have the same one. */
const itemRows = (results: readonly CisResult[]): string[][] =>
  VERDICTS.flatMap((verdict) => {
    const alike = results.filter((result) => result.verdict === verdict);
    const [first] = alike;
    return first === undefined ? [] : [[first.id, verdict, who(alike, results), first.title]];
  });
