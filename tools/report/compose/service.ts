import { ContainerInputs, inStack, RecordedContainer } from "../../model/containers";
import { isSecret, LATER } from "../../model/synth";
import { ComposeSecret } from "./secrets";
import { plain, required } from "./text";
import { hasCheck } from "../view/facts-from-inputs";

export interface ComposeContext {
  readonly stack: string;
  readonly platform: string;
  /** Path of the Docker socket on the host. */
  readonly socket: string;
  readonly containers: readonly RecordedContainer[];
  /** Those that the Compose file has too. */
  readonly helpers: readonly RecordedContainer[];
  readonly secrets: readonly ComposeSecret[];
}

export const SOCKET_GROUP = "DOCKER_SOCKET_GID";

/** A service with the restrictions of the program's container, setting by setting. */
export function composeService(container: RecordedContainer, context: ComposeContext): object {
  const { inputs } = container;
  const { stack, platform, secrets, socket } = context;
  const own = secrets.filter(({ reader }) => reader === container.name);
  const after = dependencies(container, context);
  return {
    image: inputs.image,
    platform,
    ...(inputs.entrypoints && { entrypoint: inputs.entrypoints.map(plain) }),
    ...(inputs.command && { command: inputs.command.map(plain) }),
    ...((inputs.envs ?? []).length > 0 && { environment: environment(inputs) }),
    ...restrictions(container, socket),
    ...storage(inputs, own, stack),
    ...(own.length > 0 && {
      secrets: own.map(({ name, target }) => ({ source: name, target })),
    }),
    ...health(inputs),
    networks: (inputs.networksAdvanced ?? []).map(({ name }) => inStack(name, stack)),
    ...((inputs.ports ?? []).length > 0 && {
      ports: (inputs.ports ?? []).map(({ ip, external, internal, protocol }) => ({
        target: internal,
        published: String(external),
        host_ip: ip,
        protocol,
      })),
    }),
    ...(inputs.stopTimeout !== undefined && { stop_grace_period: `${inputs.stopTimeout}s` }),
    ...(Object.keys(after).length > 0 && { depends_on: after }),
  };
}

function restrictions({ inputs, pidsLimit }: RecordedContainer, socket: string): object {
  return {
    user: inputs.user,
    ...(inputs.groupAdds && { group_add: inputs.groupAdds.map((id) => group(id, socket)) }),
    cap_drop: inputs.capabilities?.drops ?? [],
    ...((inputs.capabilities?.adds ?? []).length > 0 && { cap_add: inputs.capabilities?.adds }),
    read_only: inputs.readOnly ?? false,
    ...((inputs.securityOpts ?? []).length > 0 && { security_opt: inputs.securityOpts }),
    privileged: inputs.privileged ?? false,
    ipc: inputs.ipcMode,
    init: inputs.init ?? false,
    mem_limit: `${inputs.memory ?? 0}m`,
    memswap_limit: `${inputs.memorySwap ?? 0}m`,
    cpus: Number(inputs.cpus ?? 0),
    pids_limit: pidsLimit,
    ulimits: Object.fromEntries(
      (inputs.ulimits ?? []).map(({ name, soft, hard }) => [name, { soft, hard }]),
    ),
    ...(inputs.shmSize !== undefined && { shm_size: `${inputs.shmSize}m` }),
    restart: inputs.restart,
    logging: { driver: inputs.logDriver, options: inputs.logOpts },
  };
}

/** The host says the socket's group only when it is asked. */
const group = (id: string, socket: string): string =>
  id === LATER ? required(SOCKET_GROUP, `stat -c %g ${socket} on the host`) : id;

function environment({ envs }: ContainerInputs): Record<string, string> {
  return Object.fromEntries(
    (envs ?? []).map((line) => {
      const [name = ""] = line.split("=", 1);
      return [
        name,
        isSecret(line)
          ? required(name, "a secret of this stack")
          : plain(line.slice(name.length + 1)),
      ];
    }),
  );
}

function storage(inputs: ContainerInputs, own: readonly ComposeSecret[], stack: string): object {
  // Volumes with secrets are no more: each file is mounted by itself.
  const mounts = (inputs.volumes ?? []).filter(
    ({ containerPath }) => !own.some(({ target }) => target.startsWith(`${containerPath}/`)),
  );
  return {
    ...(mounts.length > 0 && {
      volumes: mounts.map(({ volumeName, hostPath, containerPath, readOnly }) => ({
        type: volumeName === undefined ? "bind" : "volume",
        source: volumeName === undefined ? hostPath : inStack(volumeName, stack),
        target: containerPath,
        ...(readOnly === true && { read_only: true }),
      })),
    }),
    ...(Object.keys(inputs.tmpfs ?? {}).length > 0 && {
      tmpfs: Object.entries(inputs.tmpfs ?? {}).map(([path, options]) => `${path}:${options}`),
    }),
  };
}

function health({ healthcheck }: ContainerInputs): object {
  if (healthcheck === undefined) return {};
  if (!hasCheck(healthcheck.tests)) return { healthcheck: { disable: true } };
  const { tests, interval, timeout, retries, startPeriod } = healthcheck;
  return {
    healthcheck: {
      test: tests.map(plain),
      interval,
      timeout,
      retries,
      start_period: startPeriod,
    },
  };
}

/** What has to be there first: helpers that have ended, services that are healthy. */
function dependencies(
  { dependsOn, inputs }: RecordedContainer,
  { stack, containers, helpers }: ComposeContext,
): Record<string, { readonly condition: string }> {
  const before = containers.filter(({ resource }) =>
    dependsOn.some(({ type, name }) => type.endsWith(":Container") && name === resource),
  );
  // The program waits for the volume of a helper that gives it away, not for the files alone.
  const volumes = (inputs.volumes ?? []).map(({ volumeName }) => volumeName);
  const filling = helpers.filter((helper) =>
    helper.inputs.volumes?.some(({ volumeName }) => volumes.includes(volumeName)),
  );
  const conditions: (readonly [string, { readonly condition: string }])[] = [
    ...filling.map(
      ({ resource }) =>
        [inStack(resource, stack), { condition: "service_completed_successfully" }] as const,
    ),
    ...before
      .filter(({ role }) => role === "service")
      .map(
        ({ name, inputs: { healthcheck } }) =>
          [
            name,
            { condition: hasCheck(healthcheck?.tests) ? "service_healthy" : "service_started" },
          ] as const,
      ),
  ];
  return Object.fromEntries(conditions);
}
