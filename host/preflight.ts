/**
 * Generates the shell script that checks a host's requirements before images are pulled. `npm run doctor` runs the same
 * script. Pure.
 */
import { quote } from "./shell-quote";

/** Requirements of an image on the host. Their sources are in components/services. */
export interface ImageNeeds {
  readonly service: string;
  /** `name:tag@sha256:…` */
  readonly image: string;
  /** Approximate disk space for the unpacked image, MiB. */
  readonly diskMiB: number;
  /** Newest Docker API that its client supports, as the minor version of 1.x. Newer engines may not support it. */
  readonly newestApi?: number;
  /** Oldest Docker API that its client supports, as the minor version of 1.x. */
  readonly oldestApi?: number;
  /** Instruction at the end of the message about an unsuitable host. */
  readonly remedy?: string;
}

/** Engine 20.10, the first in which every user may bind ports 80 and 443 in a container. */
const OLDEST_API = 41;
/** Disk space to keep free in addition to the images, MiB. */
const SPARE_MIB = 512;
/** In percent. The containerd image store keeps the compressed layers too: n8n takes 1.05 GB instead of 602 MB. */
const CONTAINERD_FACTOR = 175;
/** Where a containerd that does not belong to dockerd keeps images, as Docker's packages install it, and says so itself. */
const CONTAINERD_ROOT = "/var/lib/containerd";
const CONTAINERD_CONFIG = "/etc/containerd/config.toml";

export interface PreflightArgs {
  /** `linux/amd64` */
  readonly platform: string;
  readonly needs: readonly ImageNeeds[];
}

/**
 * A POSIX shell script. It prints the facts about the host as `name=value` lines on stdout. If the host meets all
 * requirements, it exits with 0. Otherwise it prints one line per problem on stderr and exits with 1.
 */
export function preflightScript({ platform, needs }: PreflightArgs): string {
  const architecture = platform.split("/")[1] ?? "";
  return `failed=0
problem() { printf '%s\\n' "$1" >&2; failed=1; }
if ! facts=$(docker version --format '{{.Server.Version}} {{.Server.APIVersion}} {{.Server.MinAPIVersion}} {{.Server.Arch}}' 2>/dev/null); then
  problem "docker: the engine does not answer: $(docker version 2>&1 >/dev/null | tail -n 1)"
  exit 1
fi
set -- $facts
engine=$1 api=\${2#1.} oldest=\${3#1.} arch=$4
case $api.$oldest in *[!0-9.]* | .* | *.) problem "docker: cannot read the engine's API version from: $facts"; exit 1 ;; esac
case $(docker info --format '{{range .SecurityOptions}}{{.}} {{end}}') in
*name=rootless*)
  problem "docker: this engine runs rootless (docker info: name=rootless); ports 80 and 443, the socket's group and visitors' addresses work differently there; use the system's engine" ;;
*)
  missing=$(docker info --format '{{if not .MemoryLimit}} memory{{end}}{{if not .CPUCfsQuota}} cpu{{end}}{{if not .PidsLimit}} pids{{end}}')
  if [ -n "$missing" ]; then
    problem "docker: this host cannot limit what a container uses; control groups that it lacks:$missing; enable them on the kernel's command line, such as cgroup_enable=memory, and restart the host"
  fi ;;
esac
factor=100
root=$(docker info --format '{{.DockerRootDir}}')
case $(docker info --format '{{range .DriverStatus}}{{index . 1}} {{end}}') in *io.containerd.snapshotter*)
  factor=${CONTAINERD_FACTOR}
  # A containerd that dockerd starts itself keeps its data in Docker's folder. Older engines do not say which one they use.
  case $(docker info --format '{{.Containerd.Address}}' 2>/dev/null) in '' | /run/containerd/* | /var/run/containerd/*)
    content=$(sed -n 's/^root *= *.\\(\\/[[:alnum:]\\/._-]*\\).*/\\1/p' ${CONTAINERD_CONFIG} 2>/dev/null || :)
    content=\${content:-${CONTAINERD_ROOT}}
    if df "$content" >/dev/null 2>&1; then root=$content; fi ;;
  esac ;;
esac
free=$(df -Pm "$root" 2>/dev/null | awk 'NR == 2 { print $4 }')
printf 'engine=%s\\napi=1.%s\\noldestApi=1.%s\\narchitecture=%s\\nfreeMiB=%s\\nclock=%s\\n' "$engine" "$api" "$oldest" "$arch" "$free" "$(date +%s)"
if [ "$api" -lt ${OLDEST_API} ]; then
  problem "docker: Engine $engine is too old, expected 20.10 or newer; upgrade it"
fi
if [ "$arch" != ${quote(architecture)} ]; then
  problem "docker: the host is linux/$arch, the configuration says ${platform}; set pinned-stack:platform"
fi
images=0
${needs.map(needsScript).join("")}needed=$((${SPARE_MIB} + images * factor / 100))
if [ -n "$free" ] && [ "$free" -lt "$needed" ]; then
  problem "docker: $free MiB free in $root, expected $needed MiB for the images to pull; free some with: docker image prune"
fi
exit $failed
`;
}

function needsScript({
  service,
  image,
  diskMiB,
  newestApi,
  oldestApi,
  remedy,
}: ImageNeeds): string {
  const checks = [
    `docker image inspect ${quote(image)} >/dev/null 2>&1 || images=$((images + ${diskMiB}))\n`,
  ];
  const end = remedy === undefined ? "" : `; ${remedy}`;
  const [name = image] = image.split("@", 1);
  if (newestApi !== undefined)
    checks.push(
      `if [ "$oldest" -gt ${newestApi} ]; then problem ${quote(`${service}: ${name} supports the Docker API up to 1.${newestApi}, but this engine requires 1.`)}"$oldest or newer (Engine $engine)"${quote(end)}; fi\n`,
    );
  if (oldestApi !== undefined)
    checks.push(
      `if [ "$api" -lt ${oldestApi} ]; then problem ${quote(`${service}: ${name} requires Docker API 1.${oldestApi} or newer, but this engine supports only up to 1.`)}"$api (Engine $engine)"${quote(end)}; fi\n`,
    );
  return checks.join("");
}
