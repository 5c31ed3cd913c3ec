/**
 * A service that has to stop before its successor starts is tried first: the new image with the new files under the full
 * restrictions, without network and ports, beside the one that runs. Pure; the caller's shell runs the script.
 */
import { randomUUID } from "node:crypto";
import { tmpfsOptions } from "../../../components/hardened/model";
import { ContainerModel, FileContent } from "../../../components/hardened/model";
import { StackModel } from "../../../components/model";
import { DEFINITIONS } from "../../../components/services";
import { quote } from "../../../host/shell-quote";
import { Refused, Run, UNTOUCHED } from "../context";
import { Plan } from "../plan/plan";
import { RouteProbe, routeProbes } from "./routes";

/** Whether a service is tried before it is replaced. */
export const isRehearsed = (service: string): boolean =>
  DEFINITIONS.some(({ name, rehearse }) => name === service && rehearse === true);

export interface RehearsedVolume {
  readonly volume: string;
  readonly path: string;
  /** By path inside the volume. */
  readonly files: Readonly<Record<string, FileContent>>;
}

export interface Rehearsal {
  readonly stack: string;
  /** Name of the trial, another one each time: a trial that was given up may still run when the next one starts. */
  readonly run: string;
  readonly container: ContainerModel;
  readonly volumes: readonly RehearsedVolume[];
  /** Host names that a request inside must find a route for; none where that cannot be asked. */
  readonly routes: readonly Pick<RouteProbe, "host" | "path">[];
  readonly scheme: "http" | "https";
  /** Seconds until it must be healthy. */
  readonly seconds: number;
}

/** The files that the program would bring for the container; secrets stay out. */
export const rehearsedVolumes = (run: string, { mounts }: ContainerModel): RehearsedVolume[] =>
  mounts.flatMap((mount, index) =>
    mount.kind === "files"
      ? [{ volume: `${run}-${index}`, path: mount.path, files: mount.files }]
      : [],
  );

/** The stack, for those who clean up after a trial, and the trial itself. */
const labelsOf = ({ stack, run }: Pick<Rehearsal, "stack" | "run">): readonly string[] => [
  `pinned-stack.rehearsal=${stack}`,
  `pinned-stack.rehearsal-run=${run}`,
];

/** `docker` with these words starts the trial. Every control is that of the declaration. */
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
      // Empty folders in memory instead of its data.
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
 * Exits 0 when the trial was good; else 1, with the reason on stderr and the container's last lines after it. Removes
 * first what an earlier one may have left, and all that it made itself, however it ends.
 */
export function rehearsalScript(rehearsal: Rehearsal): string {
  const { run, volumes, container, routes, scheme, seconds } = rehearsal;
  const name = quote(run);
  const labels = labelsOf(rehearsal);
  const [ofStack = "", ofRun = ""] = labels.map(quote);
  return `trap '' PIPE
work=$(mktemp -d)
clean() {
  for left in $(docker ps -aq --filter label="$1"); do docker rm -f "$left" >/dev/null 2>&1 || :; done
  for left in $(docker volume ls -q --filter label="$1"); do docker volume rm "$left" >/dev/null 2>&1 || :; done
}
mine=${ofRun}
trap 'rm -rf "$work"; clean "$mine"' EXIT
trap 'exit 1' HUP INT TERM
clean ${ofStack}
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

/** The files go through a container that never starts, as they do in the deployment. */
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
loader=$(docker create --network none ${labelled} --volume ${quote(`${volume}:${path}`)} ${quote(image)})
docker cp ${folder}/. "$loader:"${quote(path)} >/dev/null
docker rm "$loader" >/dev/null
`;
}

const base64 = (content: FileContent): string =>
  typeof content === "object" && "base64" in content
    ? content.base64
    : Buffer.from(typeof content === "string" ? content : "").toString("base64");

/**
 * A route leads nowhere without a network, so 502 and the like are good answers; only "no such route" is not. An image
 * without wget is judged by its health alone.
 */
function routeScript(
  name: string,
  scheme: "http" | "https",
  { host, path }: Pick<RouteProbe, "host" | "path">,
): string {
  const port = scheme === "http" ? 80 : 443;
  const url = `${scheme}://127.0.0.1:${port}${path}`;
  return `said=$(docker exec ${name} timeout 5 wget -S -O /dev/null --no-check-certificate --header ${quote(`Host: ${host}`)} ${url} 2>&1 || :)
case $said in *' 404'*) fail ${quote(`traefik: has no route for ${host}`)};; esac
`;
}

/** Seconds in which the trial must be healthy. */
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
        // With ACME a name without its certificate gets no answer at all.
        routes: mode === "acme" ? [] : routeProbes(model),
        scheme: mode === "none" ? "http" : "https",
        seconds: REHEARSAL_SECONDS,
      }),
      { signal, timeoutMs: (REHEARSAL_SECONDS + 60) * 1000 },
    );
    if (code !== 0) throw new Refused(`${stderr.trim()}\n${UNTOUCHED}`);
    reporter.log(`${name} started and became healthy beside the running one`);
  }
}
