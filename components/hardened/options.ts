/** The options that all hardened components take. */
import * as pulumi from "@pulumi/pulumi";

/** Component options. `dependsOn` applies to the containers in the component and takes plain resources only. */
export interface ComponentOptions extends Omit<pulumi.ComponentResourceOptions, "dependsOn"> {
  readonly dependsOn?: readonly pulumi.Resource[];
}

export const dependencies = (
  { dependsOn = [] }: ComponentOptions,
  ...more: readonly pulumi.Resource[]
): pulumi.Resource[] => [...dependsOn, ...more];

/** The options for the component itself, without `dependsOn`: only its children wait. */
export const componentOptions = (options: ComponentOptions): pulumi.ComponentResourceOptions => ({
  ...options,
  dependsOn: [],
});
