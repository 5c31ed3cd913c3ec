import { StackModel } from "../../../components/model";
import { Change } from "../../report/changes/change";
import { changes } from "../../report/changes/changes";
import { stackView } from "../../report/view/stack";

/** Weaker restrictions. Empty for a first deployment. Pure. */
export const weakenings = (before: StackModel | undefined, after: StackModel): Change[] =>
  before === undefined || before.containers.length === 0
    ? []
    : changes(stackView(before), stackView(after), { newContainers: "policy" }).filter(
        ({ kind }) => kind === "weaker",
      );
