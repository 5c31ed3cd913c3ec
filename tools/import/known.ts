/**
 * What no Compose file says of well-known images, from their Dockerfiles, entry points and documentation: the user they step
 * down to, a health check, which secrets they read from files, whether they need the internet. Data. Pure.
 */
import { SocketRead } from "../../components/hardened/haproxy";
import { ImageReference } from "../../images/reference";

export interface KnownImage {
  /** `uid:gid` of the program where the image starts as root. */
  readonly user?: string;
  /** The same for tags with `alpine`, if it differs. */
  readonly alpineUser?: string;
  /** Health check where the image has none. */
  readonly health?: readonly string[];
  /** Folders it writes to that are no data, for the tmpfs list of a service. */
  readonly tmpfs?: readonly string[];
  /** How it reads a secret from a file instead of from an environment variable. */
  readonly fileVariable?: FileVariable;
  /** False: it serves others and needs no way to the internet. */
  readonly egress?: false;
  /** Ports that other services connect to, not browsers. */
  readonly internalPorts?: readonly number[];
  /** True: its pages have no login of their own, or manage others. */
  readonly admin?: true;
  /** What it reads of the Docker API. */
  readonly reads?: readonly SocketRead[];
  /**
   * A server that begins only in an empty folder, which the root of a data volume is not: the variable that names the folder,
   * and one inside the volume.
   */
  readonly dataFolder?: {
    readonly mountedAt: string;
    readonly variable: string;
    readonly folder: string;
  };
  /** Whether its entry point runs a command that is given to it, so that a shell can read a secret first. */
  readonly runsCommands?: true;
  /** Why no entry is made, and what does its work. */
  readonly instead?: string;
  /** True: with `instead`, the stack does its work already. False: nothing does. */
  readonly replaced?: boolean;
}

/** The variable that names the file, and its value. `undefined` if the variable has no such form. */
export type FileVariable = (
  variable: string,
  file: string,
) => readonly [name: string, value: string] | undefined;

const suffixed =
  (names: RegExp, suffix = "_FILE"): FileVariable =>
  (variable, file) =>
    names.test(variable) ? [`${variable}${suffix}`, file] : undefined;

const POSTGRES: KnownImage = {
  user: "999:999",
  alpineUser: "70:70",
  health: ["CMD-SHELL", "pg_isready -q -h 127.0.0.1"],
  tmpfs: ["/var/run/postgresql"],
  dataFolder: { mountedAt: "/var/lib/postgresql/data", variable: "PGDATA", folder: "pgdata" },
  fileVariable: suffixed(/^POSTGRES_(?:PASSWORD|USER|DB|INITDB_ARGS)$/),
  egress: false,
  internalPorts: [5432],
  runsCommands: true,
};
const MARIADB: KnownImage = {
  user: "999:999",
  tmpfs: ["/run/mysqld"],
  fileVariable: suffixed(/^(?:MARIADB|MYSQL)_(?:ROOT_PASSWORD|ROOT_HOST|DATABASE|USER|PASSWORD)$/),
  egress: false,
  internalPorts: [3306],
  runsCommands: true,
};
const REDIS: KnownImage = {
  user: "999:1000",
  health: ["CMD", "redis-cli", "ping"],
  egress: false,
  internalPorts: [6379],
  runsCommands: true,
};
const TRAEFIK_DOES =
  "this stack's own Traefik serves the pages and gets the certificates (key tls)";
const MANAGES_DOCKER =
  "it changes containers through Docker's socket, which is root on the host; changes go through npm run deploy";
const SOCKET_PROXY_DOES =
  "each service that reads Docker gets a socket proxy of its own with the key reads";

/** By repository: the longest suffix of path components that is listed. */
const KNOWN: Readonly<Record<string, KnownImage>> = {
  postgres: POSTGRES,
  "pgvector/pgvector": POSTGRES,
  "postgis/postgis": POSTGRES,
  "timescale/timescaledb": { ...POSTGRES, user: "70:70" },
  "tensorchord/pgvecto-rs": POSTGRES,
  "immich-app/postgres": POSTGRES,
  mariadb: { ...MARIADB, health: ["CMD", "healthcheck.sh", "--connect", "--innodb_initialized"] },
  mysql: {
    ...MARIADB,
    health: ["CMD-SHELL", "mysqladmin ping --silent --host 127.0.0.1"],
    tmpfs: ["/var/run/mysqld"],
  },
  redis: REDIS,
  "valkey/valkey": { ...REDIS, health: ["CMD", "valkey-cli", "ping"] },
  mongo: {
    user: "999:999",
    health: ["CMD", "mongosh", "--quiet", "--eval", "db.adminCommand('ping').ok"],
    fileVariable: suffixed(/^MONGO_INITDB_ROOT_(?:USERNAME|PASSWORD)$/),
    egress: false,
    internalPorts: [27017],
    runsCommands: true,
  },
  memcached: { user: "11211:11211", egress: false, internalPorts: [11211] },
  rabbitmq: {
    user: "999:999",
    alpineUser: "100:101",
    health: ["CMD", "rabbitmq-diagnostics", "-q", "ping"],
    egress: false,
    internalPorts: [5672],
  },
  "clickhouse/clickhouse-server": {
    user: "101:101",
    health: ["CMD-SHELL", "wget -q --spider http://127.0.0.1:8123/ping"],
    egress: false,
    internalPorts: [8123, 9000],
  },
  influxdb: {
    user: "1000:1000",
    health: ["CMD", "influx", "ping"],
    fileVariable: suffixed(/^DOCKER_INFLUXDB_INIT_(?:USERNAME|PASSWORD|ADMIN_TOKEN)$/),
    egress: false,
  },
  nginx: {
    user: "101:101",
    tmpfs: ["/var/cache/nginx", "/run"],
    health: [
      "CMD-SHELL",
      "curl -fsS -o /dev/null http://127.0.0.1/ || wget -q --spider http://127.0.0.1/",
    ],
  },
  "gotenberg/gotenberg": {
    health: ["CMD", "curl", "-fsS", "http://127.0.0.1:3000/health"],
    egress: false,
  },
  "apache/tika": { egress: false },
  wordpress: { user: "33:33", alpineUser: "82:82", fileVariable: suffixed(/^WORDPRESS_/) },
  nextcloud: {
    user: "33:33",
    alpineUser: "82:82",
    fileVariable: suffixed(
      /^(?:POSTGRES_(?:DB|USER|PASSWORD|HOST)|MYSQL_(?:DATABASE|USER|PASSWORD|HOST)|NEXTCLOUD_ADMIN_(?:USER|PASSWORD)|REDIS_HOST_PASSWORD|SMTP_PASSWORD)$/,
    ),
  },
  "paperless-ngx/paperless-ngx": {
    user: "1000:1000",
    tmpfs: ["/run:exec"],
    fileVariable: suffixed(/^PAPERLESS_/),
  },
  "vaultwarden/server": { user: "1000:1000", fileVariable: suffixed(/^[A-Z_]+$/) },
  "grafana/grafana": {
    user: "472:472",
    health: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:3000/api/health"],
    fileVariable: suffixed(/^GF_/, "__FILE"),
    admin: true,
  },
  "grafana/grafana-oss": {
    user: "472:472",
    health: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:3000/api/health"],
    fileVariable: suffixed(/^GF_/, "__FILE"),
    admin: true,
  },
  "prom/prometheus": {
    user: "65534:65534",
    health: ["CMD", "wget", "-q", "--spider", "http://127.0.0.1:9090/-/healthy"],
    egress: false,
    admin: true,
  },
  "prom/alertmanager": {
    user: "65534:65534",
    health: ["CMD", "wget", "-q", "--spider", "http://127.0.0.1:9093/-/healthy"],
    admin: true,
  },
  "prom/node-exporter": {
    user: "65534:65534",
    health: ["CMD", "wget", "-q", "--spider", "http://127.0.0.1:9100/"],
    egress: false,
    internalPorts: [9100],
  },
  "prom/pushgateway": {
    user: "65534:65534",
    health: ["CMD", "wget", "-q", "--spider", "http://127.0.0.1:9091/-/healthy"],
    egress: false,
    admin: true,
  },
  "prom/blackbox-exporter": {
    user: "65534:65534",
    health: ["CMD", "wget", "-q", "--spider", "http://127.0.0.1:9115/-/healthy"],
    internalPorts: [9115],
  },
  "grafana/loki": { user: "10001:10001", egress: false, internalPorts: [3100] },
  "gitea/gitea": { user: "1000:1000", fileVariable: suffixed(/^GITEA__/, "__FILE") },
  "forgejo/forgejo": { user: "1000:1000", fileVariable: suffixed(/^FORGEJO__/, "__FILE") },
  "authelia/authelia": { fileVariable: suffixed(/^AUTHELIA_/) },
  "goauthentik/server": {
    user: "1000:1000",
    fileVariable: (variable, file) =>
      variable.startsWith("AUTHENTIK_") ? [variable, `file://${file}`] : undefined,
  },
  "immich-app/immich-server": {
    fileVariable: suffixed(/^(?:DB_(?:PASSWORD|USERNAME|URL|DATABASE_NAME)|REDIS_PASSWORD)$/),
  },
  "miniflux/miniflux": {
    fileVariable: suffixed(/^(?:DATABASE_URL|ADMIN_USERNAME|ADMIN_PASSWORD)$/),
  },
  "minio/minio": { user: "1000:1000", fileVariable: suffixed(/^MINIO_ROOT_(?:USER|PASSWORD)$/) },
  "fireflyiii/core": { user: "33:33", fileVariable: suffixed(/^(?:APP_KEY|DB_\w+|MAIL_\w+)$/) },
  "louislam/uptime-kuma": {
    user: "1000:1000",
    reads: ["containers", "container"],
    admin: true,
  },
  "gethomepage/homepage": {
    user: "1000:1000",
    reads: ["containers", "container", "containerStats"],
  },
  "henrygd/beszel-agent": { reads: ["info", "containers", "containerStats"] },
  glances: { reads: ["version", "containers", "container", "containerStats"], admin: true },
  "crazymax/diun": { reads: ["info", "containers", "container", "images", "image"] },
  adminer: { admin: true },
  phpmyadmin: { admin: true },
  "dpage/pgadmin4": {
    user: "5050:5050",
    fileVariable: suffixed(/^PGADMIN_DEFAULT_PASSWORD$/),
    admin: true,
  },
  "mongo-express": { admin: true },
  rediscommander: { admin: true },

  traefik: { instead: TRAEFIK_DOES, replaced: true },
  "jwilder/nginx-proxy": { instead: TRAEFIK_DOES, replaced: true },
  "nginxproxy/nginx-proxy": { instead: TRAEFIK_DOES, replaced: true },
  "nginxproxy/acme-companion": { instead: TRAEFIK_DOES, replaced: true },
  "jrcs/letsencrypt-nginx-proxy-companion": { instead: TRAEFIK_DOES, replaced: true },
  "lucaslorentz/caddy-docker-proxy": { instead: TRAEFIK_DOES, replaced: true },
  "jc21/nginx-proxy-manager": { instead: TRAEFIK_DOES, replaced: true },
  "tecnativa/docker-socket-proxy": { instead: SOCKET_PROXY_DOES, replaced: true },
  "linuxserver/socket-proxy": { instead: SOCKET_PROXY_DOES, replaced: true },
  "wollomatic/socket-proxy": { instead: SOCKET_PROXY_DOES, replaced: true },
  "portainer/portainer-ce": {
    instead: "this stack has a Portainer, services.portainer.enabled: true; it only reads Docker",
    replaced: true,
  },
  "portainer/portainer": {
    instead: "this stack has a Portainer, services.portainer.enabled: true; it only reads Docker",
    replaced: true,
  },
  "cadvisor/cadvisor": {
    instead: "this stack has a cAdvisor, services.cadvisor.enabled: true, at cadvisor:8080",
    replaced: true,
  },
  "google/cadvisor": {
    instead: "this stack has a cAdvisor, services.cadvisor.enabled: true, at cadvisor:8080",
    replaced: true,
  },
  "containrrr/watchtower": {
    instead: "npm run pin and Renovate update the images",
    replaced: true,
  },
  "n8nio/n8n": {
    instead: "this stack has an n8n, services.n8n; docs/operations.md says how to move its data",
    replaced: true,
  },
  "n8n-io/n8n": {
    instead: "this stack has an n8n, services.n8n; docs/operations.md says how to move its data",
    replaced: true,
  },
  "willfarrell/autoheal": { instead: MANAGES_DOCKER },
  "mcuadros/ofelia": { instead: MANAGES_DOCKER },
  "louislam/dockge": { instead: MANAGES_DOCKER },
  "gitlab/gitlab-runner": { instead: MANAGES_DOCKER },
  "gitea/act_runner": { instead: MANAGES_DOCKER },
  "drone/drone-runner-docker": { instead: MANAGES_DOCKER },
  "amir20/dozzle": {
    instead:
      "it shows the logs of all containers, which no socket proxy of this stack opens; read them with docker logs",
  },
};

/** Publishers whose images all read a secret from a file. */
const BY_PUBLISHER: readonly (readonly [RegExp, KnownImage])[] = [
  // https://docs.linuxserver.io/FAQ: FILE__ for every variable; "user" and a writable /run replace PUID and PGID.
  [
    /(?:^|\/)linuxserver\//,
    { tmpfs: ["/run:exec"], fileVariable: (variable, file) => [`FILE__${variable}`, file] },
  ],
  [/(?:^|\/)bitnami(?:legacy)?\//, { user: "1001:1001", fileVariable: suffixed(/./) }],
];

export function knownImage({ repository }: ImageReference): KnownImage {
  const parts = repository.replace(/^library\//, "").split("/");
  for (let from = 0; from < parts.length; from++) {
    const name = parts.slice(from).join("/");
    const known = Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined;
    // A short name is an official image: "someone/redis" may be anything.
    if (known !== undefined && (from === 0 || parts.length - from > 1)) return known;
  }
  return BY_PUBLISHER.find(([pattern]) => pattern.test(repository))?.[1] ?? {};
}

export const knownUser = (
  { user, alpineUser }: KnownImage,
  { tag = "" }: ImageReference,
): string | undefined => (alpineUser !== undefined && tag.includes("alpine") ? alpineUser : user);

/** Numbers of users that many images have. `nginx` is 101 and `www-data` is 33, on Alpine 82. */
export const USER_NUMBERS: Readonly<Record<string, string>> = {
  node: "1000:1000",
  nobody: "65534:65534",
  nonroot: "65532:65532",
  nginx: "101:101",
  "www-data": "33:33",
};

/** Ports of protocols that no browser speaks. */
export const NOT_HTTP: ReadonlySet<number> = new Set([
  ...[21, 22, 25, 53, 67, 69, 110, 119, 123, 143, 161, 389, 465, 514, 587, 636, 853, 993, 995],
  ...[1194, 1433, 1521, 1812, 1883, 1935, 2222, 3306, 3389, 3478, 4190, 5060, 5222, 5269, 5349],
  ...[5432, 5672, 6379, 8883, 9092, 11211, 19132, 22000, 25565, 27015, 27017, 51820],
]);
