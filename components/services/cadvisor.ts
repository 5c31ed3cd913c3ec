import { ImageNeeds } from "../../host/preflight";
import { ImageReference } from "../../images/reference";
import { isOlder } from "../../images/tag-version";
import { proxyEndpoint } from "../hardened/haproxy";
import { defineService } from "./definition";

const PORT = 8080;

/** cAdvisor's own default list, and the two that cost the most and say the least. */
const DISABLED_METRICS =
  "advtcp,cpu_topology,cpuset,disk,hugetlb,memory_numa,percpu,process,referenced_memory,resctrl,sched,tcp,udp";

const DOCKER_FOLDER = "/var/lib/docker";

/**
 * What it reads of the host. Not the whole of `/`: an engine before 25 makes only the top of a read-only mount read-only,
 * so root without any capability could write to whatever is mounted below, the host's /proc/sys among it. The cgroups are a
 * mount of their own below /sys, so they are listed too.
 */
const HOST_PATHS = [
  { source: "/proc", path: "/rootfs/proc" },
  { source: "/sys", path: "/sys" },
  { source: "/sys/fs/cgroup", path: "/sys/fs/cgroup" },
  { source: `${DOCKER_FOLDER}/image`, path: `/rootfs${DOCKER_FOLDER}/image` },
] as const;

/** Metrics of all containers. It has to be root to find them, so it gets no capability and sees little of the host. */
export const cadvisor = defineService({
  name: "cadvisor",
  // Root, with figures about the whole host.
  enabled: false,
  image: { diskMiB: 100, needs: (image) => ({ dockerFolder: DOCKER_FOLDER, ...apiNeeds(image) }) },
  route: { target: PORT, admin: true },
  dockerApi: ["version", "info", "containers", "container"],
  containers: () => [
    {
      exemptions: [
        {
          control: "user",
          value: "0:0",
          reason:
            "Docker's folder of containers is closed to everybody but root; it has no capability",
        },
        {
          control: "hostPaths",
          value: HOST_PATHS.map(({ source }) => source),
          reason: "figures and the names of image layers are read from there, read-only",
        },
      ],
      command: [
        `--docker=${proxyEndpoint("cadvisor")}`,
        "--docker_only=true",
        "--store_container_labels=false",
        "--housekeeping_interval=30s",
        `--disable_metrics=${DISABLED_METRICS}`,
      ],
      hostPaths: HOST_PATHS,
      // Not /metrics: that is a whole round of measuring.
      health: { command: ["wget", "-q", "-O", "/dev/null", `http://127.0.0.1:${PORT}/healthz`] },
    },
  ],
});

/**
 * Before v0.50.0 it speaks the API up to 1.41 (google/cadvisor#3749), before v0.54.0 it finds containers in Docker's own
 * image store only (#3860), and v0.56 speaks the API from 1.44 on only (#3757).
 */
function apiNeeds({ tag }: ImageReference): Partial<ImageNeeds> {
  const remedy =
    "use ghcr.io/google/cadvisor v0.57.0 or newer, or services.cadvisor.enabled: false";
  if (isOlder(tag, [0, 50])) return { newestApi: 41, classicStore: true, remedy };
  if (isOlder(tag, [0, 54])) return { classicStore: true, remedy };
  if (!isOlder(tag, [0, 56]) && isOlder(tag, [0, 57])) return { oldestApi: 44, remedy };
  return {};
}
