/**
 * A Docker socket proxy: HAProxy with an allow-list of complete paths. Pure.
 * The switches of the tecnativa image allow path prefixes: CONTAINERS=1 also exposes the files (`/archive`) and logs of
 * every container, including secrets. Paths: https://docs.docker.com/reference/api/engine/
 */
import { DEFAULT_SOCKET } from "../../host/address";
import { ContainerSpec } from "./model";

const ID = "[a-zA-Z0-9][a-zA-Z0-9_.-]*";
const IMAGE = "[a-zA-Z0-9][a-zA-Z0-9_.:@/-]*";

/**
 * The API paths that a client can be allowed to read. None exposes files, logs or a terminal. `/top` is left out too: its
 * query is passed to `ps` on the host, which can show the environment of every process.
 */
export const SOCKET_READS = {
  ping: "/_ping",
  version: "/version",
  info: "/info",
  events: "/events",
  containers: "/containers/json",
  container: `/containers/${ID}/json`,
  containerStats: `/containers/${ID}/stats`,
  images: "/images/json",
  image: `/images/${IMAGE}/json`,
  imageHistory: `/images/${IMAGE}/history`,
  networks: "/networks",
  network: `/networks/${ID}`,
  volumes: "/volumes",
  volume: `/volumes/${ID}`,
} as const;

export type SocketRead = keyof typeof SOCKET_READS;

export const PROXY_PORT = 2375;

/** Name of a client's proxy. */
export const proxyName = (client: string): string => `socket-proxy-${client}`;
/** Endpoint of a client's proxy, for its DOCKER_HOST. */
export const proxyEndpoint = (client: string): string => `tcp://${proxyName(client)}:${PROXY_PORT}`;

/** The user `haproxy` in the image. */
const USER = "99:99";
const CONFIG_FOLDER = "/etc/socket-proxy";

/** The allowed paths as regular expressions, without the API version prefix. `/_ping` is included for the health check. */
export const allowedPaths = (reads: readonly SocketRead[]): readonly string[] =>
  [...new Set<SocketRead>(["ping", ...reads])].map((read) => SOCKET_READS[read]);

/** The configuration files of a proxy, and the path to mount them at. */
export const proxyFiles = (
  reads: readonly SocketRead[],
): { readonly path: string; readonly files: Readonly<Record<string, string>> } => ({
  path: CONFIG_FOLDER,
  files: { "haproxy.cfg": proxyConfig(reads) },
});

/** The container of a proxy, without its image, files and network. */
export const PROXY_SPEC = {
  user: USER,
  memoryMiB: 64,
  cpus: 0.25,
  // Bypasses the image's entry point, which would generate a more permissive configuration.
  entrypoint: ["haproxy", "-db", "-f", `${CONFIG_FOLDER}/haproxy.cfg`],
  tmpfs: { "/run": 1, "/tmp": 1 },
  // Passes through to the engine: HAProxy answers 503 if it cannot reach the socket.
  health: {
    command: ["wget", "-q", "-O", "/dev/null", `http://127.0.0.1:${PROXY_PORT}/_ping`],
    startSeconds: 10,
  },
  exemptions: [
    {
      control: "dockerSocket",
      value: true,
      reason:
        "gives other containers filtered, read-only API access, so that none of them mounts the socket",
    },
  ],
} as const satisfies Partial<ContainerSpec>;

/** The HAProxy configuration: forwards GET and HEAD requests for the allowed paths, answers 403 to everything else. */
export function proxyConfig(reads: readonly SocketRead[]): string {
  const allowed = allowedPaths(reads).map(
    (path) => `  http-request allow if { path_reg ^(/v1[.][0-9]+)?${path}$ }`,
  );
  return `global
  log stdout format raw daemon warning
  maxconn 200

defaults
  mode http
  log global
  option dontlognull
  timeout http-request 10s
  timeout connect 10s
  timeout queue 1m
  timeout client 1h
  timeout server 1h

frontend api
  bind :${PROXY_PORT}
  http-request deny deny_status 403 unless METH_GET
  http-request deny deny_status 403 if { path_sub .. }
${allowed.join("\n")}
  http-request deny deny_status 403
  default_backend engine

backend engine
  server socket ${DEFAULT_SOCKET}
`;
}
