/** Whether what runs is healthy and every route answers. Pure but for the caller's shell. */
import { parse } from "yaml";

import { StackConfig } from "../config";
import { CONTAINER, Model } from "../model/synth";
import { DeclaredContainer, plainFiles } from "./declared";
import { HostShell, quote } from "./host-shell";
import { Inventory, inventoryScript, LiveContainer, parseInventory } from "./inventory";

/** A host name that Traefik serves. */
export interface RouteProbe {
  readonly host: string;
  readonly scheme: "http" | "https";
  readonly port: number;
  /** Where the host reaches Traefik: the published address, or this machine for "any". */
  readonly address: string;
  readonly path: string;
}

/** The routes from the very file that Traefik gets. */
export function routeProbes(model: Pick<Model, "stack" | "resources" | "config">): RouteProbe[] {
  const loader = model.resources.find(
    ({ type, name }) => type === CONTAINER && name === `${model.stack}-traefik-config-loader`,
  );
  const files = loader === undefined ? undefined : plainFiles(loader);
  const text = Object.entries(files ?? {}).find(([file]) => file.endsWith("/routes.yml"))?.[1];
  if (text === undefined) return [];
  const routers = (
    parse(text) as {
      http?: { routers?: Record<string, { rule?: string; service?: string }> };
    }
  ).http?.routers;
  const { publish, tls }: StackConfig = model.config;
  const secure = tls.mode !== "none";
  return Object.values(routers ?? {}).flatMap(({ rule, service }) => {
    const host = /^Host\(`([^`]+)`\)$/.exec(rule ?? "")?.[1];
    if (host === undefined) return [];
    return {
      host,
      scheme: secure ? ("https" as const) : ("http" as const),
      port: secure ? publish.https : publish.http,
      address: LOCAL[publish.address] ?? bracketed(publish.address),
      // The dashboard's own page is somewhere else in each version; its API is not.
      path: service === "api@internal" ? "/api/version" : "/",
    };
  });
}

const LOCAL: Readonly<Partial<Record<string, string>>> = { "0.0.0.0": "127.0.0.1", "::": "[::1]" };
const bracketed = (address: string): string => (address.includes(":") ? `[${address}]` : address);

/**
 * Prints `route=<host> <status>`, 000 without an answer, `---` where nothing can ask. On the host by curl or wget, through
 * the published port; else by the wget in Traefik's own image.
 */
export function probeScript(stack: string, probes: readonly RouteProbe[]): string {
  return `first() { sed -n 's/.*HTTP\\/[0-9.]* \\([0-9][0-9][0-9]\\).*/\\1/p' | head -n 1; }
probe() {
  if command -v curl >/dev/null; then
    code=$(curl -s -k -o /dev/null -m 5 --noproxy '*' -w '%{http_code}' --connect-to "$2:$3:$4:$3" "$1://$2:$3$6") || :
  elif command -v wget >/dev/null; then
    code=$(wget -S -T 5 -O /dev/null --no-check-certificate --header "Host: $2" "$1://$4:$3$6" 2>&1 | first)
  else
    traefik=$(docker ps -q --filter ${quote(`label=pinned-stack.stack=${stack}`)} --filter label=pinned-stack.container=traefik | head -n 1)
    if [ -n "$traefik" ] && docker exec "$traefik" wget --help >/dev/null 2>&1; then
      code=$(docker exec "$traefik" wget -S -T 5 -O /dev/null --no-check-certificate --header "Host: $2" "$1://127.0.0.1:$5$6" 2>&1 | first)
    else code=---
    fi
  fi
  printf 'route=%s %s\\n' "$2" "\${code:-000}"
}
${probes
  .map(
    ({ scheme, host, port, address, path }) =>
      `probe ${scheme} ${quote(host)} ${port} ${quote(address)} ${scheme === "http" ? 80 : 443} ${path}\n`,
  )
  .join("")}`;
}

export interface Health {
  /** What is wrong, one line each; empty: all is well. */
  readonly problems: readonly string[];
  /** Names of the containers that are to blame. */
  readonly containers: readonly string[];
}

/** An answer below 500 that is not Traefik's "no such route". */
const isGood = (status: string): boolean =>
  status === "---" || (/^[1-4]/.test(status) && status !== "404");

export function healthOf(
  declared: readonly DeclaredContainer[],
  live: Inventory,
  routes: string,
): Health {
  const sick = declared.flatMap((container) => {
    const mine = live.containers.filter(
      ({ labels }) =>
        labels["pinned-stack.role"] === "service" &&
        labels["pinned-stack.container"] === container.name,
    );
    const problem = containerProblem(container, mine);
    return problem === undefined ? [] : [{ name: container.name, problem }];
  });
  const unanswered = routes.split("\n").flatMap((line) => {
    const [, host = "", status = ""] = /^route=(\S+) (\S+)$/.exec(line) ?? [];
    if (host === "" || isGood(status)) return [];
    return [status === "000" ? `${host} does not answer` : `${host} answers ${status}`];
  });
  return {
    problems: [...sick.map(({ name, problem }) => `${name} ${problem}`), ...unanswered],
    containers: sick.map(({ name }) => name),
  };
}

function containerProblem(
  { healthCheck }: DeclaredContainer,
  [first, ...others]: readonly LiveContainer[],
): string | undefined {
  if (first === undefined) return "is not there";
  if (others.length > 0) return `is there ${others.length + 1} times`;
  const { state } = first;
  if (state.Status !== "running")
    return `is ${state.Status}${state.Status === "exited" ? ` with code ${state.ExitCode}` : ""}`;
  if (!healthCheck) return undefined;
  const health = state.Health?.Status ?? "without a health check";
  return health === "healthy" ? undefined : `is ${health}`;
}

export interface VerifyOptions {
  /** Milliseconds until all must be well. Default 60 000. */
  readonly patienceMs?: number;
  readonly signal?: AbortSignal;
}

/** Asks again every second until all is well or the patience is over. */
export async function verify(
  shell: HostShell,
  stack: string,
  declared: readonly DeclaredContainer[],
  probes: readonly RouteProbe[],
  { patienceMs = 60_000, signal }: VerifyOptions = {},
): Promise<Health> {
  const end = Date.now() + patienceMs;
  const script = `${inventoryScript(stack)}${probeScript(stack, probes)}`;
  for (;;) {
    const { code, stdout, stderr } = await shell(script, { ...(signal && { signal }) });
    const health: Health =
      code === 0
        ? healthOf(declared, parseInventory(stdout), stdout)
        : { problems: [`docker on the host: ${stderr.trim()}`], containers: [] };
    if (health.problems.length === 0 || Date.now() >= end) return health;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/** The last lines of each container that is not well, `name| line`. */
export function logsScript(stack: string, lines = 15): string {
  return `for id in $(docker ps -aq --filter ${quote(`label=pinned-stack.stack=${stack}`)} --filter label=pinned-stack.role=service); do
  state=$(docker inspect --format '{{.State.Status}}{{if .State.Health}} {{.State.Health.Status}}{{end}}' "$id" 2>/dev/null) || continue
  case $state in running|running\\ healthy) continue;; esac
  name=$(docker inspect --format '{{index .Config.Labels "pinned-stack.container"}}' "$id")
  printf '%s is %s; its last lines:\\n' "$name" "$state"
  docker logs --tail ${lines} "$id" 2>&1 | sed 's/^/  | /' || :
done
`;
}
