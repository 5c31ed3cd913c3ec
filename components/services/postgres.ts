/** The service PostgreSQL, which runs if an enabled service has a database. */
import { ImageReference } from "../../images/reference";
import { tagVersion } from "../../images/tag-version";
import { backupOptions } from "./backup/backup";
import { DUMPS, DUMPS_SCRIPT } from "./backup/dumps";
import { DatabaseSpec, defineService, ServiceContainer } from "./definition";

const SECRETS = "/run/secrets/postgres";
const INIT = "/docker-entrypoint-initdb.d";

/**
 * PostgreSQL. It runs as the user `postgres` from the start, so the entry point needs no capabilities. Each major version
 * has its own data volume, because it cannot read the files of another.
 */
export const postgres = defineService({
  name: "postgres",
  enabled: ({ database }) => database !== undefined,
  secrets: { postgresPassword: { minLength: 12 } },
  image: {
    diskMiB: 400,
    problem: ({ tag }) =>
      majorVersion(tag) === undefined
        ? `expected a tag that starts with the major version, such as 16-alpine, got ${JSON.stringify(tag ?? "none")}; the data volume is named after the version`
        : undefined,
  },
  downtimeEffect: "the services with a database wait meanwhile",
  fixedEnvironment: {
    names: /^(?:POSTGRES_|PG)/,
    why: "it decides who logs in and where the data is",
  },
  containers: ({ stack, image, databases, backup }) => {
    const { version, user } = dataFormat(image);
    // Version 18 of the image moved its volume.
    const dataPath = version >= 18 ? "/var/lib/postgresql" : "/var/lib/postgresql/data";
    return [
      ...(backup ? [dumps(stack, user, dataPath, backup)] : []),
      {
        user,
        memoryMiB: 512,
        cpus: 1,
        environment: {
          POSTGRES_USER: "postgres",
          // The entry point requires one and leaves it in the server's environment. A random one, which nobody reads: the
          // scripts below set the real password.
          POSTGRES_PASSWORD_FILE: "/proc/sys/kernel/random/uuid",
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
            files: {
              "10-databases.sql": [SET_SUPERUSER, ...databases.map(createDatabase)].join(""),
            },
          },
        },
        data: {
          [`${version}-data`]: {
            path: dataPath,
            // Minor versions read each other's files; another major version gets the data by a dump.
            copy: "never",
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
        question: { command: ["psql", "-X", "-q", "-U", "postgres", "-c", "SELECT 1"] },
        afterStart: setPasswords(databases),
        upgrade: { serves: { version } },
      },
    ];
  },
});

/**
 * Dumps the databases for the service `backup`, over the network, so that this needs neither Docker nor the files of the server. It
 * is the superuser, as the dump of the roles requires, and talks to the server alone.
 */
const dumps = (
  stack: string,
  user: string,
  dataPath: string,
  backup: Readonly<Record<string, unknown>>,
): ServiceContainer => ({
  name: DUMPS,
  user,
  memoryMiB: 128,
  cpus: 0.5,
  init: true,
  entrypoint: ["sh", `${DUMPS_FOLDER}/dumps.sh`, "forever"],
  environment: {
    STACK: stack,
    AT_MINUTE: String(backupOptions(backup).minute),
    PGHOST: "postgres",
  },
  secrets: {
    password: { path: `/run/secrets/${DUMPS}`, files: { superuser: "postgresPassword" } },
  },
  files: {
    script: { path: DUMPS_FOLDER, files: { "dumps.sh": DUMPS_SCRIPT } },
  },
  // A newer image changes nothing in them.
  data: { dumps: { path: "/dumps", chown: true, copy: "never" } },
  // The image declares a volume where a server has its data; Docker would make an unnamed one.
  tmpfs: { "/tmp": 64, [dataPath]: 1 },
  health: { command: ["sh", `${DUMPS_FOLDER}/dumps.sh`, "alive"], startSeconds: 20 },
  links: ["postgres"],
  dependsOn: ["postgres"],
  upgrade: { untried: "only writes dumps" },
});

const DUMPS_FOLDER = "/backup";

/** Range of supported major versions. A larger number in a tag is a date or a build number. */
const [OLDEST, NEWEST] = [10, 99];

function majorVersion(tag: string | undefined): number | undefined {
  const major = tagVersion(tag)?.[0];
  return major === undefined || major < OLDEST || major > NEWEST ? undefined : major;
}

function dataFormat({ tag }: Pick<ImageReference, "tag">): {
  readonly version: number;
  readonly user: string;
} {
  const version = majorVersion(tag);
  // Unreachable: `image.problem` rejects such a tag.
  if (version === undefined)
    throw new Error(`images.postgres: no major version in ${tag ?? "no tag"}`);
  // The user `postgres` in the Alpine and in the Debian image.
  return { version, user: /alpine/.test(tag ?? "") ? "70:70" : "999:999" };
}

/** psql reads the password from the file, and failed statements are not logged. */
const SET_SUPERUSER = `SET log_min_error_statement = panic;
\\set superuser \`cat ${SECRETS}/superuser\`
ALTER ROLE postgres PASSWORD :'superuser';
`;

/** Of a role that owns one database and nothing else. Names are quoted: `paperless-ngx` and `user` are names of services. */
const ROLE = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION";

/** Runs once, on an empty data volume. psql reads the password from the file, and failed statements are not logged. */
const createDatabase = ({ name }: DatabaseSpec): string => `SET log_min_error_statement = panic;
\\set password \`cat ${SECRETS}/${name}\`
CREATE ROLE "${name}" ${ROLE} PASSWORD :'password';
CREATE DATABASE "${name}" OWNER "${name}";
REVOKE ALL ON DATABASE "${name}" FROM PUBLIC;
`;

/**
 * The image sets passwords and makes databases on an empty data volume only; this does it whenever the container is a new one,
 * as it is after each change of its databases.
 */
const setPasswords = (databases: readonly DatabaseSpec[]): string =>
  // psql takes a file that it cannot read for an empty password, which locks the role out.
  `docker exec "$1" cat ${["superuser", ...databases.map(({ name }) => name)].map((file) => `${SECRETS}/${file}`).join(" ")} >/dev/null || return 1
docker exec -i "$1" psql -X -q -v ON_ERROR_STOP=1 -U postgres <<'SQL'
${SET_SUPERUSER}${databases
    .map(
      ({ name }) => `\\set owner \`cat ${SECRETS}/${name}\`
SELECT 'CREATE ROLE "${name}" ${ROLE}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${name}') \\gexec
ALTER ROLE "${name}" PASSWORD :'owner';
SELECT 'CREATE DATABASE "${name}" OWNER "${name}"' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '${name}') \\gexec
REVOKE ALL ON DATABASE "${name}" FROM PUBLIC;
`,
    )
    .join("")}SQL`;
