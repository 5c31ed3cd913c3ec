import * as pulumi from "@pulumi/pulumi";

import { DockerHost } from "../../../host/docker-host";
import { DataVolume } from "../../hardened/data-volume";
import { FileVolume } from "../../hardened/file-volume";
import { HardenedContainer } from "../../hardened/container";
import { noMajorVersion, postgresImage } from "./image";
import { Service, ServiceArgs } from "../service";

/** A database with a role of its own that owns it and nothing else. */
export interface Database {
  readonly name: string;
  readonly password: pulumi.Input<string>;
}

export interface PostgresArgs extends ServiceArgs {
  readonly superuserPassword: pulumi.Input<string>;
  readonly database: Database;
  readonly host: DockerHost;
}

const SECRETS = "/run/secrets/postgres";
const INIT = "/docker-entrypoint-initdb.d";

/**
 * PostgreSQL as its own user from the first moment, so that it needs no capability. A new major version cannot read the
 * files of the old one, so each has a volume of its own.
 */
export class Postgres extends pulumi.ComponentResource implements Service {
  readonly containers: readonly HardenedContainer[];
  /** Who uses the database waits for it: from then on the passwords are those of the configuration. */
  readonly ready: pulumi.Resource;

  constructor(args: PostgresArgs, opts: pulumi.ComponentResourceOptions) {
    const name = `${args.stack}-postgres`;
    super("pinned-stack:index:Postgres", name, {}, opts);
    const known = postgresImage(args.reference);
    if (known === undefined) throw new pulumi.RunError(noMajorVersion(args.reference));
    const { major, user, dataPath } = known;
    const { stack, image, after, database } = args;
    const secrets = new FileVolume(
      `${name}-passwords`,
      {
        stack,
        service: "postgres",
        path: SECRETS,
        files: { superuser: args.superuserPassword, [database.name]: database.password },
        image,
        owner: user,
        after,
      },
      { parent: this },
    );
    const init = new FileVolume(
      `${name}-init`,
      {
        stack,
        service: "postgres",
        path: INIT,
        files: { "10-database.sql": createDatabase(database.name) },
        image,
        after,
      },
      { parent: this },
    );
    const data = new DataVolume(
      { stack, service: "postgres", name: `${major}-data` },
      { parent: this },
    );
    this.containers = [
      new HardenedContainer(
        stack,
        {
          name: "postgres",
          image,
          measures: { user, memoryMiB: 512, cpus: 1, ...args.measures },
          exemptions: args.exemptions,
          environment: {
            POSTGRES_USER: "postgres",
            POSTGRES_PASSWORD_FILE: `${SECRETS}/superuser`,
            POSTGRES_INITDB_ARGS: "--data-checksums --auth-host=scram-sha-256",
          },
          files: [secrets, init],
          data: [{ volume: data.volumeName, path: dataPath }],
          scratchMiB: { "/var/run/postgresql": 1, "/tmp": 64 },
          shmMiB: 128,
          // Over TCP, because during the first start it answers on the socket before it is ready.
          health: {
            command: ["pg_isready", "-q", "-h", "127.0.0.1", "-U", "postgres", "-d", database.name],
            startSeconds: 60,
          },
          networks: [args.networks.link("n8n", "postgres")],
          // Killed earlier, it has to recover at its next start.
          stopGraceSeconds: 120,
          after: [...after, data.ready],
        },
        { parent: this },
      ),
    ];
    this.ready = args.host.command(
      `${name}-set-passwords`,
      {
        script: setPasswords(name, database.name),
        // Other passwords come in another volume, and with it comes another container.
        triggers: this.containers.map(({ container }) => container.id),
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}

/** The image sets passwords on an empty data volume only; this sets them whenever the container is a new one. */
const setPasswords = (container: string, database: string): string =>
  `docker exec -i ${container} psql -X -q -v ON_ERROR_STOP=1 -U postgres <<'SQL'
SET log_min_error_statement = panic;
\\set superuser \`cat ${SECRETS}/superuser\`
\\set owner \`cat ${SECRETS}/${database}\`
ALTER ROLE postgres PASSWORD :'superuser';
ALTER ROLE ${database} PASSWORD :'owner';
SQL
`;

/** Runs once, on an empty data volume. psql reads the password by itself, so it is in no statement that is logged. */
const createDatabase = (name: string): string => `SET log_min_error_statement = panic;
\\set password \`cat ${SECRETS}/${name}\`
CREATE ROLE ${name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
CREATE DATABASE ${name} OWNER ${name};
REVOKE ALL ON DATABASE ${name} FROM PUBLIC;
`;
