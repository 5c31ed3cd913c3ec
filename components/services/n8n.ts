/** The service n8n: workflows. */
import { z } from "zod";

import { ImageReference } from "../../images/reference";
import { isOlder, tagVersion } from "../../images/tag-version";
import { expected } from "../../text/messages";
import { Exemption } from "../hardened/policy";
import { defineService } from "./definition";

const PORT = 5678;
const SECRETS = "/run/secrets/n8n";
/** Where n8n's task broker listens for its runners. */
export const RUNNERS_BROKER_PORT = 5679;
/** Name of the secret that n8n and its runners share. */
export const RUNNERS_TOKEN = "n8nRunnersToken";
const DATABASE = { name: "n8n", password: "n8nDatabasePassword" } as const;

/** n8n with its data in PostgreSQL. It has internet access, because workflows call other services. */
export const n8n = defineService({
  name: "n8n",
  options: {
    /** Who reaches the editor and its API. Default: administrators. Who logs in there runs code on the host's network. */
    editor: z
      .enum(["administrators", "everyone"], expected('"administrators" or "everyone"'))
      .optional(),
  },
  secrets: {
    n8nDatabasePassword: { minLength: 12 },
    // Encrypts the credentials in the database. Without the key, they are lost. n8n shows everybody a hash of its second half
    // (`instanceId`), so that half alone must be too much to guess.
    n8nEncryptionKey: {
      minLength: 32,
      random:
        ', such as the output of "openssl rand -hex 32" (an n8n with data: docs/operations.md, "Secrets and their rotation")',
    },
  },
  image: { diskMiB: 1300 },
  route: {
    target: PORT,
    admin: ({ editor }) => editor !== "everyone",
    // Not /webhook-test/ and /form-test/, which the editor uses.
    publicPaths: ["/webhook/", "/webhook-waiting/", "/form/", "/form-waiting/"],
    // The first visitor to set up n8n becomes its owner.
    adminPaths: () => [{ path: "/rest/owner/setup" }],
  },
  database: DATABASE,
  containers: ({ image, url }) => {
    const { protocol, host, hostname } = new URL(url);
    const keyFromFile = readsKeyFile(image);
    const runners = hasRunners(image);
    return [
      {
        // The image's user `node`.
        user: "1000:1000",
        memoryMiB: 1024,
        cpus: 1,
        exemptions: [EGRESS, ...(keyFromFile ? [] : [KEY_IN_ENVIRONMENT])],
        environment: {
          DB_TYPE: "postgresdb",
          DB_POSTGRESDB_HOST: "postgres",
          DB_POSTGRESDB_DATABASE: DATABASE.name,
          DB_POSTGRESDB_USER: DATABASE.name,
          DB_POSTGRESDB_PASSWORD_FILE: `${SECRETS}/database-password`,
          N8N_HOST: hostname,
          N8N_PORT: String(PORT),
          N8N_PROTOCOL: protocol.replace(":", ""),
          N8N_EDITOR_BASE_URL: url,
          [webhookVariable(image)]: `${protocol}//${host}/`,
          N8N_PROXY_HOPS: "1",
          N8N_SECURE_COOKIE: String(protocol === "https:"),
          N8N_DIAGNOSTICS_ENABLED: "false",
          N8N_VERSION_NOTIFICATIONS_ENABLED: "false",
          N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS: "true",
          ...(keyFromFile && { N8N_ENCRYPTION_KEY_FILE: `${SECRETS}/encryption-key` }),
          ...(runners && {
            N8N_RUNNERS_MODE: "external",
            // Not only 127.0.0.1: the runners are in another container.
            N8N_RUNNERS_BROKER_LISTEN_ADDRESS: "0.0.0.0",
            N8N_RUNNERS_BROKER_PORT: String(RUNNERS_BROKER_PORT),
            N8N_RUNNERS_AUTH_TOKEN_FILE: `${SECRETS}/runners-token`,
          }),
        },
        ...(!keyFromFile && { secretEnvironment: { N8N_ENCRYPTION_KEY: "n8nEncryptionKey" } }),
        secrets: {
          secrets: {
            path: SECRETS,
            files: {
              "database-password": DATABASE.password,
              ...(keyFromFile && { "encryption-key": "n8nEncryptionKey" }),
              ...(runners && { "runners-token": RUNNERS_TOKEN }),
            },
          },
        },
        data: { data: { path: "/home/node/.n8n" } },
        // n8n unpacks its editor into the cache at every start.
        tmpfs: { "/home/node/.cache": 128, "/tmp": 64 },
        // Ready only after the database migrations, which take a while at the first start.
        health: {
          command: ["wget", "-q", "-O", "/dev/null", `http://127.0.0.1:${PORT}/healthz/readiness`],
          startSeconds: 120,
        },
        question: { command: ["node", "-e", LOGIN] },
        upgrade: {
          quiet: QUIET,
          check: {
            command: ["export:credentials", "--all", "--decrypted", "--output=/tmp/decrypted.json"],
            when: "SELECT count(*) FROM credentials_entity",
            fails: "cannot decrypt its credentials",
          },
        },
        egress: true,
        // Lets running workflows finish.
        stopGraceSeconds: 60,
      },
    ];
  },
});

/**
 * Its readiness page knows nothing of the tables, so a login is tried: 401 for nobody's needs them, and an owner who is set up or
 * not makes no difference. Versions differ in the name of the field.
 */
const LOGIN = `const body = JSON.stringify({ email: "nobody@example.invalid", emailOrLdapLoginId: "nobody@example.invalid", password: "Nobody-0" });
fetch("http://127.0.0.1:${PORT}/rest/login", { method: "POST", headers: { "content-type": "application/json" }, body })
  .then((answer) => process.exit(answer.status === 401 ? 0 : 1), () => process.exit(1));`;

/** No workflow is active and nothing waits in a copy: a schedule that runs twice would send its mails twice. */
const QUIET = `DO $$
DECLARE statement text;
BEGIN
  FOREACH statement IN ARRAY ARRAY[
    'UPDATE workflow_entity SET active = false',
    'UPDATE workflow_entity SET "activeVersionId" = NULL',
    'UPDATE execution_entity SET "waitTill" = NULL, status = ''canceled'' WHERE "waitTill" IS NOT NULL OR "stoppedAt" IS NULL',
    'DELETE FROM webhook_entity'
  ] LOOP
    BEGIN
      EXECUTE statement;
    EXCEPTION WHEN undefined_column OR undefined_table THEN
      NULL;
    END;
  END LOOP;
END $$;`;

/** n8n reads the key from a file since 1.116.2 (n8n-io/n8n#20175); an unknown version gets the variable. */
const readsKeyFile = ({ tag }: ImageReference): boolean =>
  tagVersion(tag) !== undefined && !isOlder(tag, [1, 116, 2]);

/** n8n 2.40 reads the first and warns about the second, which older and unknown versions read. */
const webhookVariable = ({ tag }: ImageReference): string =>
  tagVersion(tag) !== undefined && !isOlder(tag, [2, 40]) ? "N8N_WEBHOOK_URL" : "WEBHOOK_URL";

/**
 * Since 2.0 n8n runs the code of workflows in task runners. 1.x, and a tag without a version such as `latest`, get none:
 * then n8n does it itself, in its own container.
 */
export const hasRunners = (image: ImageReference | undefined): boolean =>
  (tagVersion(image?.tag)?.[0] ?? 0) >= 2;

const EGRESS: Exemption = {
  control: "outsideNetworks",
  value: ["egress"],
  reason: "workflows call services on the internet",
};

const KEY_IN_ENVIRONMENT: Exemption = {
  control: "environmentSecrets",
  value: ["N8N_ENCRYPTION_KEY"],
  reason: "n8n before 1.116.2 cannot read the key from a file; docker inspect shows it",
};
