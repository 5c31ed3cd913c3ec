/** A volume for the data of a container, which stays on the host when its container or the stack is removed. */
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import { CommandRunner } from "./command-runner";
import { fillScript } from "./fill-volume";
import { labelList } from "./labels";
import { DataMount } from "./model";
import { ComponentOptions, componentOptions, dependencies } from "./options";

export interface DataVolumeArgs {
  /** Mount point in the container. */
  readonly path: string;
  /** Set if the volume would otherwise not belong to the container's user. Default: the owner is left as it is. */
  readonly chown?: {
    /** `uid:gid` */
    readonly user: string;
    /** An image that contains `/bin/chown`. */
    readonly image: string;
    readonly host: CommandRunner;
  };
  /** See {@link DataMount}. */
  readonly copy?: DataMount["copy"];
  /** Whether a plan without the volume fails. Default true. Its data stays on the host in any case. */
  readonly protect?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  /** Name in reports. Default: the name of the resource. */
  readonly volume?: string;
}

/** A data volume as one container mounts it. */
export interface DataBinding extends DataMount {
  readonly copy: NonNullable<DataMount["copy"]>;
  readonly volumeName: pulumi.Output<string>;
  /** The container must depend on this resource. */
  readonly ready: pulumi.Resource;
}

/**
 * A volume that no deployment deletes. It is protected, so that a plan that would delete it fails, and retained, so that
 * even `pulumi destroy` leaves it on the host. An existing volume of the same name is adopted with its data.
 */
export class DataVolume extends pulumi.ComponentResource implements DataBinding {
  readonly kind = "data";
  readonly volume: string;
  readonly path: string;
  readonly chown: boolean;
  readonly copy: NonNullable<DataMount["copy"]>;
  readonly volumeName: pulumi.Output<string>;
  readonly ready: pulumi.Resource;

  constructor(name: string, args: DataVolumeArgs, opts: ComponentOptions = {}) {
    super("hardened:docker:DataVolume", name, {}, componentOptions(opts));
    const { path, chown, labels = {} } = args;
    this.volume = args.volume ?? name;
    this.path = path;
    this.chown = chown !== undefined;
    this.copy = args.copy ?? "live";
    const volume = new docker.Volume(
      name,
      { name, labels: labelList(labels, "data") },
      {
        parent: this,
        protect: args.protect ?? true,
        retainOnDelete: true,
        // Docker cannot change the labels of a volume, and new labels must not replace the data.
        ignoreChanges: ["labels"],
      },
    );
    this.volumeName = volume.name;
    this.ready =
      chown === undefined
        ? volume
        : chown.host.command(
            `${name}-owner`,
            {
              script: volume.name.apply((volume) =>
                fillScript({
                  volume,
                  image: chown.image,
                  labels,
                  files: [MARK],
                  chown: chown.user,
                }),
              ),
              triggers: [volume.name, chown.user],
              once: true,
            },
            { parent: this, hideDiffs: ["stdin"], dependsOn: dependencies(opts) },
          );
    this.registerOutputs({ volumeName: this.volumeName });
  }

  /** The same volume in another container. */
  sharedAs({ path, readOnly = false }: Pick<DataMount, "path" | "readOnly">): DataBinding {
    const { kind, volume, volumeName, ready } = this;
    return { kind, volume, path, chown: false, copy: "never", readOnly, volumeName, ready };
  }
}

/** Docker resets an *empty* volume to the image's owner whenever it creates a container. */
const MARK = {
  path: ".hardened",
  mode: 0o444,
  content: Buffer.from("The owner of this folder was set when the volume was made.\n"),
};
