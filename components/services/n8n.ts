import * as pulumi from "@pulumi/pulumi";

import { ImageReference } from "../../images/reference";
import { DataVolume } from "../hardened/data-volume";
import { FileVolume } from "../hardened/file-volume";
import { Exemption } from "../hardened/policy";
import { HardenedContainer } from "../hardened/container";
import { Postgres } from "./postgres/postgres";
import { Service, ServiceArgs } from "./service";
import { isOlder, tagVersion } from "../../images/tag-version";
import { Route } from "./traefik/config";

export interface N8nArgs extends ServiceArgs {
  readonly postgres: Postgres;
  readonly databasePassword: pulumi.Input<string>;
  /** Encrypts the credentials in the database. Losing it loses them. */
  readonly encryptionKey: pulumi.Input<string>;
  /** The address that browsers and webhooks use, with a slash at its end. */
  readonly publicUrl: string;
}

/** The image's user `node`. */
const USER = "1000:1000";
const PORT = 5678;
const SECRETS = "/run/secrets/n8n";
const DATABASE = "n8n";

/** n8n with its data in PostgreSQL. The only service that may speak to the internet: that is what workflows do. */
export class N8n extends pulumi.ComponentResource implements Service {
  readonly containers: readonly HardenedContainer[];

  static readonly database = DATABASE;

  static route(host: string): Route {
    return { service: "n8n", host, url: `http://n8n:${PORT}`, admin: false };
  }

  constructor(args: N8nArgs, opts: pulumi.ComponentResourceOptions) {
    const name = `${args.stack}-n8n`;
    super("pinned-stack:index:N8n", name, {}, opts);
    const { stack, image, after, networks } = args;
    const keyFromFile = readsKeyFile(args.reference);
    const secrets = new FileVolume(
      `${name}-secrets`,
      {
        stack,
        service: "n8n",
        path: SECRETS,
        files: {
          "database-password": args.databasePassword,
          ...(keyFromFile && { "encryption-key": args.encryptionKey }),
        },
        image,
        owner: USER,
        after,
      },
      { parent: this },
    );
    const data = new DataVolume({ stack, service: "n8n", name: "data" }, { parent: this });
    const { protocol, host, hostname } = new URL(args.publicUrl);
    this.containers = [
      new HardenedContainer(
        stack,
        {
          name: "n8n",
          image,
          measures: { user: USER, memoryMiB: 1024, cpus: 1, ...args.measures },
          exemptions: [EGRESS, ...(keyFromFile ? [] : [KEY_IN_ENVIRONMENT]), ...args.exemptions],
          environment: {
            DB_TYPE: "postgresdb",
            DB_POSTGRESDB_HOST: "postgres",
            DB_POSTGRESDB_DATABASE: DATABASE,
            DB_POSTGRESDB_USER: DATABASE,
            DB_POSTGRESDB_PASSWORD_FILE: `${SECRETS}/database-password`,
            N8N_HOST: hostname,
            N8N_PORT: String(PORT),
            N8N_PROTOCOL: protocol.replace(":", ""),
            N8N_EDITOR_BASE_URL: args.publicUrl,
            WEBHOOK_URL: `${protocol}//${host}/`,
            N8N_PROXY_HOPS: "1",
            N8N_SECURE_COOKIE: String(protocol === "https:"),
            N8N_DIAGNOSTICS_ENABLED: "false",
            N8N_VERSION_NOTIFICATIONS_ENABLED: "false",
            N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS: "true",
            ...(keyFromFile && { N8N_ENCRYPTION_KEY_FILE: `${SECRETS}/encryption-key` }),
          },
          ...(!keyFromFile && { secretEnvironment: { N8N_ENCRYPTION_KEY: args.encryptionKey } }),
          files: [secrets],
          data: [{ volume: data.volumeName, path: "/home/node/.n8n" }],
          // It unpacks its editor into the cache at every start.
          scratchMiB: { "/home/node/.cache": 128, "/tmp": 64 },
          // Only ready when the database is connected and migrated; the first time that takes a while.
          health: {
            command: [
              "wget",
              "-q",
              "-O",
              "/dev/null",
              `http://127.0.0.1:${PORT}/healthz/readiness`,
            ],
            startSeconds: 120,
          },
          networks: [
            networks.link("traefik", "n8n"),
            networks.link("n8n", "postgres"),
            networks.egress(),
          ],
          // Running workflows may finish.
          stopGraceSeconds: 60,
          after: [...after, data.ready, args.postgres.ready],
        },
        { parent: this },
      ),
    ];
    this.registerOutputs({});
  }
}

/** The key is read from a file since 1.116.2 (n8n-io/n8n#20175); a version that cannot be told gets the variable. */
const readsKeyFile = ({ tag }: ImageReference): boolean =>
  tagVersion(tag) !== undefined && !isOlder(tag, [1, 116, 2]);

const EGRESS: Exemption = {
  control: "outsideNetworks",
  value: ["egress"],
  reason: "workflows call services on the internet",
};

const KEY_IN_ENVIRONMENT: Exemption = {
  control: "environmentSecrets",
  value: ["N8N_ENCRYPTION_KEY"],
  reason: "n8n reads the key from a file only since 1.116.2; before, docker inspect shows it",
};
