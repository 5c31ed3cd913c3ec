import * as pulumi from "@pulumi/pulumi";

/** What the stack said of itself in its last deployment; nothing is known before the first one. */
export interface LastDeployment {
  /** The reference that was deployed, by service. */
  readonly images: Readonly<Record<string, string>>;
  /** The day since which it is that one, by service: `2026-01-31`. */
  readonly imagesSince: Readonly<Record<string, string>>;
  /** Format of the data that PostgreSQL keeps, and the user it belongs to; of one that is switched off, too. */
  readonly postgresMajor?: number;
  readonly postgresUser?: string;
}

/** Reads the stack's own outputs from Pulumi's state. Outputs of another shape count as not said. */
export async function lastDeployment(stack: string): Promise<LastDeployment> {
  const self = `${pulumi.getOrganization()}/${pulumi.getProject()}/${stack}`;
  const last = new pulumi.StackReference(`${stack}-last-deployment`, { name: self });
  const said = async (name: string): Promise<unknown> =>
    ((await last.getOutputDetails(name)) as { readonly value?: unknown }).value;
  const [images, since, major, user] = await Promise.all(
    ["images", "imagesSince", "postgresMajor", "postgresUser"].map(said),
  );
  return {
    images: texts(images),
    imagesSince: texts(since),
    ...(typeof major === "number" && { postgresMajor: major }),
    ...(typeof user === "string" && { postgresUser: user }),
  };
}

const texts = (value: unknown): Record<string, string> =>
  typeof value === "object" && value !== null
    ? Object.fromEntries(
        Object.entries(value).filter(
          (entry): entry is [string, string] => typeof entry[1] === "string",
        ),
      )
    : {};
