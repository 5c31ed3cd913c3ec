/** Checks that all containers are healthy and all routes answer. */
import { setTimeout as sleep } from "node:timers/promises";

import { quote } from "../../../host/shell-quote";
import { ROLE_LABEL } from "../../../components/hardened/labels";
import { ContainerModel } from "../../../components/hardened/model";
import { isUp } from "../../../components/stopped";
import { HostError, HostShell } from "../../../host/shell";
import {
  Inventory,
  inventoryProblem,
  inventoryScript,
  isNamed,
  LiveContainer,
  parseInventory,
} from "./inventory";
import { RouteProbe } from "./routes";

/**
 * Prints `route=<host> <status>` for each route. Status 000: no answer; `---`: no tool for a request; `uncertified`: Traefik
 * answers, but has no certificate for the name. Uses curl or wget on the host, or wget in the Traefik container. Only curl
 * can send a TLS request for a name to another address. `timeout` limits wget, which may retry or have no timeout option.
 */
export function probeScript(stack: string, probes: readonly RouteProbe[]): string {
  return `first() { sed -n 's/.*HTTP\\/[0-9.]* \\([0-9][0-9][0-9]\\).*/\\1/p' | head -n 1; }
traefik() { docker ps -q --filter ${quote(`label=pinned-stack.stack=${stack}`)} --filter label=pinned-stack.container=traefik | head -n 1; }
ask() {
  if command -v curl >/dev/null; then
    curl -s -k -o /dev/null -m 5 --noproxy '*' -w '%{http_code}' --connect-to "$2:$3:$4:$3" "$1://$2:$3$6" || :
  elif command -v wget >/dev/null; then
    timeout 5 wget -S -O /dev/null --no-check-certificate --header "Host: $2" "$1://$4:$3$6" 2>&1 | first
  else
    inside=$(traefik)
    if [ -n "$inside" ] && docker exec "$inside" timeout 5 wget --help >/dev/null 2>&1; then
      docker exec "$inside" timeout 5 wget -S -O /dev/null --no-check-certificate --header "Host: $2" "$1://127.0.0.1:$5$6" 2>&1 | first
    else echo ---
    fi
  fi
}
probe() {
  code=$(ask "$1" "$2" "$3" "$4" "$5" "$6")
  if [ "\${code:-000}" = 000 ] && [ -n "$7" ]; then
    case $(ask http "$2" "$7" "$4" 80 /) in 30?) if command -v curl >/dev/null; then code=uncertified; else code=---; fi;; esac
  fi
  if [ "\${8:-}" = any ] && [ "\${code:-000}" = 404 ]; then code=204; fi
  printf 'route=%s %s\\n' "$2" "\${code:-000}"
}
${probes
  .map(
    ({ scheme, host, port, address, path, redirectPort, anyAnswer }) =>
      `probe ${scheme} ${quote(host)} ${port} ${quote(address)} ${scheme === "http" ? 80 : 443} ${path} ${quote(String(redirectPort ?? ""))}${anyAnswer === true ? " any" : ""}\n`,
  )
  .join("")}`;
}

/** Time limit of a probe, ms. With ACME there are up to two for each route. */
const PROBE_MS = 5_000;

export interface Health {
  /** One line each; empty if everything is healthy. */
  readonly problems: readonly string[];
  /** Missing certificates, one line each. They do not fail a deployment. */
  readonly notes: readonly string[];
}

/** Any status below 500 except 404, which Traefik sends for an unknown route. */
const isGood = (status: string): boolean =>
  status === "---" || (/^[1-4]/.test(status) && status !== "404");

export function healthOf(
  declared: readonly ContainerModel[],
  live: Inventory,
  routes: string,
): Health {
  const unhealthy = declared.flatMap((container) => {
    const mine = live.containers.filter((one) => isNamed(one, container.name));
    const problem = containerProblem(container, mine);
    return problem === undefined ? [] : [`${container.name} ${problem}`];
  });
  const answers = routes.split("\n").flatMap((line) => {
    const [, host = "", status = ""] = /^route=(\S+) (\S+)$/.exec(line) ?? [];
    return host === "" ? [] : [{ host, status }];
  });
  const uncertified = answers.filter(({ status }) => status === UNCERTIFIED);
  return {
    problems: [
      ...unhealthy,
      ...answers
        .filter(({ status }) => status !== UNCERTIFIED && !isGood(status))
        .map(({ host, status }) =>
          status === "000" ? `${host} does not answer` : `${host} answers ${status}`,
        ),
    ],
    notes: uncertified.map(
      ({ host }) => `${host} has no certificate yet; if it gets none, see the log of Traefik`,
    ),
  };
}

const UNCERTIFIED = "uncertified";

function containerProblem(
  { controls: { healthCheck } }: ContainerModel,
  all: readonly LiveContainer[],
): string | undefined {
  // A failed deployment leaves containers behind that do not run, until the next one removes them.
  const up = all.filter(({ state }) => isUp(state.Status));
  const [first, ...others] = up.length > 0 ? up : all;
  if (first === undefined) return "does not exist";
  if (up.length > 1) return `has ${others.length + 1} running containers`;
  const { state } = first;
  if (state.Status !== "running")
    return `is ${state.Status}${state.Status === "exited" ? ` with code ${state.ExitCode}` : ""}`;
  if (!healthCheck) return undefined;
  const health = state.Health?.Status ?? "without a health check";
  return health === "healthy" ? undefined : `is ${health}`;
}

export interface HealthOptions {
  /** Time limit, ms. Default 60 000. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal;
}

/** Checks every second until everything is healthy or the time limit is reached. An unreachable host is unhealthy. */
export async function waitUntilHealthy(
  shell: HostShell,
  stack: string,
  declared: readonly ContainerModel[],
  probes: readonly RouteProbe[],
  { timeoutMs = 60_000, signal }: HealthOptions = {},
): Promise<Health> {
  const end = Date.now() + timeoutMs;
  const scriptMs = 30_000 + probes.length * 2 * PROBE_MS;
  const script = `${inventoryScript(stack)}${probeScript(stack, probes)}`;
  for (;;) {
    const health = await shell(script, { signal, timeoutMs: scriptMs }).then(
      (answer) =>
        answer.code === 0
          ? healthOf(declared, parseInventory(answer.stdout), answer.stdout)
          : unreachable(inventoryProblem(answer)),
      (error: unknown) => {
        // A broken connection may recover.
        if (error instanceof HostError) return unreachable(error.message);
        throw error;
      },
    );
    if (health.problems.length === 0 || Date.now() >= end) return health;
    await sleep(1000, undefined, { ...(signal && { signal }) });
  }
}

const unreachable = (problem: string): Health => ({ problems: [problem], notes: [] });

/** Prints the state and the last log lines of each unhealthy container. */
export function logsScript(stack: string): string {
  return `for id in $(docker ps -aq --filter ${quote(`label=pinned-stack.stack=${stack}`)} --filter label=${ROLE_LABEL}=container); do
  state=$(docker inspect --format '{{.State.Status}}{{if .State.Health}} {{.State.Health.Status}}{{end}}' "$id" 2>/dev/null) || continue
  case $state in running|running\\ healthy|created) continue;; esac
  name=$(docker inspect --format '{{index .Config.Labels "pinned-stack.container"}}' "$id")
  printf '%s is %s; its last log lines:\\n' "$name" "$state"
  docker logs --tail 15 "$id" 2>&1 | sed 's/^/  | /' || :
done
`;
}
