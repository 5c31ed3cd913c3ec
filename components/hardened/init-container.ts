import * as docker from "@pulumi/docker";

import { labelList } from "./labels";

export interface InitContainerArgs {
  /** Image of the container; with `chown` it needs `/bin/chown`. */
  readonly image: string;
  readonly volumeName: docker.ContainerArgs["image"];
  readonly path: string;
  readonly uploads: docker.ContainerArgs["uploads"];
  /** `uid:gid` that gets the volume. Without it the container never starts. */
  readonly chown?: string;
  /** Whether the volume may hold folders that only their owner can read. */
  readonly closedFolders?: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * A container that prepares a volume before the service starts. Docker writes `uploads` into its volume when it creates the
 * container, whether it starts or not, so bringing files takes no running process. Only a change of owner does: one chown
 * as root, without network, with that capability alone.
 */
export const initContainerArgs = ({
  image,
  volumeName,
  path,
  uploads,
  chown,
  closedFolders = false,
  labels,
}: InitContainerArgs): docker.ContainerArgs => ({
  image,
  labels: labelList(labels, "init"),
  networkMode: "none",
  capabilities: {
    drops: ["ALL"],
    adds: [
      ...(chown === undefined ? [] : ["CAP_CHOWN"]),
      ...(chown !== undefined && closedFolders ? ["CAP_DAC_READ_SEARCH"] : []),
    ],
  },
  // No read-only root: Docker would refuse the uploads, though all of them go into the volume.
  securityOpts: ["no-new-privileges:true"],
  mustRun: false,
  volumes: [{ volumeName, containerPath: path }],
  ...(uploads && { uploads }),
  ...(chown === undefined
    ? { start: false }
    : {
        start: true,
        attach: true,
        user: "0:0",
        entrypoints: ["/bin/chown"],
        command: ["-R", chown, path],
        cpus: "0.5",
        memory: 64,
        memorySwap: 64,
      }),
});
