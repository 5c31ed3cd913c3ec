import * as pulumi from "@pulumi/pulumi";

/** Pulumi's options of a component, with what must be there before any of its containers starts as plain resources. */
export interface ComponentOptions extends Omit<pulumi.ComponentResourceOptions, "dependsOn"> {
  readonly dependsOn?: readonly pulumi.Resource[];
}

export const dependencies = (
  { dependsOn = [] }: ComponentOptions,
  ...more: readonly pulumi.Resource[]
): pulumi.Resource[] => [...dependsOn, ...more];

/** For the component itself, which waits for nothing: its containers do. */
export const componentOptions = (options: ComponentOptions): pulumi.ComponentResourceOptions => ({
  ...options,
  dependsOn: [],
});
