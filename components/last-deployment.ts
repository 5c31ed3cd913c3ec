import * as pulumi from "@pulumi/pulumi";

import { LastDeployment } from "./outputs";
import { DataFormat } from "./services/definition";

/** Reads the outputs of the last deployment from Pulumi's state. Malformed outputs count as absent. */
export async function lastDeployment(stack: string): Promise<LastDeployment> {
  const self = `${pulumi.getOrganization()}/${pulumi.getProject()}/${stack}`;
  const last = new pulumi.StackReference(`${stack}-last-deployment`, { name: self });
  const output = async (name: string): Promise<unknown> =>
    ((await last.getOutputDetails(name)) as { readonly value?: unknown }).value;
  const [images, imagesSince, dataFormats] = await Promise.all(
    ["images", "imagesSince", "dataFormats"].map(output),
  );
  return {
    images: entriesOf(images, isText),
    imagesSince: entriesOf(imagesSince, isText),
    dataFormats: entriesOf(dataFormats, isDataFormat),
  };
}

const isText = (value: unknown): value is string => typeof value === "string";
const isDataFormat = (value: unknown): value is DataFormat =>
  typeof value === "object" &&
  value !== null &&
  "version" in value &&
  "user" in value &&
  typeof value.version === "number" &&
  typeof value.user === "string";

const entriesOf = <T>(value: unknown, is: (item: unknown) => item is T): Record<string, T> =>
  typeof value === "object" && value !== null
    ? Object.fromEntries(
        Object.entries(value).filter((entry): entry is [string, T] => is(entry[1])),
      )
    : {};
