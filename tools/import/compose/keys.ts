/** The keys that a service of a Compose file may have, and which of them an entry has nothing for. Data. Pure. */
import { didYouMean } from "../../../text/messages";
import { type Raw } from "./document";

/** Keys that the import reads. */
const READ: readonly string[] = [
  ...["image", "build", "provider", "user", "entrypoint", "command", "working_dir", "init"],
  ...["environment", "env_file", "secrets", "configs", "volumes", "volumes_from", "tmpfs"],
  ...["devices", "gpus", "healthcheck", "depends_on", "links", "external_links", "networks"],
  ...["network_mode", "ports", "expose", "labels", "container_name", "hostname", "extra_hosts"],
  ...["pid", "ipc", "uts", "userns_mode", "cgroup", "security_opt", "cap_add", "privileged"],
  ...["sysctls", "group_add", "profiles", "deploy", "scale", "restart", "post_start", "pre_stop"],
  ...["mem_limit", "cpus", "pids_limit", "shm_size", "ulimits", "stop_grace_period"],
  ...["use_api_socket"],
];
/** Keys that the program decides, as it decides them for every service. */
const DECIDED: readonly string[] = [
  ...["annotations", "attach", "blkio_config", "cap_drop", "cgroup_parent", "cpu_count"],
  ...["cpu_percent", "cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime", "cpu_shares"],
  ...["cpuset", "develop", "dns", "dns_opt", "dns_search", "domainname", "isolation", "logging"],
  ...["mac_address", "mem_reservation", "mem_swappiness", "memswap_limit", "oom_kill_disable"],
  ...["oom_score_adj", "platform", "pull_policy", "pull_refresh_after", "read_only"],
  ...["stdin_open", "tty"],
];
/** Keys that an entry has nothing for. */
const OTHER: readonly string[] = [
  ...["credential_spec", "device_cgroup_rules", "driver_opts", "label_file", "models", "runtime"],
  ...["stop_signal", "storage_opt", "volume_driver"],
];
const ALL = [...READ, ...DECIDED, ...OTHER];

/** Keys that are left out, each with what to say of it. Those of other programs, `x-…`, are none. */
export function leftOut(service: Raw): readonly (readonly [key: string, instead: string])[] {
  return Object.entries(service).flatMap(([key, value]): (readonly [string, string])[] => {
    // A question of its own: it uses a GPU.
    const isGpu = key === "runtime" && value === "nvidia";
    if (READ.includes(key) || DECIDED.includes(key) || key.startsWith("x-") || isGpu) return [];
    return [
      [
        key,
        OTHER.includes(key)
          ? "there is no such key; it is left out"
          : `there is no such key${didYouMean(key, ALL) || "; it is left out"}`,
      ],
    ];
  });
}
