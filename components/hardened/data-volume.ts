import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import { initContainerArgs } from "./init-container";
import { labelList } from "./labels";
import { DataMount } from "./model";
import { ComponentOptions, componentOptions, dependencies } from "./options";

export interface DataVolumeArgs {
  /** Where the container mounts it. */
  readonly path: string;
  /** Set where the image would not leave the volume to the container's user. */
  readonly chown?: {
    /** `uid:gid` */
    readonly user: string;
    /** An image with `/bin/chown`. */
    readonly image: string;
  };
  readonly labels?: Readonly<Record<string, string>>;
  /** Name in reports. Default: the resource's. */
  readonly volume?: string;
}

/**
 * A volume that no deployment deletes: protected, so that a plan fails instead, and retained, so that even `destroy` leaves
 * it on the host. A volume of the same name that is there already is taken over with its data.
 */
export class DataVolume extends pulumi.ComponentResource implements DataMount {
  readonly kind = "data";
  readonly volume: string;
  readonly path: string;
  readonly chown: boolean;
  readonly volumeName: pulumi.Output<string>;
  /** What the container must wait for. */
  readonly ready: pulumi.Resource;

  constructor(name: string, args: DataVolumeArgs, opts: ComponentOptions) {
    super("hardened:docker:DataVolume", name, {}, componentOptions(opts));
    const { path, chown, labels = {} } = args;
    this.volume = args.volume ?? name;
    this.path = path;
    this.chown = chown !== undefined;
    const volume = new docker.Volume(
      name,
      { name, labels: labelList(labels, "data") },
      {
        parent: this,
        protect: true,
        retainOnDelete: true,
        // Docker cannot change the labels of a volume; a newer program must not replace the data for them.
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
              // Docker resets an *empty* volume to the image's owner whenever it creates a container.
              uploads: [
                {
                  file: `${path}/.hardened`,
                  content: "The owner of this folder was set when the volume was made.\n",
                  permissions: "0444",
                },
              ],
              chown: chown.user,
              closedFolders: true,
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
