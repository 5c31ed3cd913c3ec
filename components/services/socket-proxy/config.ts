/**
 * HAProxy's configuration for a Docker socket proxy: an allow-list of whole paths. Pure.
 * The image's own switches open prefixes: with CONTAINERS, the files (`/archive`) and logs of every container are readable,
 * and so are the secrets in them. Paths: https://docs.docker.com/reference/api/engine/
 */

const ID = "[a-zA-Z0-9][a-zA-Z0-9_.-]*";
const IMAGE = "[a-zA-Z0-9][a-zA-Z0-9_.:@/-]*";

/**
 * What a consumer may ask of Docker, each a whole path. None gives files, logs or a terminal, nor the list of processes: its
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

/** Lets GET and HEAD of the paths through to the socket and answers 403 to everything else. */
export function proxyConfig(reads: readonly SocketRead[], socketPath: string): string {
  // The health check asks for the first one.
  const allowed = [...new Set<SocketRead>(["ping", ...reads])].map(
    (read) => `  http-request allow if { path_reg ^(/v1[.][0-9]+)?${READS[read]}$ }`,
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
  server socket ${socketPath}
`;
}
