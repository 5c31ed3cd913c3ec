import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import { cgroupParent, EngineCgroups, hostCgroupPaths } from "../../host/cgroups";
import { DataVolume } from "./data-volume";
import { FileVolume, NamedSecret } from "./file-volume";
import { labelList, NAME_LABEL } from "./labels";
import {
  ContainerModel,
  containerModel,
  ContainerSpec,
  FilesMount,
  FIXED,
  HostMount,
  Mount,
  SocketMount,
  goDuration,
  nameServers,
  tmpfsOptions,
} from "./model";
import { Link } from "./networks";
import { ComponentOptions, componentOptions, dependencies } from "./options";
import { detached, StartHooks, startScript } from "./start";

/** The Docker socket and the group that may use it. The numeric id of that group differs between hosts. */
export interface SocketBinding extends SocketMount {
  readonly group: pulumi.Input<string>;
}

/** Runs a shell script on the Docker host. {@link DockerHost} in host/docker-host.ts implements it. */
export interface CommandRunner {
  command(
    name: string,
    args: { readonly script: pulumi.Input<string>; readonly triggers: pulumi.Input<string>[] },
    opts?: pulumi.CustomResourceOptions,
  ): command.local.Command;
  /** How the engine manages control groups. */
  cgroups(): pulumi.Output<EngineCgroups>;
}

export interface HardenedContainerArgs extends Omit<
  ContainerSpec,
  "name" | "mounts" | "networks" | "secretEnvironment"
> {
  /** Network alias, and the name in reports. Default: the name of the resource. */
  readonly alias?: string;
  readonly mounts?: readonly (FileVolume | DataVolume | HostMount | SocketBinding)[];
  readonly networks: readonly Link[];
  readonly secretEnvironment?: Readonly<Record<string, NamedSecret>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly host: CommandRunner;
  /** Shell functions around its start, such as one that sets it up. Default: none. */
  readonly hooks?: StartHooks;
  /** Image with `/bin/sh`, `cp` and `wget`, for copies of data volumes and questions. Default: the container's own. */
  readonly toolImage?: string;
  /** What must be there before it starts; it is created, stopped, without that. */
  readonly startAfter?: pulumi.Input<pulumi.Resource[]>;
  /** Any text; another one than last time starts the container again where it has stopped. */
  readonly restarted?: string;
}

/** Inputs whose change takes a new container. The provider would report an update and not carry it out. */
const REPLACE_ON = ["tmpfs", "init", "healthcheck"];

/**
 * A container under the whole policy. Nothing else in the program creates one that keeps running. It is created stopped, beside
 * the one that it replaces, and started by a script on the host (start.sh) that puts the old one back where the new one does
 * not work: so a failed replacement takes nothing away, whatever becomes of Pulumi or the connection meanwhile.
 */
export class HardenedContainer extends pulumi.ComponentResource {
  readonly model: ContainerModel;
  readonly container: docker.Container;
  /** There once the container runs and works. */
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
    this.container = new docker.Container(
      name,
      {
        image: args.image,
        labels: labelList({ ...labels, [NAME_LABEL]: name }, "container"),
        start: false,
        mustRun: false,
        ...processArgs(this.model, secretEnvironment),
        ...restrictionArgs(this.model),
        ...storageArgs(this.model, mounts, host),
        ...cgroupArgs(this.model, host),
        ...healthArgs(this.model),
        // Otherwise Docker attaches the container to its default bridge, which has internet access.
        ...(networks.length === 0 && { networkMode: "none" }),
        ...(servers.length > 0 && { dns: [...servers] }),
        networksAdvanced: networks.map(({ network }) => ({ name: network.name, aliases: [alias] })),
        ports: this.model.ports.map(({ address, published, internal }) => ({
          ip: address,
          external: published,
          internal,
          protocol: "tcp",
        })),
      },
      {
        parent: this,
        replaceOnChanges: REPLACE_ON,
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
      { parent: this, ...(args.startAfter && { dependsOn: args.startAfter }) },
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

/** The model for Pulumi's state. File contents are left out: the uploads of the init container already have them. */
const withoutFileContents = (model: ContainerModel): ContainerModel => ({
  ...model,
  mounts: model.mounts.map((mount) =>
    mount.kind === "files"
      ? { ...mount, files: Object.fromEntries(Object.keys(mount.files).map((file) => [file, ""])) }
      : mount,
  ),
});

/** The mount as plain data, without Pulumi resources. */
function mountModel(mount: FileVolume | DataVolume | HostMount | SocketBinding): Mount {
  switch (mount.kind) {
    case "data":
      return {
        kind: mount.kind,
        volume: mount.volume,
        path: mount.path,
        chown: mount.chown,
        copy: mount.copy,
      };
    case "host":
    case "socket":
      return { kind: mount.kind, source: mount.source, path: mount.path };
    default: {
      const { kind, volume, path, files }: FilesMount = mount;
      return { kind, volume, path, files };
    }
  }
}

function processArgs(
  { entrypoint, command: argv, environment, stopGraceSeconds, shmMiB }: ContainerModel,
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
  privileged,
  capDrop,
}: ContainerModel): Partial<docker.ContainerArgs> => ({
  user: controls.user,
  capabilities: { drops: [...capDrop], adds: [...controls.capabilities] },
  readOnly: controls.readOnlyRootfs,
  ...(controls.noNewPrivileges && { securityOpts: ["no-new-privileges:true"] }),
  privileged,
  ipcMode: FIXED.ipc,
  init: false,
  memory: controls.memoryMiB,
  memorySwap: controls.memoryMiB,
  cpus: decimal(controls.cpus),
  ulimits: [{ name: "nofile", soft: controls.openFiles, hard: controls.openFiles }],
  restart: FIXED.restart,
  logDriver: FIXED.logging.driver,
  logOpts: FIXED.logging.options,
});

function storageArgs(
  { controls, tmpfs }: ContainerModel,
  mounts: NonNullable<HardenedContainerArgs["mounts"]>,
  host: CommandRunner,
): Partial<docker.ContainerArgs> {
  const groups = mounts.flatMap((mount) => (mount.kind === "socket" ? [mount.group] : []));
  const volumes = mounts.map((mount) =>
    "volumeName" in mount
      ? {
          volumeName: mount.volumeName,
          containerPath: mount.path,
          ...(mount.kind !== "data" && { readOnly: true }),
        }
      : readOnly(mount.source, mount.path),
  );
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
    tmpfs: Object.fromEntries(
      Object.entries(tmpfs).map(([path, size]) => [path, tmpfsOptions(size, controls.user)]),
    ),
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
