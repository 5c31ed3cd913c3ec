/** A stack with data in n8n and PostgreSQL, and images for it that work, or break in ways that real ones do. */
import assert from "node:assert/strict";
import { join } from "node:path";

import { Owner } from "../integration/stack/n8n-owner";
import { newDeployment, overSsh, pinnedImages, type Deployment, type Values } from "./deployment";
import { start, type Running } from "./faults";
import { ask, type Question } from "./http";
import { commandWords } from "./project-command";
import { startProbe, type Probe } from "./probe";
import { pulumiBinaries } from "./pulumi";
import { IMAGES } from "./requirements";
import { succeeded, type Result } from "./run";
import type { World } from "./world";

/** The services whose image changes; all have an image of the test bed. */
export const CHANGED = ["n8n", "postgres", "traefik", "homepage", "portainer"] as const;
export type Changed = (typeof CHANGED)[number];

/**
 * - `digest`: the same, rebuilt
 * - `version`: another version, with a database migration where there is a database
 * - `hangs`: runs and answers nothing
 * - `crashes`: migrates and crashes, wherever it runs
 * - `crashes later`: works on a copy; in place of the running one it migrates and crashes
 */
export const KINDS = ["digest", "version", "hangs", "crashes", "crashes later"] as const;
export type Kind = (typeof KINDS)[number];

export const ALL_IMAGES = [
  IMAGES.traefik,
  IMAGES.homepage,
  IMAGES.socketProxy,
  IMAGES.portainer,
  IMAGES.n8n,
  IMAGES.postgres,
];
const BASE: Readonly<Record<Changed, string>> = {
  n8n: IMAGES.n8n,
  postgres: IMAGES.postgres,
  traefik: IMAGES.traefik,
  homepage: IMAGES.homepage,
  portainer: IMAGES.portainer,
};

/** Runs SQL as n8n does, with its own settings. */
export const sqlByNode = (sql: string): string => `node -e '
const { readFileSync, realpathSync } = require("node:fs");
const { Client } = require(require.resolve("pg", { paths: [realpathSync("/usr/local/bin/n8n")] }));
const env = process.env;
const client = new Client({ host: env.DB_POSTGRESDB_HOST, database: env.DB_POSTGRESDB_DATABASE, user: env.DB_POSTGRESDB_USER,
  password: readFileSync(env.DB_POSTGRESDB_PASSWORD_FILE, "utf8").trim() });
client.connect().then(() => client.query(${JSON.stringify(sql)})).then(() => client.end()).catch((error) => { console.log(error.message); process.exit(1); });
'`;

/** A migration that the version before cannot live with, and one that it can. */
const BREAKING = sqlByNode("ALTER TABLE workflow_entity RENAME COLUMN name TO title");
const MILD = sqlByNode("CREATE TABLE IF NOT EXISTS faults_migrated (id int)");

/** Whether this is not a copy. A trial has one network alone, and a new PostgreSQL begins with nothing. */
const IN_PLACE: Readonly<Partial<Record<Changed, string>>> = {
  n8n: "/testbed/busybox grep -q '^eth1' /proc/net/dev || /testbed/busybox grep -q ' eth1:' /proc/net/dev",
  portainer: "/testbed/busybox grep -q 'eth1:' /proc/net/dev",
  traefik: "/testbed/busybox grep -q 'eth1:' /proc/net/dev",
  postgres: '[ -s "$PGDATA/PG_VERSION" ]',
};
const MIGRATE: Readonly<Partial<Record<Changed, string>>> = {
  n8n: `${BREAKING}; echo migrated >/home/node/.n8n/migrated`,
  portainer: "echo migrated >/data/migrated",
};

const scriptOf = (service: Changed, kind: Kind): string => {
  const crash = `${MIGRATE[service] ?? ":"}; echo this image is broken on purpose >&2; exit 1`;
  if (kind === "crashes") return crash;
  if (kind === "crashes later")
    return `if ${IN_PLACE[service] ?? "true"}; then ${crash}; fi; exec "$@"`;
  return `${service === "n8n" ? `${MILD}; ` : ""}exec "$@"`;
};

export type Visited = "n8n" | "homepage" | "portainer";

export interface FaultStack extends Deployment {
  /** The images that are configured now. */
  readonly images: Readonly<Record<string, string>>;
  /** n8n's owner, with the cookie of the first login. */
  readonly owner: Owner;
  /** Configures a new image for a service and gives its name. */
  change(service: Changed, kind: Kind): Promise<string>;
  /** Configures these images. */
  use(images: Readonly<Record<string, string>>): Promise<void>;
  /** Starts `npm run deploy --yes`, or plain `pulumi up`, and other commands of the project. */
  begin(command: "deploy" | "up", ...args: readonly string[]): Running;
  command(name: "deploy" | "drift", ...args: readonly string[]): Promise<Result>;
  /** Rejects where an owner of n8n does not find everything again. */
  hasData(): Promise<void>;
  /** Visits a page every 75 ms until it is stopped: one of n8n that needs its database, or those that do not. */
  probe(of: Visited): Probe;
  /** The images that run, by container. */
  running(): Promise<Readonly<Record<string, string>>>;
}

const SECRETS = {
  postgresPassword: "canary-postgres-5b1d7e",
  n8nDatabasePassword: "canary-database-71ce09",
  n8nEncryptionKey: "canary-encryption-90fa42-6b1e7d3c",
  portainerPassword: "canary-portainer-c3e8b6",
};
const DOMAIN = "example.test";
const PAGES: Readonly<Record<Visited, readonly [host: string, path: string]>> = {
  n8n: [`n8n.${DOMAIN}`, "/rest/workflows"],
  homepage: [DOMAIN, "/"],
  portainer: [`portainer.${DOMAIN}`, "/api/system/status"],
};

export interface FaultOptions {
  /** Images by service. Default: those of the test bed, for Traefik, the start page, Portainer, n8n and PostgreSQL. */
  readonly images?: Readonly<Record<string, string>>;
  /** `pinned-stack:services`. */
  readonly services?: Values;
  /** Milliseconds after which a command is killed. Default 400 000. */
  readonly timeout?: number;
}

/** Deploys it, and gives n8n an owner, a workflow and a credential. */
export async function faultStack(
  world: World,
  name: string,
  options: FaultOptions = {},
): Promise<FaultStack> {
  const http = await world.publishedPort();
  const images: Record<string, string> = {
    ...(options.images ?? (await pinnedImages(world, [...CHANGED, "socket-proxy"]))),
  };
  const deployment = await newDeployment(world, {
    name,
    values: {
      ...overSsh(world),
      domain: DOMAIN,
      publish: { address: "127.0.0.1", http },
      images,
      checkTags: false,
      adminAllow: ["0.0.0.0/0"],
      registries: { [world.registry.name]: { insecure: true } },
      backups: { keep: 2 },
      ...(options.services && { services: options.services }),
    },
    secrets: SECRETS,
  });
  const { stack } = deployment;
  const visit = (host: string, path: string, question?: Question) =>
    ask(`http://127.0.0.1:${http}${path}`, { ...question, host });
  const { timeout = 400_000 } = options;
  const place = { cwd: stack.project, env: stack.env, timeout };
  const begin: FaultStack["begin"] = (command, ...args) =>
    command === "deploy"
      ? start(
          process.execPath,
          [...commandWords("deploy"), "--stack", name, "--yes", ...args],
          place,
        )
      : start(
          join(pulumiBinaries, "pulumi"),
          [
            "up",
            "--yes",
            "--skip-preview",
            "--suppress-outputs",
            "--non-interactive",
            "--color=never",
            `--stack=${name}`,
            ...args,
          ],
          place,
        );
  const command: FaultStack["command"] = (program, ...args) =>
    start(process.execPath, [...commandWords(program), "--stack", name, ...args], place).ended;

  succeeded("deploy", await begin("deploy").ended);
  const owner = await Owner.setUp(visit);
  const workflow = await owner.createWorkflow();
  const credential = await owner.createCredential("canary-credential-8d2f");
  let count = 0;

  return {
    ...deployment,
    images,
    owner,
    begin,
    command,
    change: async (service, kind) => {
      count += 1;
      const base = BASE[service];
      const [repository = "", tag = ""] = base.split(":");
      const next = kind === "digest" ? tag : newer(tag, count);
      const made = await world.variant(
        base,
        kind === "digest"
          ? "rebuild"
          : kind === "hangs"
            ? "unhealthy"
            : { script: scriptOf(service, kind) },
        `${tag}-${count}`,
      );
      const image = `${world.registry.name}/${repository}:${next}@${made}`;
      images[service] = image;
      await deployment.pin({ [service]: image });
      return image;
    },
    use: async (wanted) => {
      Object.assign(images, wanted);
      await deployment.pin(wanted);
    },
    hasData: async () => {
      const again = await Owner.logIn(visit);
      assert.equal((await again.workflows())[workflow], "Kept over replacements");
      assert.ok(await again.canRead(credential), "the credential cannot be decrypted");
    },
    probe: (of) => {
      const [host, path] = PAGES[of];
      return startProbe({
        url: `http://127.0.0.1:${http}${path}`,
        host,
        every: 75,
        limit: 20_000,
        ...(of === "n8n" && { headers: { cookie: owner.cookie } }),
      });
    },
    running: async () => {
      const mine = ["--filter", `label=pinned-stack.stack=${name}`];
      const role = ["--filter", "label=hardened.role=container"];
      const ids = (await world.docker.ask("ps", "-q", ...mine, ...role)).split("\n");
      // `docker ps` itself shows something else than the name that the container was made with.
      const format = '{{index .Config.Labels "pinned-stack.container"}} {{.Config.Image}}';
      const lines = await world.docker.ask("inspect", "--format", format, ...ids);
      const rows = lines.split("\n").filter(Boolean);
      return Object.fromEntries(rows.map((line) => line.split(" ") as [string, string]));
    },
  };
}

/** `1.64.2` becomes `1.64.12`, `v3.6.4` `v3.6.14`; what has no third number stays. */
const newer = (tag: string, count: number): string =>
  tag.replace(
    /^(v?\d+\.\d+\.)(\d+)/,
    (_, front: string, last: string) => `${front}${last}${count}`,
  );
