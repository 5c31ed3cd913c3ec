/** Data volumes that a deployment takes out of the stack. Pure. */
import { StackModel } from "../../../components/model";
import { dataVolumes } from "../../../components/upgrade/hooks";
import { nameOf, StackState, VOLUME } from "../pulumi/state";

export interface OrphanedVolume {
  readonly urn: string;
  readonly name: string;
}

/** Data volumes in the state that the model no longer has. They leave the stack and stay on the host. Pure. */
export function orphanedVolumes(
  { resources }: Pick<StackState, "resources">,
  { stack, containers }: Pick<StackModel, "stack" | "containers">,
): OrphanedVolume[] {
  const kept = new Set(dataVolumes({ stack, containers }));
  return resources
    .filter(({ type, protect, urn }) => type === VOLUME && protect && !kept.has(nameOf(urn)))
    .map(({ urn, inputs }) => ({
      urn,
      name: typeof inputs.name === "string" ? inputs.name : nameOf(urn),
    }));
}
