/**
 * Rehearses a stop-first service before its container is replaced: runs the new image with the new files under all
 * restrictions, but without networks, ports, secrets and data, beside the running container.
 */
import { randomUUID } from "node:crypto";
import { ContainerModel, FileContent, tmpfsOptions } from "../../../components/hardened/model";
import { StackModel } from "../../../components/model";
import { DEFINITIONS } from "../../../components/services";
import { quote } from "../../../host/shell-quote";
import { NOTHING_CHANGED, Refused, Run } from "../context";
import { Plan } from "../plan/plan";
import { RouteProbe, routeProbes } from "./routes";

const isRehearsed = (service: string): boolean =>
  DEFINITIONS.some(({ name, rehearse }) => name === service && rehearse === true);

interface RehearsedVolume {
  readonly volume: string;
  readonly path: string;
  /** By path inside the volume. */
  readonly files: Readonly<Record<string, FileContent>>;
}

export interface Rehearsal {
  readonly stack: string;
  /** Unique name of the container, because an aborted rehearsal may still be running. */
  readonly run: string;
  readonly container: ContainerModel;
  readonly volumes: readonly RehearsedVolume[];
  /** Requests inside the container must find these routes. */
  readonly routes: readonly Pick<RouteProbe, "host" | "path">[];
  readonly scheme: "http" | "https";
  /** Time limit for the container to become healthy, seconds. */
  readonly seconds: number;
}

/** The volumes of files, without those of secrets. */
const rehearsedVolumes = (run: string, { mounts }: ContainerModel): RehearsedVolume[] =>
  mounts.flatMap((mount, index) =>
    mount.kind === "files"
      ? [{ volume: `${run}-${index}`, path: mount.path, files: mount.files }]
      : [],
  );

/** By stack, to clean up after earlier rehearsals, and by run. */
const labelsOf = ({ stack, run }: Pick<Rehearsal, "stack" | "run">): readonly string[] => [
  `pinned-stack.rehearsal=${stack}`,
  `pinned-stack.rehearsal-run=${run}`,
];

/** Arguments for `docker`, with all controls of the container. Pure. */
export function rehearsalArguments({ stack, run, container, volumes }: Rehearsal): string[] {
  const { controls, mounts, tmpfs, environment, entrypoint, command, health } = container;
  const option = (name: string, values: readonly string[]): string[] =>
    values.flatMap((value) => [`--${name}`, value]);
  const memory = `${controls.memoryMiB}m`;
  return [
    "run",
    "--detach",
    ...option("name", [run]),
    ...option("label", labelsOf({ stack, run })),
    ...option("network", ["none"]),
    ...option("restart", ["no"]),
    ...option("user", [controls.user]),
    ...option("cap-drop", ["ALL"]),
    ...option("cap-add", controls.capabilities),
    ...option("security-opt", controls.noNewPrivileges ? ["no-new-privileges:true"] : []),
    ...(controls.readOnlyRootfs ? ["--read-only"] : []),
    ...option("ipc", ["private"]),
    ...option("memory", [memory]),
    ...option("memory-swap", [memory]),
    ...option("cpus", [String(controls.cpus)]),
    ...option("pids-limit", [String(controls.pidsLimit)]),
    ...option("ulimit", [`nofile=${controls.openFiles}:${controls.openFiles}`]),
    ...option("tmpfs", [
      ...Object.entries(tmpfs).map(
        ([path, size]) => `${path}:${tmpfsOptions(size, controls.user)}`,
      ),
      // Instead of the data.
      ...mounts.flatMap(({ kind, path }) =>
        kind === "data" ? [`${path}:${tmpfsOptions(16, controls.user)}`] : [],
      ),
    ]),
    ...option(
      "volume",
      volumes.map(({ volume, path }) => `${volume}:${path}:ro`),
    ),
    ...option(
      "env",
      Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    ),
    ...(health === undefined
      ? []
      : [
          ...option("health-cmd", [health.command.map(quote).join(" ")]),
          ...option("health-interval", ["1s"]),
          ...option("health-timeout", ["5s"]),
          ...option("health-retries", ["60"]),
        ]),
    ...(entrypoint?.[0] === undefined ? [] : option("entrypoint", [entrypoint[0]])),
    container.image,
    ...(entrypoint?.slice(1) ?? []),
    ...(command ?? []),
  ];
}

/**
 * Exits 0 if the rehearsal succeeded; else 1, with the reason and the container's last log lines on stderr. Removes what
 * earlier rehearsals of the stack left behind, and in any case what it created itself. Pure.
 */
export function rehearsalScript(rehearsal: Rehearsal): string {
  const { run, volumes, container, routes, scheme, seconds } = rehearsal;
  const name = quote(run);
  const labels = labelsOf(rehearsal);
  const [stackLabel = "", runLabel = ""] = labels.map(quote);
  return `trap '' PIPE
work=$(mktemp -d)
clean() {
  for id in $(docker ps -aq --filter label="$1"); do docker rm -f "$id" >/dev/null 2>&1 || :; done
  for id in $(docker volume ls -q --filter label="$1"); do docker volume rm "$id" >/dev/null 2>&1 || :; done
}
run=${runLabel}
trap 'rm -rf "$work"; clean "$run"' EXIT
trap 'exit 1' HUP INT TERM
clean ${stackLabel}
${volumes.map((volume) => volumeScript(labels, container.image, volume)).join("")}docker ${rehearsalArguments(rehearsal).map(quote).join(" ")} >/dev/null
state=starting
tries=0
while [ $tries -lt ${seconds} ]; do
  state=$(docker inspect --format '{{.State.Status}}{{if .State.Health}} {{.State.Health.Status}}{{end}}' ${name})
  case $state in running\\ healthy|exited*|dead*) break;; esac
  tries=$((tries + 1))
  sleep 1
done
fail() { printf '%s\\n' "$1" >&2; docker logs --tail 20 ${name} >&2 2>&1 || :; exit 1; }
[ "$state" = 'running healthy' ] || fail "${container.name}: not healthy within ${seconds} seconds, but $state"
${routes.map((route) => routeScript(name, scheme, route)).join("")}`;
}

/** Copies files into a volume through an init container that never starts, as the deployment does. */
function volumeScript(
  labels: readonly string[],
  image: string,
  { volume, path, files }: RehearsedVolume,
): string {
  const folder = `"$work"/${quote(volume)}`;
  const write = Object.entries(files).map(([file, content]) => {
    const target = `${folder}/${quote(file)}`;
    return `mkdir -p "$(dirname ${target})"
base64 -d >${target} <<'END'
${base64(content).replace(/.{1,76}/g, "$&\n")}END
`;
  });
  const labelled = labels.map((label) => `--label ${quote(label)}`).join(" ");
  return `docker volume create ${labelled} ${quote(volume)} >/dev/null
${write.join("")}chmod -R a+rX,go-w ${folder}
init=$(docker create --network none ${labelled} --volume ${quote(`${volume}:${path}`)} ${quote(image)})
docker cp ${folder}/. "$init:"${quote(path)} >/dev/null
docker rm "$init" >/dev/null
`;
}

const base64 = (content: FileContent): string =>
  typeof content === "object" && "base64" in content
    ? content.base64
    : Buffer.from(typeof content === "string" ? content : "").toString("base64");

/**
 * Fails on status 404, which means that Traefik has no such route. Other errors are expected, because the container has no
 * network. An image without wget passes.
 */
function routeScript(
  name: string,
  scheme: "http" | "https",
  { host, path }: Pick<RouteProbe, "host" | "path">,
): string {
  const port = scheme === "http" ? 80 : 443;
  const url = `${scheme}://127.0.0.1:${port}${path}`;
  return `output=$(docker exec ${name} timeout 5 wget -S -O /dev/null --no-check-certificate --header ${quote(`Host: ${host}`)} ${url} 2>&1 || :)
case $output in *' 404'*) fail ${quote(`traefik: no route for ${host}`)};; esac
`;
}

const REHEARSAL_SECONDS = 40;

export async function rehearse(
  { stack, shell, signal, reporter }: Run,
  plan: Plan,
  model: StackModel,
): Promise<void> {
  for (const { name, service, action } of plan.containers) {
    const container = model.containers.find((one) => one.name === name);
    if (container === undefined || action !== "replaced" || !isRehearsed(service)) continue;
    reporter.stage(`rehearsal of ${name}`);
    const run = `${stack}-rehearsal-${randomUUID().slice(0, 8)}`;
    const { mode } = model.ingress.tls;
    const { code, stderr } = await shell(
      rehearsalScript({
        stack,
        run,
        container,
        volumes: rehearsedVolumes(run, container),
        // With ACME, Traefik does not answer without a certificate.
        routes: mode === "acme" ? [] : routeProbes(model),
        scheme: mode === "none" ? "http" : "https",
        seconds: REHEARSAL_SECONDS,
      }),
      { signal, timeoutMs: (REHEARSAL_SECONDS + 60) * 1000 },
    );
    if (code !== 0) throw new Refused(`${stderr.trim()}\n${NOTHING_CHANGED}`);
    reporter.log(`the new ${name} became healthy beside the running one`);
  }
}
