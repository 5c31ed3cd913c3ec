import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

export interface DataVolumeArgs {
  readonly stack: string;
  readonly service: string;
  /** End of the volume's name, after stack and service. A name with a format's version in it keeps formats apart. */
  readonly name: string;
  /** Set where the image would not leave the volume to the service's user. */
  readonly ownedBy?: {
    /** `uid:gid` */
    readonly user: string;
    /** Where the service mounts it. */
    readonly path: string;
    /** An image with `/bin/chown`. */
    readonly image: docker.RemoteImage;
    readonly after: readonly pulumi.Resource[];
  };
}

/**
 * A volume that is never deleted by a deployment: protected, so that the plan fails instead, and retained, so that even
 * `destroy` leaves it on the host. A volume of the same name that is there already is taken over with its data.
 */
export class DataVolume extends pulumi.ComponentResource {
  readonly volumeName: pulumi.Output<string>;
  /** What the service must wait for. */
  readonly ready: pulumi.Resource;

  constructor(args: DataVolumeArgs, opts: pulumi.ComponentResourceOptions) {
    const name = `${args.stack}-${args.service}-${args.name}`;
    super("pinned-stack:index:DataVolume", name, {}, opts);
    const labels = Object.entries({
      "pinned-stack.stack": args.stack,
      "pinned-stack.service": args.service,
      "pinned-stack.role": "data",
    }).map(([label, value]) => ({ label, value }));
    const volume = new docker.Volume(
      name,
      { name, labels },
      {
        parent: this,
        protect: true,
        retainOnDelete: true,
        // Labels cannot be changed on a volume; a newer program must not replace the data for them.
        ignoreChanges: ["labels"],
      },
    );
    this.volumeName = volume.name;
    this.ready =
      args.ownedBy === undefined ? volume : this.#giveTo(name, volume, args.ownedBy, args.stack);
    this.registerOutputs({ volumeName: this.volumeName });
  }

  /**
   * Docker resets an *empty* volume to the image's owner whenever a container is made, so a marker file goes in first.
   */
  #giveTo(
    name: string,
    volume: docker.Volume,
    owner: NonNullable<DataVolumeArgs["ownedBy"]>,
    stack: string,
  ): docker.Container {
    return new docker.Container(
      `${name}-owner`,
      {
        image: owner.image.name,
        labels: [
          { label: "pinned-stack.stack", value: stack },
          { label: "pinned-stack.role", value: "loader" },
        ],
        user: "0:0",
        entrypoints: ["/bin/chown"],
        command: ["-R", owner.user, owner.path],
        networkMode: "none",
        // Data from before may be in folders that only their owner can read.
        capabilities: { drops: ["ALL"], adds: ["CAP_CHOWN", "CAP_DAC_READ_SEARCH"] },
        securityOpts: ["no-new-privileges:true"],
        cpus: "0.5",
        memory: 64,
        memorySwap: 64,
        start: true,
        attach: true,
        mustRun: false,
        volumes: [{ volumeName: volume.name, containerPath: owner.path }],
        uploads: [
          {
            file: `${owner.path}/.pinned-stack`,
            content: "The owner of this folder was set when the volume was made.\n",
            permissions: "0444",
          },
        ],
      },
      {
        parent: this,
        ignoreChanges: ["image"],
        replaceOnChanges: ["#initerror"],
        dependsOn: [...owner.after],
      },
    );
  }
}
