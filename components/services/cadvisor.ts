import { ImageNeeds } from "../../host/preflight";
import { ImageReference } from "../../images/reference";
import { isOlder } from "../../images/tag-version";
import { proxyEndpoint } from "../hardened/haproxy";
import { defineService } from "./definition";

const PORT = 8080;

/** cAdvisor's default list plus `disk` and `percpu`, which are expensive and of little use here. */
const DISABLED_METRICS =
  "advtcp,cpu_topology,cpuset,disk,hugetlb,memory_numa,percpu,process,referenced_memory,resctrl,sched,tcp,udp";

const DOCKER_FOLDER = "/var/lib/docker";

/**
 * The host paths that it reads. Not `/`: before Engine 25, submounts of a read-only bind mount stay writable, so root could
 * write to the host's /proc/sys even without capabilities. The cgroups are a submount of /sys and are listed separately.
 */
const HOST_PATHS = [
  { source: "/proc", path: "/rootfs/proc" },
  { source: "/sys", path: "/sys" },
  { source: "/sys/fs/cgroup", path: "/sys/fs/cgroup" },
  { source: `${DOCKER_FOLDER}/image`, path: `/rootfs${DOCKER_FOLDER}/image` },
] as const;

/** Container metrics. It must run as root to find the containers, so it gets no capabilities and few host paths. */
export const cadvisor = defineService({
  name: "cadvisor",
  // Opt-in, because it runs as root and exposes data about the whole host.
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
            "only root can read Docker's container directory; the process has no capabilities",
        },
        {
          control: "hostPaths",
          value: HOST_PATHS.map(({ source }) => source),
          reason: "metrics and the names of image layers are read from these paths",
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
      // Not /metrics, which collects all metrics.
      health: { command: ["wget", "-q", "-O", "/dev/null", `http://127.0.0.1:${PORT}/healthz`] },
    },
  ],
});

/**
 * Before v0.50.0 it supports the API up to 1.41 (google/cadvisor#3749). Before v0.54.0 it finds no containers with the
 * containerd image store (#3860). v0.56 requires API 1.44 or newer (#3757).
 */
function apiNeeds({ tag }: ImageReference): Partial<ImageNeeds> {
  const remedy =
    "use ghcr.io/google/cadvisor v0.57.0 or newer, or services.cadvisor.enabled: false";
  if (isOlder(tag, [0, 50])) return { newestApi: 41, classicStore: true, remedy };
  if (isOlder(tag, [0, 54])) return { classicStore: true, remedy };
  if (!isOlder(tag, [0, 56]) && isOlder(tag, [0, 57])) return { oldestApi: 44, remedy };
  return {};
}
