/** What the last deployment said of itself, from Pulumi's state. */
import * as pulumi from "@pulumi/pulumi";

import { LastDeployment } from "./outputs";

/** Reads the outputs of the last deployment from Pulumi's state. Malformed outputs count as absent. */
export async function lastDeployment(stack: string): Promise<LastDeployment> {
  const self = `${pulumi.getOrganization()}/${pulumi.getProject()}/${stack}`;
  const last = new pulumi.StackReference(`${stack}-last-deployment`, { name: self });
  const output = async (name: string): Promise<unknown> =>
    ((await last.getOutputDetails(name)) as { readonly value?: unknown }).value;
  const [images, imagesSince, restarted] = await Promise.all(
    ["images", "imagesSince", "restarted"].map(output),
  );
  return {
    images: textsOf(images),
    imagesSince: textsOf(imagesSince),
    restarted: textsOf(restarted),
  };
}

const textsOf = (value: unknown): Record<string, string> =>
  typeof value === "object" && value !== null
    ? Object.fromEntries(
        Object.entries(value).filter(
          (entry): entry is [string, string] => typeof entry[1] === "string",
        ),
      )
    : {};
