import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import { DEFAULT_SOCKET } from "../../host/address";
import { FileVolume } from "./file-volume";
import {
  Controls,
  controlsWith,
  Exemptible,
  Exemption,
  HardeningError,
  Measures,
  restrictionRow,
  RestrictionRow,
  sameValue,
} from "./policy";
import { Link } from "./networks";

/** What a service is, apart from the policy. */
export interface ContainerSpec {
  /** The name other containers reach it by, and the end of the container's name. */
  readonly name: string;
  /** The service whose row of the restrictions table it belongs to. Default: `name`. */
  readonly service?: string;
  readonly image: docker.RemoteImage;
  /** The service's own user and limits, within the policy. */
  readonly measures?: Measures;
  readonly exemptions?: readonly Exemption[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, pulumi.Input<string>>>;
  /** Secrets that the program in the image reads from nowhere else; each takes an exemption. */
  readonly secretEnvironment?: Readonly<Record<string, pulumi.Input<string>>>;
  /** Mounted read-only. */
  readonly files?: readonly FileVolume[];
  /** Mounted for writing, and kept: their owner inside is the image's or was set before. */
  readonly data?: readonly { readonly volume: pulumi.Input<string>; readonly path: string }[];
  /** Mounted read-only; each takes an exemption. */
  readonly hostPaths?: readonly { readonly host: string; readonly path: string }[];
  /** The Docker socket and the group that may use it; takes an exemption. */
  readonly dockerSocket?: { readonly path: string; readonly group: pulumi.Input<string> };
  /** Writable folders in memory, owned by the service's user: path to size in MiB. They count as its memory. */
  readonly scratchMiB?: Readonly<Record<string, number>>;
  /** What proves that it works, as an argument vector. Without one it takes an exemption. */
  readonly health?: HealthCheck;
  readonly networks: readonly Link[];
  /** Published on the host; each takes an exemption. */
  readonly ports?: readonly PublishedPort[];
  /** Seconds between the stop signal and SIGKILL. Default 10. */
  readonly stopGraceSeconds?: number;
  /** Size of /dev/shm, MiB. Default: Docker's 64. */
  readonly shmMiB?: number;
  /** What must be there, and healthy, before it starts. */
  readonly after: readonly pulumi.Resource[];
}

export interface HealthCheck {
  readonly command: readonly string[];
  /** Failures in this time after the start do not count, seconds. Default 30. */
  readonly startSeconds?: number;
}

export interface PublishedPort {
  readonly address: string;
  readonly published: number;
  readonly internal: number;
}

/** `start first`: the new container must be healthy before the old one goes. `stop first`: the old one makes room. */
export type ReplaceOrder = "start first" | "stop first";

/** A published port and a volume that is written to cannot have two users at a time; everything else can. */
export const replaceOrder = (
  ports: readonly unknown[] = [],
  written: readonly unknown[] = [],
): ReplaceOrder => (ports.length === 0 && written.length === 0 ? "start first" : "stop first");

/** Seconds between two health checks. */
const HEALTH_INTERVAL = 5;
/** Failed checks in a row that make a container unhealthy. */
const HEALTH_RETRIES = 5;

/**
 * Changes that the provider would report and not carry out (facts: silent no-ops of its update), and a container that
 * never got healthy: all of them need a new container.
 */
const REPLACE_ON = ["tmpfs", "init", "healthcheck", "#initerror"];

/** A container under the whole policy: the only place in the program that makes one which runs. */
export class HardenedContainer extends pulumi.ComponentResource {
  readonly container: docker.Container;
  readonly controls: Controls;
  readonly restrictions: RestrictionRow;
  readonly order: ReplaceOrder;

  constructor(stack: string, spec: ContainerSpec, opts: pulumi.ComponentResourceOptions) {
    const name = `${stack}-${spec.name}`;
    super("pinned-stack:index:HardenedContainer", name, {}, opts);
    const service = spec.service ?? spec.name;
    const exemptions = spec.exemptions ?? [];
    this.controls = controlsWith(service, spec.measures ?? {}, exemptions);
    refuseUnlessUsed(service, this.controls, spec);
    this.order = replaceOrder(spec.ports, spec.data);
    this.restrictions = restrictionRow(service, spec.name, this.controls, exemptions);
    this.container = new docker.Container(
      name,
      {
        // Two containers live side by side while the new one starts, so those get a random end to their name.
        ...(this.order === "stop first" && { name }),
        image: spec.image.name,
        labels: labels(stack, service, spec.name, this.controls),
        ...program(spec),
        ...restrictions(this.controls),
        ...storage(spec, this.controls.user),
        ...health(spec.health),
        networksAdvanced: spec.networks.map(({ network }) => ({
          name: network.name,
          aliases: [spec.name],
        })),
        ports: (spec.ports ?? []).map(({ address, published, internal }) => ({
          ip: address,
          external: published,
          internal,
          protocol: "tcp",
        })),
      },
      {
        parent: this,
        deleteBeforeReplace: this.order === "stop first",
        replaceOnChanges: REPLACE_ON,
        dependsOn: [...spec.after, ...(spec.files ?? []).map(({ loader }) => loader)],
      },
    );
    this.registerOutputs({ containerId: this.container.id });
  }
}

/** What drift detection, reports and people find on the container itself. */
const labels = (stack: string, service: string, name: string, controls: Controls) =>
  Object.entries({
    "pinned-stack.stack": stack,
    "pinned-stack.service": service,
    "pinned-stack.container": name,
    "pinned-stack.role": "service",
    "pinned-stack.pids-limit": String(controls.pidsLimit),
  }).map(([label, value]) => ({ label, value }));

function program(spec: ContainerSpec): Partial<docker.ContainerArgs> {
  const environment = { ...spec.environment, ...spec.secretEnvironment };
  const graceSeconds = spec.stopGraceSeconds ?? 10;
  return {
    ...(spec.entrypoint && { entrypoints: [...spec.entrypoint] }),
    ...(spec.command && { command: [...spec.command] }),
    envs: Object.entries(environment)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) =>
        spec.secretEnvironment?.[key] === undefined
          ? pulumi.interpolate`${key}=${value}`
          : pulumi.secret(pulumi.interpolate`${key}=${value}`),
      ),
    // Both: the daemon uses the first when it stops the container, the provider the second. Without it: SIGKILL at once.
    stopTimeout: graceSeconds,
    destroyGraceSeconds: graceSeconds,
    ...(spec.shmMiB !== undefined && { shmSize: spec.shmMiB }),
  };
}

/** The policy as container inputs, in the spelling that the provider reads back, so that nothing ever seems changed. */
function restrictions(controls: Controls): Partial<docker.ContainerArgs> {
  return {
    user: controls.user,
    capabilities: { drops: ["ALL"], adds: [...controls.capabilities] },
    readOnly: controls.readOnlyRootfs,
    ...(controls.noNewPrivileges && { securityOpts: ["no-new-privileges:true"] }),
    privileged: false,
    ipcMode: "private",
    init: false,
    memory: controls.memoryMiB,
    memorySwap: controls.memoryMiB,
    cpus: decimal(controls.cpus),
    ulimits: [{ name: "nofile", soft: controls.openFiles, hard: controls.openFiles }],
    restart: "unless-stopped",
    logDriver: "json-file",
    logOpts: { "max-size": "10m", "max-file": "3" },
  };
}

function storage(spec: ContainerSpec, user: string): Partial<docker.ContainerArgs> {
  const [uid = "0", gid = "0"] = user.split(":");
  return {
    volumes: [
      ...(spec.files ?? []).map(({ volumeName, path }) => ({
        volumeName,
        containerPath: path,
        readOnly: true,
      })),
      ...(spec.data ?? []).map(({ volume, path }) => ({ volumeName: volume, containerPath: path })),
      ...(spec.hostPaths ?? []).map(({ host, path }) => ({
        hostPath: host,
        containerPath: path,
        readOnly: true,
      })),
      ...(spec.dockerSocket === undefined
        ? []
        : [
            {
              hostPath: spec.dockerSocket.path,
              containerPath: DEFAULT_SOCKET,
              readOnly: true,
            },
          ]),
    ],
    ...(spec.dockerSocket && { groupAdds: [spec.dockerSocket.group] }),
    // uid and gid, because a tmpfs over a folder of the image belongs to root otherwise.
    tmpfs: Object.fromEntries(
      Object.entries(spec.scratchMiB ?? {}).map(([path, size]) => [
        path,
        `rw,noexec,nosuid,nodev,size=${size}m,uid=${uid},gid=${gid}`,
      ]),
    ),
  };
}

function health(check: HealthCheck | undefined): Partial<docker.ContainerArgs> {
  if (check === undefined) return { healthcheck: { tests: ["NONE"] } };
  const startSeconds = check.startSeconds ?? 30;
  return {
    healthcheck: {
      tests: ["CMD", ...check.command],
      interval: goDuration(HEALTH_INTERVAL),
      timeout: goDuration(HEALTH_INTERVAL),
      retries: HEALTH_RETRIES,
      startPeriod: goDuration(startSeconds),
    },
    wait: true,
    // It is waited out in full even when the container has long exited, so it is no longer than it has to be.
    waitTimeout: startSeconds + HEALTH_INTERVAL * (HEALTH_RETRIES + 1),
  };
}

/** A control that a service leaves without saying so, or an exemption for something that it does not do. */
function refuseUnlessUsed(service: string, controls: Controls, spec: ContainerSpec): void {
  const used: Partial<Pick<Controls, Exemptible>> = {
    publishedPorts: (spec.ports ?? []).map(({ internal }) => internal),
    outsideNetworks: spec.networks.filter(({ internal }) => !internal).map(({ name }) => name),
    hostPaths: (spec.hostPaths ?? []).map(({ host }) => host),
    dockerSocket: spec.dockerSocket !== undefined,
    environmentSecrets: Object.keys(spec.secretEnvironment ?? {}),
    healthCheck: spec.health !== undefined,
  };
  const problems = (Object.keys(used) as (keyof typeof used)[]).flatMap((control) => {
    const value = used[control] as Controls[Exemptible];
    return sameValue(value, controls[control])
      ? []
      : [
          `${service}: ${control} is ${JSON.stringify(value)} in the service and ${JSON.stringify(controls[control])} after its exemptions; give exactly that exemption with a reason`,
        ];
  });
  if (problems.length > 0) throw new HardeningError(problems);
}

/** The provider reads CPUs back with a fraction: 1 as "1.0". */
function decimal(cpus: number): string {
  const rounded = Number(cpus.toFixed(3));
  return Number.isInteger(rounded) ? `${rounded}.0` : String(rounded);
}

/** Docker reads durations back as Go prints them: 90 seconds as "1m30s". */
export function goDuration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const rest = `${seconds % 60}s`;
  if (hours > 0) return `${hours}h${minutes % 60}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}
