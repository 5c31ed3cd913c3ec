import { ImageReference } from "../../images/reference";
import { tagVersion } from "../../images/tag-version";
import { wholeNumber } from "../../text/messages";
import { DatabaseSpec, DataFormat, defineService } from "./definition";

const SECRETS = "/run/secrets/postgres";
const INIT = "/docker-entrypoint-initdb.d";

/**
 * PostgreSQL. It runs as the user `postgres` from the start, so the entry point needs no capabilities. Each major version
 * has its own data volume, because it cannot read the files of another.
 */
export const postgres = defineService({
  name: "postgres",
  enabled: ({ database }) => database !== undefined,
  options: {
    /** Previous major version, after its data was migrated manually (docs/operations.md). */
    upgradedFrom: wholeNumber(10, 99).optional(),
  },
  secrets: { postgresPassword: { minLength: 12 } },
  image: {
    diskMiB: 400,
    problem: ({ tag }) =>
      majorVersion(tag) === undefined
        ? `expected a tag that starts with the major version, such as 16-alpine, got ${JSON.stringify(tag ?? "none")}; the data volume is named after the version`
        : undefined,
  },
  dumpBefore: true,
  downtimeEffect: "n8n waits meanwhile",
  dataFormat: (image) => dataFormat(image),
  dataProblem: ({ stack, last, now, options }) =>
    dataProblem(stack, last, now, options.upgradedFrom),
  containers: ({ stack, image, databases }) => {
    const { version, user } = dataFormat(image);
    return [
      {
        user,
        memoryMiB: 512,
        cpus: 1,
        environment: {
          POSTGRES_USER: "postgres",
          POSTGRES_PASSWORD_FILE: `${SECRETS}/superuser`,
          POSTGRES_INITDB_ARGS: "--data-checksums --auth-host=scram-sha-256",
        },
        secrets: {
          passwords: {
            path: SECRETS,
            files: {
              superuser: "postgresPassword",
              ...Object.fromEntries(databases.map(({ name, password }) => [name, password])),
            },
          },
        },
        files: {
          initdb: {
            path: INIT,
            files: { "10-databases.sql": databases.map(createDatabase).join("") },
          },
        },
        data: {
          // Version 18 of the image moved its volume.
          [`${version}-data`]: {
            path: version >= 18 ? "/var/lib/postgresql" : "/var/lib/postgresql/data",
          },
        },
        tmpfs: { "/var/run/postgresql": 1, "/tmp": 64 },
        shmMiB: 128,
        // Over TCP: during initialization, a temporary server already answers on the Unix socket.
        health: {
          command: ["pg_isready", "-q", "-h", "127.0.0.1", "-U", "postgres"],
          startSeconds: 60,
        },
        // A killed server has to run crash recovery at the next start.
        stopGraceSeconds: 120,
        afterStart: setPasswords(`${stack}-postgres`, databases),
      },
    ];
  },
});

/** Range of supported major versions. A larger number in a tag is a date or a build number. */
const [OLDEST, NEWEST] = [10, 99];

function majorVersion(tag: string | undefined): number | undefined {
  const major = tagVersion(tag)?.[0];
  return major === undefined || major < OLDEST || major > NEWEST ? undefined : major;
}

function dataFormat({ tag }: Pick<ImageReference, "tag">): DataFormat {
  const version = majorVersion(tag);
  // Unreachable: `image.problem` rejects such a tag.
  if (version === undefined)
    throw new Error(`images.postgres: no major version in ${tag ?? "no tag"}`);
  // The user `postgres` in the Alpine and in the Debian image.
  return { version, user: /alpine/.test(tag ?? "") ? "70:70" : "999:999" };
}

/** Runs once, on an empty data volume. psql reads the password from the file, and failed statements are not logged. */
const createDatabase = ({ name }: DatabaseSpec): string => `SET log_min_error_statement = panic;
\\set password \`cat ${SECRETS}/${name}\`
CREATE ROLE ${name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
CREATE DATABASE ${name} OWNER ${name};
REVOKE ALL ON DATABASE ${name} FROM PUBLIC;
`;

/** The image sets passwords only on an empty data volume. This script sets them for every new container. */
const setPasswords = (container: string, databases: readonly DatabaseSpec[]): string =>
  `docker exec -i ${container} psql -X -q -v ON_ERROR_STOP=1 -U postgres <<'SQL'
SET log_min_error_statement = panic;
\\set superuser \`cat ${SECRETS}/superuser\`
ALTER ROLE postgres PASSWORD :'superuser';
${databases
  .map(
    ({ name }) => `\\set owner \`cat ${SECRETS}/${name}\`
ALTER ROLE ${name} PASSWORD :'owner';
`,
  )
  .join("")}SQL
`;

/**
 * Prevents a change of version or user that the data does not support: PostgreSQL would start on a new, empty volume, which
 * looks like data loss, or fail on files that belong to another user.
 */
function dataProblem(
  stack: string,
  last: DataFormat,
  now: DataFormat,
  upgradedFrom: unknown,
): string | undefined {
  if (last.version !== now.version)
    return last.version === upgradedFrom
      ? undefined
      : majorChange(stack, last.version, now.version);
  return last.user === now.user
    ? undefined
    : `images.postgres: this image runs PostgreSQL as ${now.user}, but the data belongs to ${last.user}, the user of the previous image. Alpine and Debian also sort text differently, so existing indexes would be wrong. Nothing was changed. Keep the variant of the image, with or without "alpine" in the tag; change it only together with the major version, which gets its own volume`;
}

function majorChange(stack: string, from: number, to: number): string {
  const problem = `images.postgres: PostgreSQL ${to} cannot read the data of PostgreSQL ${from}, which ran last; nothing was changed. Restore the tag of ${from}, or`;
  const accept = `in Pulumi.${stack}.yaml, set services.postgres.upgradedFrom: ${from}`;
  const deploy = `npm run deploy -- --stack ${stack}`;
  const volume = `the volume ${stack}-postgres-${from}-data stays on the host`;
  return (
    to < from
      ? [
          `${problem} return to data that ${to} may have left on the host:`,
          `  1. ${accept}`,
          `  2. ${deploy} --allow-delete; ${volume}, including everything written since`,
        ]
      : [
          `${problem} migrate the data:`,
          `  1. while ${from} runs: ${deploy} --dump`,
          `  2. ${accept}`,
          `  3. ${deploy} --allow-delete; ${volume}`,
          `  4. restore the dump: docs/operations.md, "Restoring a dump"`,
        ]
  ).join("\n");
}
