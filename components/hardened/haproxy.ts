/**
 * A Docker socket proxy: HAProxy with an allow-list of whole paths. Pure.
 * The image's own switches allow prefixes: with CONTAINERS, the files (`/archive`) and logs of every container can be read,
 * and the secrets in them. Paths: https://docs.docker.com/reference/api/engine/
 */
import { DEFAULT_SOCKET } from "../../host/address";
import { ContainerSpec } from "./model";

const ID = "[a-zA-Z0-9][a-zA-Z0-9_.-]*";
const IMAGE = "[a-zA-Z0-9][a-zA-Z0-9_.:@/-]*";

/**
 * What a client may ask of Docker, each a whole path. None gives files, logs or a terminal, nor the list of processes: its
 * query goes to `ps` on the host, which shows the environment of every process there.
 */
const READS = {
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

export type SocketRead = keyof typeof READS;

export const PROXY_PORT = 2375;

/** Name of the proxy of one client, and where that client reaches it. */
export const proxyName = (client: string): string => `socket-proxy-${client}`;
export const proxyEndpoint = (client: string): string => `tcp://${proxyName(client)}:${PROXY_PORT}`;

/** HAProxy's own user in its image. */
const USER = "99:99";
const CONFIG_FOLDER = "/etc/socket-proxy";

/** The paths that a proxy lets through, as regular expressions without the API's version. The health check asks for the first. */
export const allowedPaths = (reads: readonly SocketRead[]): readonly string[] =>
  [...new Set<SocketRead>(["ping", ...reads])].map((read) => READS[read]);

/** The files of a proxy, to be mounted at `path`. */
export const proxyFiles = (
  reads: readonly SocketRead[],
): { readonly path: string; readonly files: Readonly<Record<string, string>> } => ({
  path: CONFIG_FOLDER,
  files: { "haproxy.cfg": proxyConfig(reads) },
});

/** What a proxy is, apart from its image, files and network. */
export const PROXY_SPEC = {
  user: USER,
  memoryMiB: 64,
  cpus: 0.25,
  // HAProxy itself: the image's entry point would write a configuration of its own, which allows more.
  entrypoint: ["haproxy", "-db", "-f", `${CONFIG_FOLDER}/haproxy.cfg`],
  tmpfs: { "/run": 1, "/tmp": 1 },
  // 503 when the socket cannot be reached, so it proves the whole way.
  health: {
    command: ["wget", "-q", "-O", "/dev/null", `http://127.0.0.1:${PROXY_PORT}/_ping`],
    startSeconds: 10,
  },
  exemptions: [
    {
      control: "dockerSocket",
      value: true,
      reason: "it is what keeps the socket away from everything else; it only lets reads through",
    },
  ],
} as const satisfies Partial<ContainerSpec>;

/** Lets GET and HEAD of the paths through to the socket and answers 403 to everything else. */
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
