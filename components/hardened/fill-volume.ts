/** Scripts that fill a volume before its container exists. Pure. */
import { base64Lines, quote } from "../../host/shell-quote";
import { ROLE_LABEL } from "./labels";
import { HARDENED } from "./policy";
import { TarEntry, tar } from "./tar";

export interface FillSettings {
  /** Name of the volume. */
  readonly volume: string;
  /** Pulled where the host does not have it. With `chown`, it must contain `/bin/chown`; otherwise nothing in it runs. */
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly files: readonly TarEntry[];
  /** `uid:gid` that becomes the owner of everything in the volume. Default: owners stay as they are. */
  readonly chown?: string;
}

/**
 * Shell text that copies files into a volume through the Docker API, by a container that it removes again: no host path, and no
 * process unless the owner changes. That process is one `chown` as root, without network, with the two capabilities it needs.
 * Safe to run again. What fails is on stderr.
 */
export function fillScript({ volume, image, labels, files, chown }: FillSettings): string {
  const words = [
    "docker create --network none --cap-drop ALL --security-opt no-new-privileges",
    "--cpus 0.5 --memory 64m --memory-swap 64m --pids-limit 20",
    `--label ${ROLE_LABEL}=helper`,
    ...Object.entries(labels).map(([name, value]) => `--label ${quote(`${name}=${value}`)}`),
    ...(chown === undefined
      ? [`--user ${HARDENED.user}`]
      : ["--user 0:0 --cap-add CHOWN --cap-add DAC_READ_SEARCH --entrypoint /bin/chown"]),
    // Not where the container mounts it: Docker would copy what the image has there.
    `--volume ${quote(`${volume}:/volume`)}`,
    quote(image),
    // Docker wants a command where the image has none.
    ...(chown === undefined ? ["-"] : ["-R", quote(chown), "/volume"]),
  ];
  return `filler=$(${words.join(" ")})
trap 'docker rm -f -v "$filler" >/dev/null 2>&1 || :' EXIT
said=$(base64 -d <<'TAR' | docker cp - "$filler:/volume" 2>&1
${base64Lines(tar(files))}TAR
) || { printf '%s\\n' "$said" >&2; exit 1; }
${chown === undefined ? "" : `docker start --attach "$filler" >&2\n`}`;
}
