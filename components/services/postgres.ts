import { ImageReference } from "../../images/reference";
import { tagVersion } from "../../images/tag-version";
import { whole } from "../../text/messages";
import { DatabaseSpec, DataFormat, defineService } from "./definition";

const SECRETS = "/run/secrets/postgres";
const INIT = "/docker-entrypoint-initdb.d";

/**
 * PostgreSQL as its own user from the first moment, so that it needs no capability. A new major version cannot read the
 * files of the old one, so each has a volume of its own.
 */
export const postgres = defineService({
  name: "postgres",
  enabled: ({ database }) => database !== undefined,
  options: {
    /** Major version whose data has been moved by hand, see docs/operations.md. */
    upgradedFrom: whole(10, 99).optional(),
  },
  secrets: { postgresPassword: { minLength: 12 } },
  image: {
    diskMiB: 400,
    problem: ({ tag }) =>
      majorVersion(tag) === undefined
        ? `expected a tag that begins with the major version, such as 16-alpine, got ${JSON.stringify(tag ?? "none")}; the data volume is named after it`
        : undefined,
  },
  dumpBefore: true,
  unavailableMeanwhile: "n8n waits meanwhile",
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
          // The image's volume moved with version 18.
          [`${version}-data`]: {
            path: version >= 18 ? "/var/lib/postgresql" : "/var/lib/postgresql/data",
          },
        },
        tmpfs: { "/var/run/postgresql": 1, "/tmp": 64 },
        shmMiB: 128,
        // Over TCP, because during the first start it answers on the socket before it is ready.
        health: {
          command: ["pg_isready", "-q", "-h", "127.0.0.1", "-U", "postgres"],
          startSeconds: 60,
        },
        // Killed earlier, it has to recover at its next start.
        stopGraceSeconds: 120,
        afterStart: setPasswords(`${stack}-postgres`, databases),
      },
    ];
  },
});

/** The oldest whose image this program can run. Above the newest, a number is a date or a build and no version. */
const [OLDEST, NEWEST] = [10, 99];

function majorVersion(tag: string | undefined): number | undefined {
  const major = tagVersion(tag)?.[0];
  return major === undefined || major < OLDEST || major > NEWEST ? undefined : major;
}

function dataFormat({ tag }: Pick<ImageReference, "tag">): DataFormat {
  const version = majorVersion(tag);
  // The configuration refuses such a tag (`image.problem`).
  if (version === undefined)
    throw new Error(`images.postgres: no major version in ${tag ?? "no tag"}`);
  // The image's own user `postgres`.
  return { version, user: /alpine/.test(tag ?? "") ? "70:70" : "999:999" };
}

/** Runs once, on an empty data volume. psql reads the password by itself, so it is in no statement that is logged. */
const createDatabase = ({ name }: DatabaseSpec): string => `SET log_min_error_statement = panic;
\\set password \`cat ${SECRETS}/${name}\`
CREATE ROLE ${name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
CREATE DATABASE ${name} OWNER ${name};
REVOKE ALL ON DATABASE ${name} FROM PUBLIC;
`;

/** The image sets passwords on an empty data volume only; this sets them whenever the container is a new one. */
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
 * A PostgreSQL that cannot use the data of the one that ran last would start on an empty volume, which looks like the loss
 * of everything, or on one that belongs to another user.
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
    : `images.postgres: this image runs PostgreSQL as ${now.user}, and the data belongs to ${last.user}, the user of the image before. Alpine's C library also sorts texts otherwise than Debian's, so its indexes would be wrong. Nothing was changed. Stay with images of one kind, with "alpine" in the tag or without, and change the kind together with the next major version, which gets a volume of its own`;
}

function majorChange(stack: string, from: number, to: number): string {
  const refused = `images.postgres: PostgreSQL ${to} cannot read the data of PostgreSQL ${from}, which ran last; nothing was changed. Put the tag of ${from} back, or`;
  const accept = `in Pulumi.${stack}.yaml, set services.postgres.upgradedFrom: ${from}`;
  const deploy = `npm run deploy -- --stack ${stack}`;
  const volume = `the volume ${stack}-postgres-${from}-data stays on the host`;
  return (
    to < from
      ? [
          `${refused} go back to the data that ${to} may have left on the host:`,
          `  1. ${accept}`,
          `  2. ${deploy} --allow-delete; ${volume}, with what was written since`,
        ]
      : [
          `${refused} move the data:`,
          `  1. while ${from} runs: ${deploy} --dump`,
          `  2. ${accept}`,
          `  3. ${deploy} --allow-delete; ${volume}`,
          `  4. restore the dump: docs/operations.md, "Restoring a dump"`,
        ]
  ).join("\n");
}
