import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import { initContainerArgs } from "./init-container";
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
  };
  /** See {@link DataMount}. */
  readonly copy?: DataMount["copy"];
  /** Whether a plan without the volume fails. Default true. Its data stays on the host in any case. */
  readonly protect?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  /** Name in reports. Default: the name of the resource. */
  readonly volume?: string;
}

/**
 * A volume that no deployment deletes. It is protected, so that a plan that would delete it fails, and retained, so that
 * even `pulumi destroy` leaves it on the host. An existing volume of the same name is adopted with its data.
 */
export class DataVolume extends pulumi.ComponentResource implements DataMount {
  readonly kind = "data";
  readonly volume: string;
  readonly path: string;
  readonly chown: boolean;
  readonly copy: NonNullable<DataMount["copy"]>;
  readonly volumeName: pulumi.Output<string>;
  /** The container must depend on this resource. */
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
        : new docker.Container(
            `${name}-owner`,
            initContainerArgs({
              image: chown.image,
              volumeName: volume.name,
              path,
              // Docker resets an *empty* volume to the image's owner whenever it creates a container, so add a file.
              uploads: [
                {
                  file: `${path}/.hardened`,
                  content: "The owner of this folder was set when the volume was made.\n",
                  permissions: "0444",
                },
              ],
              chown: chown.user,
              unreadableFolders: true,
              labels,
            }),
            {
              parent: this,
              ignoreChanges: ["image"],
              replaceOnChanges: ["#initerror"],
              dependsOn: dependencies(opts),
            },
          );
    this.registerOutputs({ volumeName: this.volumeName });
  }
}
