/** What a plan says of the trial. Pure. */
import { StackModel } from "../../../components/model";
import { needsDump, triedContainers } from "../../../components/upgrade/hooks";
import { Plan } from "./plan";

/** Names of the containers that are tried on copies of their data. */
export const triedIn = (plan: Plan, { containers }: StackModel): string[] => {
  const names = new Set(triedContainers(containers).map(({ name }) => name));
  return plan.containers.flatMap(({ name, action }) =>
    action === "replaced" && names.has(name) ? [name] : [],
  );
};

/** Whether the databases are dumped first. */
export const replacesDatabase = (plan: Plan, { containers }: StackModel): boolean =>
  plan.containers.some(
    ({ name, action }) =>
      action === "replaced" &&
      containers.some((container) => container.name === name && needsDump(container)),
  );
