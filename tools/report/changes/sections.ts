import { Change, ChangeKind } from "./change";
import { Section } from "../sections";

const TITLES: Readonly<Record<ChangeKind, string>> = {
  weaker: "Weaker",
  stricter: "Stricter",
  newer: "Newer images",
  changed: "Changed, neither weaker nor stricter",
};

export const changeSections = (changes: readonly Change[]): Section[] =>
  (Object.keys(TITLES) as ChangeKind[]).map((kind) => ({
    title: TITLES[kind],
    rows: [
      ["who", "what"],
      ...changes
        .filter((change) => change.kind === kind)
        .map(({ subject, what }) => [subject, what]),
    ],
    none: "nothing",
  }));

export function changesHeadline(stack: string, changes: readonly Change[]): string {
  const counts = (Object.keys(TITLES) as ChangeKind[]).map(
    (kind) => `${changes.filter((change) => change.kind === kind).length} ${kind}`,
  );
  return changes.length === 0
    ? `stack ${stack}: as in the saved report`
    : `stack ${stack}: ${counts.join(", ")}`;
}

/** `version` rises when a field goes away or changes its meaning. */
export const changesJson = (stack: string, changes: readonly Change[]) => ({
  version: 1,
  stack,
  changes,
});
