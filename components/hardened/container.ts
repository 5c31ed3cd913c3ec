/** A container under the policy: its Docker resource, and the command that starts it in place of the previous one. */
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import { cgroupParent, hostCgroupPaths } from "../../host/cgroups";
import { CommandRunner } from "./command-runner";
import { DataBinding } from "./data-volume";
import { FileVolume, NamedSecret } from "./file-volume";
import { labelList, NAME_LABEL } from "./labels";
import {
  ContainerModel,
  containerModel,
  ContainerSpec,
  DEVICE_PERMISSIONS,
  FilesMount,
  FIXED,
  HostMount,
  Mount,
  SocketMount,
  goDuration,
  KEPT_INPUTS,
  isWritable,
  nameServers,
  protocolOf,
  tmpfsMounts,
} from "./model";
import { Link } from "./networks";
import { ComponentOptions, componentOptions, dependencies } from "./options";
import { detached, StartHooks, startScript } from "./start";

/** The Docker socket and the group that may use it. The numeric id of that group differs between hosts. */
export interface SocketBinding extends SocketMount {
  readonly group: pulumi.Input<string>;
}

/** A mount with its resources. */
export type Binding = FileVolume | DataBinding | HostMount | SocketBinding;

export interface HardenedContainerArgs extends Omit<
  ContainerSpec,
  "name" | "mounts" | "networks" | "secretEnvironment"
> {
  /** Network alias, and the name in reports. Default: the name of the resource. */
  readonly alias?: string;
  readonly mounts?: readonly Binding[];
  readonly networks: readonly Link[];
  readonly secretEnvironment?: Readonly<Record<string, NamedSecret>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly host: CommandRunner;
  /** Shell functions around its start, such as one that sets it up. Default: none. */
  readonly hooks?: StartHooks;
  /** Image with `/bin/sh`, `cp` and `wget`, for copies of data volumes and questions. Default: the container's own. */
  readonly toolImage?: string;
  /** Resources that must exist before it starts. It is created, stopped, without waiting for them. */
  readonly startAfter?: Promise<pulumi.Resource[]> | pulumi.Resource[];
  /** Any text. If it differs from the previous deployment, a stopped container is started again. */
  readonly restarted?: string;
}

/** Inputs whose change requires a new container. The provider would report an update in place, but not perform it. */
const REPLACE_ON = ["tmpfs", "init", "healthcheck"];

/**
 * A container under the whole policy. Only this class creates long-running containers. The new container is created stopped,
 * beside the old one. A script on the host (start.sh) then starts it, and restarts the old one if the new one does not work. The
 * script finishes even if Pulumi is killed or the connection breaks.
 */
export class HardenedContainer extends pulumi.ComponentResource {
  readonly model: ContainerModel;
  readonly container: docker.Container;
  /** Created when the container runs and works. */
  readonly started: pulumi.Resource;

  /** Throws a {@link HardeningError} that lists all violations of the policy. */
  constructor(name: string, args: HardenedContainerArgs, opts: ComponentOptions = {}) {
    super("hardened:docker:Container", name, {}, componentOptions(opts));
    const { alias = name, mounts = [], networks, secretEnvironment = {}, labels = {}, host } = args;
    this.model = containerModel({
      ...args,
      name: alias,
      mounts: mounts.map(mountModel),
      networks: networks.map((link) => ({ name: link.name, internal: link.internal })),
      secretEnvironment: Object.fromEntries(
        Object.entries(secretEnvironment).map(([variable, { secret }]) => [variable, secret]),
      ),
    });
    const servers = nameServers(this.model);
    const process = processArgs(this.model, secretEnvironment);
    this.container = new docker.Container(
      name,
      {
        image: args.image,
        labels: labelList({ ...labels, [NAME_LABEL]: name }, "container"),
        start: false,
        mustRun: false,
        ...process,
        ...restrictionArgs(this.model),
        ...storageArgs(this.model, mounts, host),
        ...cgroupArgs(this.model, host),
        ...healthArgs(this.model),
        // Otherwise Docker attaches the container to its default bridge, which has internet access.
        ...(networks.length === 0 && { networkMode: "none" }),
        ...(servers.length > 0 && { dns: [...servers] }),
        networksAdvanced: networks.map(({ network }) => ({ name: network.name, aliases: [alias] })),
        ports: this.model.ports.map((port) => ({
          ip: port.address,
          external: port.published,
          internal: port.internal,
          protocol: protocolOf(port),
        })),
      },
      {
        parent: this,
        replaceOnChanges: REPLACE_ON,
        replacementTrigger: JSON.stringify(KEPT_INPUTS.map((key) => process[key])),
        // The provider would have it deleted first.
        deleteBeforeReplace: false,
        dependsOn: dependencies(
          opts,
          ...mounts.flatMap((mount) => ("ready" in mount ? [mount.ready] : [])),
        ),
      },
    );
    const script = detached(
      startScript({
        model: this.model,
        name,
        toolImage: args.toolImage ?? args.image,
        ...args.hooks,
      }),
    );
    this.started = host.command(
      `${name}-start`,
      {
        script: pulumi.interpolate`export new=${this.container.id}\n${script}`,
        triggers: [this.container.id, args.restarted ?? ""],
      },
      { parent: this, dependsOn: startAfter(args) },
    );
    this.registerOutputs({
      containerId: this.container.id,
      // Resolved after the container exists, so that the state never describes a container that was not created.
      model: pulumi.runtime.isDryRun()
        ? withoutFileContents(this.model)
        : this.container.id.apply(() => withoutFileContents(this.model)),
    });
  }
}

/** Files that are written in place are there before the start, not before the container. */
const startAfter = async ({
  startAfter = [],
  mounts = [],
}: HardenedContainerArgs): Promise<pulumi.Resource[]> => [
  ...(await startAfter),
  ...mounts.flatMap((mount) => ("written" in mount && mount.written ? [mount.written] : [])),
];

/** The model for Pulumi's state. File contents are left out: the command that writes them already has them. */
const withoutFileContents = (model: ContainerModel): ContainerModel => ({
  ...model,
  mounts: model.mounts.map((mount) =>
    mount.kind === "files"
      ? { ...mount, files: Object.fromEntries(Object.keys(mount.files).map((file) => [file, ""])) }
      : mount,
  ),
});

/** The mount as plain data, without Pulumi resources. */
function mountModel(mount: Binding): Mount {
  switch (mount.kind) {
    case "data":
      return {
        kind: mount.kind,
        volume: mount.volume,
        path: mount.path,
        chown: mount.chown,
        copy: mount.copy,
        ...(mount.readOnly === true && { readOnly: true }),
      };
    case "host":
      return {
        kind: mount.kind,
        source: mount.source,
        path: mount.path,
        ...(mount.writable === true && { writable: true }),
      };
    case "socket":
      return { kind: mount.kind, source: mount.source, path: mount.path };
    default: {
      const { kind, volume, path, files, live }: FilesMount = mount;
      return { kind, volume, path, files, ...(live && { live }) };
    }
  }
}

function processArgs(
  { entrypoint, command: argv, workingDir, environment, stopGraceSeconds, shmMiB }: ContainerModel,
  secrets: Readonly<Record<string, NamedSecret>>,
): Partial<docker.ContainerArgs> {
  const variables: Readonly<Record<string, pulumi.Input<string>>> = {
    ...environment,
    ...Object.fromEntries(
      Object.entries(secrets).map(([name, { value }]) => [name, pulumi.secret(value)]),
    ),
  };
  return {
    ...(entrypoint && { entrypoints: [...entrypoint] }),
    ...(argv && { command: [...argv] }),
    ...(workingDir !== undefined && { workingDir }),
    envs: Object.entries(variables)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => pulumi.interpolate`${key}=${value}`),
    // The engine uses the first when it stops the container, the provider the second. Without the second, the provider
    // sends SIGKILL immediately.
    stopTimeout: stopGraceSeconds,
    destroyGraceSeconds: stopGraceSeconds,
    ...(shmMiB !== undefined && { shmSize: shmMiB }),
  };
}

/** The policy as container inputs, spelled as the provider reads them back. Other spellings would show up as a diff. */
const restrictionArgs = ({
  controls,
  devices = [],
  init = false,
  privileged,
  capDrop,
}: ContainerModel): Partial<docker.ContainerArgs> => ({
  user: controls.user,
  capabilities: { drops: [...capDrop], adds: [...controls.capabilities] },
  readOnly: controls.readOnlyRootfs,
  ...(controls.noNewPrivileges && { securityOpts: ["no-new-privileges:true"] }),
  privileged,
  ipcMode: FIXED.ipc,
  init,
  ...(devices.length > 0 && {
    devices: devices.map(({ source, path }) => ({
      hostPath: source,
      containerPath: path,
      permissions: DEVICE_PERMISSIONS,
    })),
  }),
  memory: controls.memoryMiB,
  memorySwap: controls.memoryMiB,
  cpus: decimal(controls.cpus),
  ulimits: [{ name: "nofile", soft: controls.openFiles, hard: controls.openFiles }],
  restart: FIXED.restart,
  logDriver: FIXED.logging.driver,
  logOpts: FIXED.logging.options,
});

function storageArgs(
  model: ContainerModel,
  mounts: NonNullable<HardenedContainerArgs["mounts"]>,
  host: CommandRunner,
): Partial<docker.ContainerArgs> {
  const { controls, groups: own = [] } = model;
  const groups = [
    ...own,
    ...mounts.flatMap((mount) => (mount.kind === "socket" ? [mount.group] : [])),
  ];
  const volumes = mounts.map((mount) => {
    const writable = isWritable(mountModel(mount));
    return "volumeName" in mount
      ? {
          volumeName: mount.volumeName,
          containerPath: mount.path,
          ...(!writable && { readOnly: true }),
        }
      : { hostPath: mount.source, containerPath: mount.path, readOnly: !writable };
  });
  return {
    volumes: controls.hostCgroups
      ? host
          .cgroups()
          .apply((engine) => [
            ...volumes,
            ...hostCgroupPaths(engine).map((path) => readOnly(path, path)),
          ])
      : volumes,
    ...(groups.length > 0 && { groupAdds: groups }),
    tmpfs: tmpfsMounts(model),
  };
}

const readOnly = (hostPath: string, containerPath: string) => ({
  hostPath,
  containerPath,
  readOnly: true,
});

const cgroupArgs = (
  { cgroup, controls }: ContainerModel,
  host: CommandRunner,
): Partial<docker.ContainerArgs> => ({
  ...(cgroup && { cgroupParent: host.cgroups().apply((engine) => cgroupParent(cgroup, engine)) }),
  ...(controls.hostCgroups && { cgroupnsMode: "host" }),
});

function healthArgs({ health }: ContainerModel): Partial<docker.ContainerArgs> {
  if (health === undefined) return { healthcheck: { tests: ["NONE"] } };
  // Without settings of its own, the container has those of its image.
  if (health.command.length === 0) return {};
  const { interval, timeout, retries } = FIXED.health;
  return {
    healthcheck: {
      tests: ["CMD", ...health.command],
      interval: goDuration(interval),
      timeout: goDuration(timeout),
      retries,
      startPeriod: goDuration(health.startSeconds),
    },
  };
}

/** The provider reads CPUs back with a decimal point: 1 as "1.0". */
function decimal(cpus: number): string {
  const rounded = Number(cpus.toFixed(3));
  return Number.isInteger(rounded) ? `${rounded}.0` : String(rounded);
}
