import * as pulumi from "@pulumi/pulumi";

import { LastDeployment } from "./last-deployment";
import { PostgresImage } from "./postgres";

/**
 * Refuses a PostgreSQL that cannot use the data of the one that ran last: the new one would start on an empty volume, which
 * looks like the loss of everything, or on one that belongs to somebody else. Throws a RunError with the way out.
 */
export function refuseOtherData(
  stack: string,
  { postgresMajor, postgresUser }: Pick<LastDeployment, "postgresMajor" | "postgresUser">,
  { major, user }: Pick<PostgresImage, "major" | "user">,
  upgradedFrom: number | undefined,
): void {
  if (postgresMajor === undefined) return;
  // Another major version has a volume of its own.
  if (postgresMajor !== major) refuseMajorChange(stack, postgresMajor, major, upgradedFrom);
  else if (postgresUser !== undefined && postgresUser !== user)
    throw new pulumi.RunError(
      `images.postgres: this image runs PostgreSQL as ${user}, and the data belongs to ${postgresUser}, the user of the image before. Alpine's C library also sorts texts otherwise than Debian's, so its indexes would be wrong. Nothing was changed. Stay with images of one kind, with "alpine" in the tag or without, and change the kind together with the next major version, which gets a volume of its own`,
    );
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
