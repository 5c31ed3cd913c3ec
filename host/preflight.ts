/**
 * What the images need of a host, checked there by one shell script before anything is pulled or touched. Pure: data in,
 * script out. The doctor runs the same script.
 */
import { quote } from "./shell-quote";

/** What one image needs; the numbers and where they come from are in the service files. */
export interface ImageNeeds {
  readonly service: string;
  /** `name:tag@sha256:…` */
  readonly image: string;
  /** Disk for the unpacked image, MiB, roughly. */
  readonly diskMiB: number;
  /** Newest minor of the Docker API 1.x that its client speaks; an engine may have dropped that by now. */
  readonly newestApi?: number;
  /** Oldest minor of the Docker API 1.x that its client speaks. */
  readonly oldestApi?: number;
  /** The folder where it looks for Docker's data; an engine may keep that elsewhere. */
  readonly dockerFolder?: string;
  /** Whether it finds containers only in Docker's own image store, not in containerd's. */
  readonly classicStore?: boolean;
  /** What to do when the host does not fit. */
  readonly remedy?: string;
}

/** Engine 20.10, the first that lets every user of a container open ports 80 and 443. */
const OLDEST_API = 41;
/** Kept free besides the images, MiB. */
const SPARE_MIB = 512;

export interface PreflightArgs {
  /** `linux/amd64` */
  readonly platform: string;
  readonly needs: readonly ImageNeeds[];
}

/**
 * A POSIX script: exits 0 when the host fits, else prints one line for each misfit on stderr and exits 1.
 * On stdout it prints what it found, `name=value` lines, for people and for the doctor.
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
case $api.$oldest in *[!0-9.]* | .* | *.) problem "docker: cannot tell the API of the engine from: $facts"; exit 1 ;; esac
store=$(docker info --format '{{range .DriverStatus}}{{index . 1}} {{end}}')
root=$(docker info --format '{{.DockerRootDir}}')
free=$(df -Pm "$root" 2>/dev/null | awk 'NR == 2 { print $4 }')
printf 'engine=%s\\napi=1.%s\\noldestApi=1.%s\\narchitecture=%s\\nfreeMiB=%s\\nclock=%s\\n' "$engine" "$api" "$oldest" "$arch" "$free" "$(date +%s)"
if [ "$api" -lt ${OLDEST_API} ]; then
  problem "docker: Engine $engine is too old, expected 20.10 or newer; upgrade it"
fi
if [ "$arch" != ${quote(architecture)} ]; then
  problem "docker: the host is linux/$arch, the configuration says ${platform}; set pinned-stack:platform"
fi
needed=${SPARE_MIB}
${needs.map(needsScript).join("")}if [ -n "$free" ] && [ "$free" -lt "$needed" ]; then
  problem "docker: $free MiB free in $root, expected $needed MiB for the images that are not there yet; free some with: docker image prune"
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
  dockerFolder,
  classicStore,
  remedy,
}: ImageNeeds): string {
  const checks = [
    `docker image inspect ${quote(image)} >/dev/null 2>&1 || needed=$((needed + ${diskMiB}))\n`,
  ];
  const end = remedy === undefined ? "" : `; ${remedy}`;
  const [name = image] = image.split("@", 1);
  if (newestApi !== undefined)
    checks.push(
      `if [ "$oldest" -gt ${newestApi} ]; then problem ${quote(`${service}: ${name} speaks the Docker API up to 1.${newestApi}, this engine takes 1.`)}"$oldest and newer (Engine $engine)"${quote(end)}; fi\n`,
    );
  if (oldestApi !== undefined)
    checks.push(
      `if [ "$api" -lt ${oldestApi} ]; then problem ${quote(`${service}: ${name} speaks the Docker API from 1.${oldestApi} on, this engine only up to 1.`)}"$api (Engine $engine)"${quote(end)}; fi\n`,
    );
  if (dockerFolder !== undefined)
    checks.push(
      `if [ "$root" != ${quote(dockerFolder)} ]; then problem ${quote(`${service}: ${name} looks for Docker's data in ${dockerFolder}, this engine keeps it in `)}"$root"${quote(`; services.${service}.enabled: false`)}; fi\n`,
    );
  if (classicStore === true)
    checks.push(
      `case $store in *io.containerd.snapshotter*) problem ${quote(`${service}: ${name} sees no containers on containerd's image store, which this engine uses${end}`)};; esac\n`,
    );
  return checks.join("");
}
