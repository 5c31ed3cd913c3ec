/**
 * What was really deployed: the inputs that Pulumi's state recorded when it made each resource. No other configuration,
 * and no newer program, says that as surely. Pure.
 */
import { RecordedResource } from "../../model/synth";
import { DeclaredContainer, declaredContainers } from "../../model/declared";
import { nameOf, StackState } from "./state";

/** As the program declared them; those that are replaced already are left out. Secrets are encrypted, not masked. */
export const recordedResources = ({
  resources,
}: Pick<StackState, "resources">): Pick<RecordedResource, "type" | "name" | "inputs">[] =>
  resources
    .filter((resource) => !resource.delete)
    .map(({ type, urn, inputs }) => ({ type, name: nameOf(urn), inputs }));

export interface DeployedContainer extends DeclaredContainer {
  /** Docker's. */
  readonly id: string;
  readonly urn: string;
}

/** Containers that should run. One that a program of long ago recorded in another way is left out. */
export const deployedContainers = ({
  resources,
}: Pick<StackState, "resources">): DeployedContainer[] =>
  resources.flatMap(({ type, urn, id, inputs, delete: replaced }) => {
    if (replaced) return [];
    try {
      const found = declaredContainers({ resources: [{ type, name: nameOf(urn), inputs }] });
      return found.map((container) => ({ ...container, id, urn }));
    } catch {
      return [];
    }
  });

/** The image of each service as its container was made from it. */
export const deployedImages = (
  containers: readonly DeployedContainer[],
): Readonly<Record<string, string>> =>
  Object.fromEntries(containers.map(({ service, image }) => [service, image]));
