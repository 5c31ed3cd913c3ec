import * as docker from "@pulumi/docker";

import { labelList } from "./labels";
import { INIT_LIMITS } from "./model";
import { HARDENED } from "./policy";

export interface InitContainerArgs {
  /** With `chown`, the image must contain `/bin/chown`. */
  readonly image: string;
  readonly volumeName: docker.ContainerArgs["image"];
  readonly path: string;
  readonly uploads: docker.ContainerArgs["uploads"];
  /** `uid:gid` of the volume's new owner. Default: the owner is unchanged and the container is never started. */
  readonly chown?: string;
  /** Whether the volume may contain folders that only their owner can read. Default false. */
  readonly unreadableFolders?: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * A container that prepares a volume before the service starts. Docker writes `uploads` into the volume when it creates the
 * container, even if the container never starts. Only a change of owner runs a process: one `chown` as root, without
 * network access, with only the capabilities that it needs.
 */
export const initContainerArgs = ({
  image,
  volumeName,
  path,
  uploads,
  chown,
  unreadableFolders = false,
  labels,
}: InitContainerArgs): docker.ContainerArgs => ({
  image,
  labels: labelList(labels, "init"),
  networkMode: "none",
  capabilities: {
    drops: ["ALL"],
    adds: [
      ...(chown === undefined ? [] : ["CAP_CHOWN"]),
      ...(chown !== undefined && unreadableFolders ? ["CAP_DAC_READ_SEARCH"] : []),
    ],
  },
  // No read-only root: Docker would reject the uploads, even though they all go into the volume.
  securityOpts: ["no-new-privileges:true"],
  mustRun: false,
  volumes: [{ volumeName, containerPath: path }],
  ...(uploads && { uploads }),
  // Also for a container that never starts: whoever starts it by hand gets no more.
  cpus: String(INIT_LIMITS.cpus),
  memory: INIT_LIMITS.memoryMiB,
  memorySwap: INIT_LIMITS.memoryMiB,
  ...(chown === undefined
    ? { start: false, user: HARDENED.user }
    : {
        start: true,
        attach: true,
        user: "0:0",
        entrypoints: ["/bin/chown"],
        command: ["-R", chown, path],
      }),
});
