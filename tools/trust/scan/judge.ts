/** Holds what a scanner found against the holes that a stack accepts. Pure. */
import type { ImageReference } from "../../../images/reference";
import { acceptanceOf, type Acceptance, type AcceptingStack } from "../known";
import { SEVERITIES, type Finding, type ScanReport, type Severity } from "./findings";

export interface JudgedFinding extends Finding {
  /** Absent: it is open. */
  readonly accepted?: Acceptance;
  /** Why an acceptance in the configuration no longer counts; the hole is open. */
  readonly ended?: string;
}

export interface JudgedImage {
  readonly service: string;
  readonly image: ImageReference;
  /** Absent with a problem. */
  readonly report?: ScanReport;
  /** Why it could not be scanned. */
  readonly problem?: string;
  /** From the worst. */
  readonly findings: readonly JudgedFinding[];
}

/** A hole that several paths of the image have is one. */
export function judgeFindings(
  service: string,
  findings: readonly Finding[],
  stack: AcceptingStack,
  now: Date,
): readonly JudgedFinding[] {
  const rank = ({ severity }: Finding): number => SEVERITIES.indexOf(severity);
  const unique = new Map(
    findings.map((one) => [JSON.stringify([one.id, one.package, one.installed]), one]),
  );
  return [...unique.values()]
    .sort(
      (one, other) =>
        rank(one) - rank(other) ||
        one.id.localeCompare(other.id) ||
        one.package.localeCompare(other.package),
    )
    .map((finding) => ({
      ...finding,
      ...acceptanceOf([finding.id, ...finding.aliases], service, stack, now),
    }));
}

export const isOpen = ({ accepted }: JudgedFinding): boolean => accepted === undefined;

/** The open holes that are at least this bad. */
export const openFrom = (
  { findings }: Pick<JudgedImage, "findings">,
  least: Severity,
  onlyFixed: boolean,
): readonly JudgedFinding[] =>
  findings.filter(
    (one) =>
      isOpen(one) &&
      SEVERITIES.indexOf(one.severity) <= SEVERITIES.indexOf(least) &&
      (!onlyFixed || one.fixed.length > 0),
  );

/** Accepted ids that no scanned image has. */
export const unusedIds = (
  accept: readonly Acceptance[],
  images: readonly JudgedImage[],
): readonly string[] => {
  const found = new Set(
    images.flatMap(({ findings }) => findings.flatMap(({ id, aliases }) => [id, ...aliases])),
  );
  return accept.map(({ id }) => id).filter((id) => !found.has(id));
};
