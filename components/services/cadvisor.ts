import * as pulumi from "@pulumi/pulumi";

import { ImageNeeds } from "../../host/preflight";
import { HardenedContainer } from "../hardened/container";
import { Service, ServiceArgs } from "./service";
import { SocketProxy } from "./socket-proxy/socket-proxy";
import { SocketRead } from "./socket-proxy/config";
import { isOlder } from "../../images/tag-version";
import { Route } from "./traefik/config";

export interface CadvisorArgs extends ServiceArgs {
  readonly proxy: SocketProxy;
}

const PORT = 8080;

/** cAdvisor's own default list, and the two that cost the most and say the least. */
const DISABLED_METRICS =
  "advtcp,cpu_topology,cpuset,disk,hugetlb,memory_numa,percpu,process,referenced_memory,resctrl,sched,tcp,udp";

const DOCKER_FOLDER = "/var/lib/docker";

/**
 * What it reads of the host. Not the whole of `/`: an engine before 25 makes only the top of a read-only mount read-only,
 * so whatever is mounted below it, the host's /proc/sys among it, could be written by root without any capability. For the
 * same reason the cgroups, a mount of their own below /sys, are named too.
 */
const HOST_PATHS = [
  { host: "/proc", path: "/rootfs/proc" },
  { host: "/sys", path: "/sys" },
  { host: "/sys/fs/cgroup", path: "/sys/fs/cgroup" },
  { host: `${DOCKER_FOLDER}/image`, path: `/rootfs${DOCKER_FOLDER}/image` },
] as const;

/** Figures of all containers. It has to be root to find them, so it gets no capability and sees little of the host. */
export class Cadvisor extends pulumi.ComponentResource implements Service {
  readonly containers: readonly HardenedContainer[];

  static readonly reads: readonly SocketRead[] = ["version", "info", "containers", "container"];

  static route(host: string): Route {
    return { service: "cadvisor", host, url: `http://cadvisor:${PORT}`, admin: true };
  }

  static needs(image: string, tag: string | undefined): ImageNeeds {
    return {
      service: "cadvisor",
      image,
      diskMiB: 100,
      dockerFolder: DOCKER_FOLDER,
      ...apiNeeds(tag),
    };
  }

  constructor(args: CadvisorArgs, opts: pulumi.ComponentResourceOptions) {
    super("pinned-stack:index:Cadvisor", `${args.stack}-cadvisor`, {}, opts);
    this.containers = [
      new HardenedContainer(
        args.stack,
        {
          name: "cadvisor",
          image: args.image,
          measures: { memoryMiB: 256, cpus: 0.5, ...args.measures },
          exemptions: [
            {
              control: "user",
              value: "0:0",
              reason:
                "Docker's folder of containers is closed to everybody but root; it has no capability",
            },
            {
              control: "hostPaths",
              value: HOST_PATHS.map(({ host }) => host),
              reason: "figures and the names of image layers are read from there, read-only",
            },
            ...args.exemptions,
          ],
          command: [
            `--docker=${args.proxy.endpoint}`,
            "--docker_only=true",
            "--store_container_labels=false",
            "--housekeeping_interval=30s",
            `--disable_metrics=${DISABLED_METRICS}`,
          ],
          hostPaths: HOST_PATHS,
          // Not /metrics: that is a whole round of measuring.
          health: {
            command: ["wget", "-q", "-O", "/dev/null", `http://127.0.0.1:${PORT}/healthz`],
          },
          networks: [
            args.networks.link("traefik", "cadvisor"),
            args.networks.link("cadvisor", "socket-proxy"),
          ],
          after: [...args.after, ...args.proxy.containers.map(({ container }) => container)],
        },
        { parent: this },
      ),
    ];
    this.registerOutputs({});
  }
}

/**
 * Before v0.50.0 it speaks the API up to 1.41 (google/cadvisor#3749), before v0.54.0 it finds containers in Docker's own
 * image store only (#3860), and v0.56 speaks the API from 1.44 on only (#3757).
 */
function apiNeeds(tag: string | undefined): Partial<ImageNeeds> {
  const wayOut =
    "use ghcr.io/google/cadvisor v0.57.0 or newer, or services.cadvisor.enabled: false";
  if (isOlder(tag, [0, 50])) return { newestApi: 41, classicStore: true, wayOut };
  if (isOlder(tag, [0, 54])) return { classicStore: true, wayOut };
  if (!isOlder(tag, [0, 56]) && isOlder(tag, [0, 57])) return { oldestApi: 44, wayOut };
  return {};
}
