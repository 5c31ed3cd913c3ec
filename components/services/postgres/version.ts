import * as pulumi from "@pulumi/pulumi";

import { LastDeployment } from "../../last-deployment";
import { PostgresImage } from "./image";

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
  const change = majorChange(stack, postgresMajor, major, upgradedFrom);
  if (change !== undefined) throw new pulumi.RunError(change);
  // Another major version has a volume of its own.
  if (postgresMajor === major && postgresUser !== undefined && postgresUser !== user)
    throw new pulumi.RunError(
      `images.postgres: this image runs PostgreSQL as ${user}, and the data belongs to ${postgresUser}, the user of the image before. Alpine's C library also sorts texts otherwise than Debian's, so its indexes would be wrong. Nothing was changed. Stay with images of one kind, with "alpine" in the tag or without, and change the kind together with the next major version, which gets a volume of its own`,
    );
}

/**
 * The steps for another major version of PostgreSQL, which cannot read the files of the one that ran last. Undefined where
 * there is nothing to refuse: one of them is not known, they are the same, or the change is meant.
 *
 * @param from the version that the last run, finished or not, said it was
 * @param upgradedFrom `services.postgres.upgradedFrom`: the version whose data is left behind on purpose
 */
export function majorChange(
  stack: string,
  from: number | undefined,
  to: number | undefined,
  upgradedFrom?: number,
): string | undefined {
  if (from === undefined || to === undefined || from === to || from === upgradedFrom)
    return undefined;
  const refused = `images.postgres: PostgreSQL ${to} cannot read the data of PostgreSQL ${from}, which ran last; nothing was changed. Put the tag of ${from} back, or`;
  const meant = `in Pulumi.${stack}.yaml, set services.postgres.upgradedFrom: ${from}`;
  const deploy = `npm run deploy -- --stack ${stack}`;
  const volume = `the volume ${stack}-postgres-${from}-data stays on the host`;
  return (
    to < from
      ? [
          `${refused} go back to the data that ${to} may have left on the host:`,
          `  1. ${meant}`,
          `  2. ${deploy} --allow-delete; ${volume}, with what was written since`,
        ]
      : [
          `${refused} move the data:`,
          `  1. while ${from} runs: ${deploy} --dump`,
          `  2. ${meant}`,
          `  3. ${deploy} --allow-delete; ${volume}`,
          `  4. restore the dump: docs/operations.md, "Restoring a dump"`,
        ]
  ).join("\n");
}
