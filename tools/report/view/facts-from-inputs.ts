import { ContainerInputs, RecordedContainer } from "../../model/containers";
import { ContainerFacts, Mount } from "./facts";

/** A container as the program would make it. */
export function factsFromInputs({
  name,
  service,
  pidsLimit,
  inputs,
}: RecordedContainer): ContainerFacts {
  return {
    name,
    service,
    image: inputs.image,
    command: [...(inputs.entrypoints ?? []), ...(inputs.command ?? [])],
    user: inputs.user ?? "",
    capDrop: inputs.capabilities?.drops ?? [],
    capAdd: inputs.capabilities?.adds ?? [],
    privileged: inputs.privileged ?? false,
    readOnlyRootfs: inputs.readOnly ?? false,
    securityOpts: inputs.securityOpts ?? [],
    memory: (inputs.memory ?? 0) * 1024 ** 2,
    cpus: Number(inputs.cpus ?? 0),
    cpuShares: inputs.cpuShares ?? 0,
    pidsLimit,
    ulimits: (inputs.ulimits ?? []).map(({ name: limit }) => limit),
    mounts: byTarget((inputs.volumes ?? []).map(mount)),
    devices: (inputs.devices ?? []).map(({ hostPath }) => hostPath),
    networks: networks(inputs),
    namespaces: {
      pid: inputs.pidMode ?? "",
      ipc: inputs.ipcMode ?? "",
      // The provider has no field for it.
      uts: "",
      user: inputs.usernsMode ?? "",
    },
    cgroupParent: inputs.cgroupParent ?? "",
    restart: { policy: inputs.restart ?? "no", retries: inputs.maxRetryCount ?? 0 },
    ports: (inputs.ports ?? []).map(({ ip, external, internal, protocol }) => ({
      address: ip ?? "0.0.0.0",
      published: external,
      internal,
      protocol: protocol ?? "tcp",
    })),
    healthCheck: hasCheck(inputs.healthcheck?.tests),
  };
}

function networks({ networkMode, networksAdvanced }: ContainerInputs): readonly string[] {
  const joined = (networksAdvanced ?? []).map(({ name }) => name);
  if (networkMode === "host" || networkMode === "none") return [networkMode];
  return joined.length === 0 ? ["bridge"] : joined;
}

const mount = (volume: NonNullable<ContainerInputs["volumes"]>[number]): Mount => ({
  kind: volume.hostPath === undefined ? "volume" : "host path",
  source: volume.hostPath ?? volume.volumeName ?? "",
  target: volume.containerPath,
  writable: volume.readOnly !== true,
  propagation: "",
});

/** `NONE` switches off the check that an image brings. */
export const hasCheck = (test: readonly string[] | undefined): boolean =>
  test !== undefined && test.length > 0 && test[0] !== "NONE";

/** The engine lists mounts in no order of its own. */
export const byTarget = (mounts: readonly Mount[]): Mount[] =>
  [...mounts].sort((a, b) => (a.target < b.target ? -1 : 1));
