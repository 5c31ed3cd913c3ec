/** The service cAdvisor: metrics of containers. */
import { cgroupPrefixes } from "../../host/cgroups";
import { CGROUP_ROOT } from "../model";
import { defineService } from "./definition";

const PORT = 8080;

/**
 * cAdvisor's default list without `process`, whose figures are cheap without Docker, and with `disk` and `percpu`, which are
 * expensive and of little use here, and `network`, which would need the processes of other containers.
 */
const DISABLED_METRICS =
  "advtcp,cpu_topology,cpuset,disk,hugetlb,memory_numa,network,percpu,referenced_memory,resctrl,sched,tcp,udp";

/**
 * Container metrics, from cgroups alone: without Docker, its socket and its folder, so that any user will do. The names of
 * the containers are those of their parent cgroups.
 */
export const cadvisor = defineService({
  name: "cadvisor",
  // Opt-in, because it exposes data about the whole host.
  enabled: false,
  image: { diskMiB: 100 },
  route: { target: PORT, admin: true },
  namedCgroups: true,
  containers: ({ stack }) => [
    {
      user: "65534:65534",
      exemptions: [
        {
          control: "hostCgroups",
          value: true,
          reason: "figures are read from the cgroups of the containers, read-only",
        },
      ],
      command: [
        // An address at which nothing answers: otherwise it looks for the engine at the usual places, again and again.
        "--docker=tcp://127.0.0.1:1",
        `--raw_cgroup_prefix_whitelist=${cgroupPrefixes({ root: CGROUP_ROOT, stack }).join(",")}`,
        "--store_container_labels=false",
        "--housekeeping_interval=30s",
        `--disable_metrics=${DISABLED_METRICS}`,
      ],
      // Not /metrics, which collects all metrics.
      health: { command: ["wget", "-q", "-O", "/dev/null", `http://127.0.0.1:${PORT}/healthz`] },
    },
  ],
});
