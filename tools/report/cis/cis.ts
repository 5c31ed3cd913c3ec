/** The containers of a stack against the rules of CIS section 5. Pure. */
import { Exemption } from "../../../components/hardened/policy";
import { CisRule } from "./rule";
import { CIS_RULES } from "./rules";
import { ContainerFacts } from "../view/facts";
import { counted } from "../../../text/one-line";
import { withoutExempted } from "./exempted-facts";

export const CIS_EDITION = "CIS Docker Benchmark v1.6.0, section 5";

/**
 * `exempt` is a problem that somebody gave a written reason for, `finding` one without. `not applicable`: the container
 * has nothing that the item is about. `host`: only the host, or the people on it, can answer.
 */
export type CisVerdict = "pass" | "exempt" | "finding" | "not applicable" | "host";

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

/** A container and the reasons it was given. */
export interface Judged {
  readonly facts: ContainerFacts;
  readonly exemptions: readonly Exemption[];
}

export function cisReport(containers: readonly Judged[]): CisReport {
  const results = CIS_RULES.flatMap((rule) =>
    containers.map((container): CisResult => {
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

type Judgement = Pick<CisResult, "verdict" | "detail" | "reason">;

function judge(rule: CisRule, { facts, exemptions }: Judged): Judgement {
  if ("host" in rule) return { verdict: "host", detail: rule.host };
  const outOfScope = rule.outOfScope?.(facts);
  if (outOfScope !== undefined) return { verdict: "not applicable", detail: outOfScope };
  const detail = rule.problem(facts);
  if (detail === undefined) {
    const left = rule.leftToHost?.(facts);
    return left === undefined
      ? { verdict: "pass", detail: rule.expects }
      : { verdict: "host", detail: left };
  }
  const decided = rule.decided?.(facts);
  if (decided !== undefined) return { verdict: "exempt", detail, reason: decided };
  const given = exemptions.find(({ control }) => control === rule.exemptedBy);
  if (given === undefined) return { verdict: "finding", detail };
  // An exemption justifies what it names and no more.
  const beyond = rule.problem(withoutExempted(facts, given));
  return beyond === undefined
    ? { verdict: "exempt", detail, reason: given.reason }
    : { verdict: "finding", detail: beyond };
}

/** `0 findings, 12 justified` */
export const cisHeadline = ({ findings, justified }: CisReport): string =>
  `${counted(findings, "finding")}, ${justified} justified`;
