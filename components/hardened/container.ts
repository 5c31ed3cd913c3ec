import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import { DataVolume } from "./data-volume";
import { FileVolume, NamedSecret } from "./file-volume";
import { labelList } from "./labels";
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
  tmpfsOptions,
} from "./model";
import { Link } from "./networks";
import { ComponentOptions, componentOptions, dependencies } from "./options";

/** Docker's socket with the group that may use it, which only the host can name. */
export interface SocketBinding extends SocketMount {
  readonly group: pulumi.Input<string>;
}

/** Runs a shell script on the host of the containers (host/docker-host.ts). */
export interface CommandRunner {
  command(
    name: string,
    args: { readonly script: pulumi.Input<string>; readonly triggers: pulumi.Input<string>[] },
    opts?: pulumi.CustomResourceOptions,
  ): command.local.Command;
}

export interface HardenedContainerArgs extends Omit<
  ContainerSpec,
  "name" | "mounts" | "networks" | "secretEnvironment"
> {
  /** Name in the networks and in reports. Default: the resource's. */
  readonly alias?: string;
  readonly mounts?: readonly (FileVolume | DataVolume | HostMount | SocketBinding)[];
  readonly networks: readonly Link[];
  readonly secretEnvironment?: Readonly<Record<string, NamedSecret>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly host: CommandRunner;
}

/**
 * Inputs whose change takes a new container. The provider would report an update and not carry it out; `#initerror` is a
 * container that never became healthy.
 */
const REPLACE_ON = ["tmpfs", "init", "healthcheck", "#initerror"];

/** A container under the whole policy. Nothing else in the program creates one that keeps running. */
export class HardenedContainer extends pulumi.ComponentResource {
  readonly model: ContainerModel;
  readonly container: docker.Container;

  /** Throws a {@link HardeningError} with everything that breaks the policy. */
  constructor(name: string, args: HardenedContainerArgs, opts: ComponentOptions) {
    super("hardened:docker:Container", name, {}, componentOptions(opts));
    const { alias = name, mounts = [], networks, secretEnvironment = {}, labels = {}, host } = args;
    this.model = containerModel({
      ...args,
      name: alias,
      mounts: mounts.map(plainMount),
      networks: networks.map((link) => ({ name: link.name, internal: link.internal })),
      secretEnvironment: Object.fromEntries(
        Object.entries(secretEnvironment).map(([variable, { secret }]) => [variable, secret]),
      ),
    });
    const stopFirst = this.model.order === "stop-first";
    this.container = new docker.Container(
      name,
      {
        // Two containers exist side by side while the new one starts, so start-first ones get a random suffix.
        ...(stopFirst && { name }),
        image: args.image,
        labels: labelList(labels, "container"),
        ...processArgs(this.model, secretEnvironment),
        ...restrictionArgs(this.model),
        ...storageArgs(this.model, mounts),
        ...healthArgs(this.model),
        // Without it Docker would choose its default network, which leads to the internet.
        ...(networks.length === 0 && { networkMode: "none" }),
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
        deleteBeforeReplace: stopFirst,
        replaceOnChanges: REPLACE_ON,
        dependsOn: dependencies(
          opts,
          ...mounts.flatMap((mount) => ("ready" in mount ? [mount.ready] : [])),
        ),
      },
    );
    // The provider has no field for it.
    host.command(
      `${name}-process-limit`,
      {
        script: pulumi.interpolate`docker update --pids-limit ${this.model.controls.pidsLimit} ${this.container.id} >/dev/null\n`,
        triggers: [this.container.id],
      },
      { parent: this },
    );
    this.registerOutputs({
      containerId: this.container.id,
      // Registered with the container, so that the state never describes one that was not created.
      model: pulumi.runtime.isDryRun()
        ? recorded(this.model)
        : this.container.id.apply(() => recorded(this.model)),
    });
  }
}

/** The model as Pulumi's state keeps it: without what files say, which the state has in the uploads already. */
const recorded = (model: ContainerModel): ContainerModel => ({
  ...model,
  mounts: model.mounts.map((mount) =>
    mount.kind === "files"
      ? { ...mount, files: Object.fromEntries(Object.keys(mount.files).map((file) => [file, ""])) }
      : mount,
  ),
});

/** A mount without its resources. */
function plainMount(mount: FileVolume | DataVolume | HostMount | SocketBinding): Mount {
  switch (mount.kind) {
    case "data":
      return { kind: mount.kind, volume: mount.volume, path: mount.path, chown: mount.chown };
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
  { entrypoint, command: words, environment, stopGraceSeconds, shmMiB }: ContainerModel,
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
    ...(words && { command: [...words] }),
    envs: Object.entries(variables)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => pulumi.interpolate`${key}=${value}`),
    // The daemon uses the first when it stops the container, the provider the second; unset, it is SIGKILL at once.
    stopTimeout: stopGraceSeconds,
    destroyGraceSeconds: stopGraceSeconds,
    ...(shmMiB !== undefined && { shmSize: shmMiB }),
  };
}

/** The policy as container inputs, in the spelling that the provider reads back, so that nothing ever seems changed. */
const restrictionArgs = ({ controls }: ContainerModel): Partial<docker.ContainerArgs> => ({
  user: controls.user,
  capabilities: { drops: ["ALL"], adds: [...controls.capabilities] },
  readOnly: controls.readOnlyRootfs,
  ...(controls.noNewPrivileges && { securityOpts: ["no-new-privileges:true"] }),
  privileged: false,
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
): Partial<docker.ContainerArgs> {
  const groups = mounts.flatMap((mount) => (mount.kind === "socket" ? [mount.group] : []));
  return {
    volumes: mounts.map((mount) =>
      "volumeName" in mount
        ? {
            volumeName: mount.volumeName,
            containerPath: mount.path,
            ...(mount.kind !== "data" && { readOnly: true }),
          }
        : { hostPath: mount.source, containerPath: mount.path, readOnly: true },
    ),
    ...(groups.length > 0 && { groupAdds: groups }),
    tmpfs: Object.fromEntries(
      Object.entries(tmpfs).map(([path, size]) => [path, tmpfsOptions(size, controls.user)]),
    ),
  };
}

function healthArgs({ health }: ContainerModel): Partial<docker.ContainerArgs> {
  if (health === undefined) return { healthcheck: { tests: ["NONE"] } };
  const { command: words, startSeconds } = health;
  const { interval, timeout, retries } = FIXED.health;
  return {
    healthcheck: {
      tests: ["CMD", ...words],
      interval: goDuration(interval),
      timeout: goDuration(timeout),
      retries,
      startPeriod: goDuration(startSeconds),
    },
    wait: true,
    // The provider waits to the end even when the container exited long ago, so this is no longer than it has to be.
    waitTimeout: startSeconds + interval * (retries + 1),
  };
}

/** The provider reads CPUs back with a fraction: 1 as "1.0". */
function decimal(cpus: number): string {
  const rounded = Number(cpus.toFixed(3));
  return Number.isInteger(rounded) ? `${rounded}.0` : String(rounded);
}
