/** The weaker restrictions of a plan, by the rules of tools/report/changes/. Pure. */
import { StackModel } from "../../../components/model";
import { Change } from "../../report/changes/change";
import { changes } from "../../report/changes/changes";
import { stackView } from "../../report/view/stack";

/**
 * Weaker restrictions. Pure.
 *
 * @param before what is deployed; `nothing` before the first deployment, `unknown` where it cannot be read: then everything
 *   that the policy does not grant counts
 */
export const weakenings = (
  before: StackModel | "nothing" | "unknown",
  after: StackModel,
): Change[] => {
  if (before === "nothing") return [];
  const known = before === "unknown" ? { ...after, containers: [] } : before;
  return changes(stackView(known), stackView(after), { newContainers: "policy" }).filter(
    ({ kind }) => kind === "weaker",
  );
};
