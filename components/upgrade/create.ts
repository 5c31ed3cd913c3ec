/** A container of the model by `docker create`, under every control of the policy; for trials. Pure. */
import { ContainerModel, isWritable, tmpfsMounts } from "../hardened/model";
import { quote } from "../../host/shell-quote";

export interface CreateOptions {
  /** Words of `docker create` before the image, as shell text: name, labels, network. */
  readonly before: string;
  /** Shell text for the volume that stands for a data mount, by its path. */
  readonly data: Readonly<Record<string, string>>;
  /** Shell text for the volume that stands for live files, by their path. Default: there are none. */
  readonly live?: Readonly<Record<string, string>>;
  /** Shell variable with the id of the deployed container whose other files and secrets it shares. */
  readonly like: string;
  /** Instead of the container's own command. */
  readonly command?: readonly string[];
  /** Shell text of the file for what Docker says: it warns of settings that are meant. Default: its stderr. */
  readonly errors?: string;
}

/** Shell text that prints the new container's id. Ports, host paths, devices and the Docker socket stay out. */
export function createScript(model: ContainerModel, options: CreateOptions): string {
  const { controls, entrypoint, mounts, environment, secretEnvironment, shmMiB, health } = model;
  const memory = `${controls.memoryMiB}m`;
  const words = [
    `docker create ${options.before} --dns 127.0.0.1 --restart no${health?.command.length === 0 ? "" : " --no-healthcheck"} --log-driver json-file --log-opt max-size=10m`,
    `--user ${quote(controls.user)} --cap-drop ALL`,
    ...controls.capabilities.map((name) => `--cap-add ${quote(name)}`),
    ...(controls.noNewPrivileges ? ["--security-opt no-new-privileges:true"] : []),
    ...(controls.readOnlyRootfs ? ["--read-only"] : []),
    `--ipc private --memory ${memory} --memory-swap ${memory} --cpus ${controls.cpus}`,
    `--pids-limit ${controls.pidsLimit} --ulimit nofile=${controls.openFiles}:${controls.openFiles}`,
    ...(shmMiB === undefined ? [] : [`--shm-size ${shmMiB}m`]),
    ...Object.entries(tmpfsMounts(model)).map(
      ([path, options]) => `--tmpfs ${quote(`${path}:${options}`)}`,
    ),
    ...(model.groups ?? []).map((group) => `--group-add ${quote(group)}`),
    ...(model.workingDir === undefined ? [] : [`--workdir ${quote(model.workingDir)}`]),
    ...(model.init === true ? ["--init"] : []),
    ...mounts.flatMap((mount) => {
      if (mount.kind === "data")
        return [
          `--volume "${options.data[mount.path] ?? ""}":${quote(`${mount.path}${isWritable(mount) ? "" : ":ro"}`)}`,
        ];
      if (mount.kind === "files" || mount.kind === "secrets") {
        const volume =
          options.live?.[mount.path] ?? `$(volume_at "$${options.like}" ${quote(mount.path)})`;
        return [`--volume "${volume}":${quote(`${mount.path}:ro`)}`];
      }
      return [];
    }),
    ...Object.entries(environment).map(([name, value]) => `--env ${quote(`${name}=${value}`)}`),
    ...Object.keys(secretEnvironment).map((name) => `--env ${name}`),
    ...(entrypoint?.[0] === undefined ? [] : [`--entrypoint ${quote(entrypoint[0])}`]),
    quote(model.image),
    ...[...(entrypoint?.slice(1) ?? []), ...(options.command ?? model.command ?? [])].map(quote),
  ];
  const secrets = Object.keys(secretEnvironment).map(
    (name) =>
      `${name}=$(docker inspect --format '{{range .Config.Env}}{{println .}}{{end}}' "$${options.like}" | sed -n 's/^${name}=//p')
export ${name}
`,
  );
  const errors = options.errors === undefined ? "" : ` 2>${options.errors}`;
  return `${secrets.join("")}${words.join(" ")}${errors}`;
}
