import * as pulumi from "@pulumi/pulumi";

/**
 * Refuses a PostgreSQL that cannot read the data of the one that runs: the new one would start on an empty volume, which
 * looks like the loss of everything. What runs is what the last deployment of this stack said of itself.
 */
export async function refuseOtherMajor(
  stack: string,
  major: number,
  upgradedFrom: number | undefined,
): Promise<void> {
  const self = `${pulumi.getOrganization()}/${pulumi.getProject()}/${stack}`;
  const last = new pulumi.StackReference(`${stack}-last-deployment`, { name: self });
  const said: { readonly value?: unknown } = await last.getOutputDetails("postgresMajor");
  if (typeof said.value === "number") refuseMajorChange(stack, said.value, major, upgradedFrom);
}

/** Throws a RunError with the steps to take. */
export function refuseMajorChange(
  stack: string,
  from: number,
  to: number,
  upgradedFrom: number | undefined,
): void {
  if (from === to || from === upgradedFrom) return;
  throw new pulumi.RunError(
    `images.postgres: PostgreSQL ${to} cannot read the data of PostgreSQL ${from}, which this stack runs. Nothing was changed. Either put the tag of ${from} back, or move the data (docs/operations.md, "A new major version of PostgreSQL"):
  1. dump it while ${from} runs
  2. in Pulumi.${stack}.yaml, set services.postgres.upgradedFrom: ${from}
  3. let go of the old volume, which stays on the host: npx pulumi state unprotect --stack ${stack} and the name of ${stack}-postgres-${from}-data
  4. deploy, and restore the dump`,
  );
}
