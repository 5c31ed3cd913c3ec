/** The data volumes of all imported services: who owns which, what they are called, and where their data comes from. Pure. */
import { createHash } from "node:crypto";
import { posix } from "node:path";

/** Data that moves into a data volume of the stack. */
export interface MovedData {
  /** `volume`: `from` is a Docker volume. `folder`: it is a path on the host. `anonymous`: only the container names it. */
  readonly kind: "volume" | "folder" | "anonymous";
  readonly from: string;
  /** The service that owns it in the stack, and its name there. */
  readonly service: string;
  readonly volume: string;
  /** The service in the Compose file, and the path inside its container. */
  readonly compose: string;
  readonly mountedAt: string;
  /** Folder inside the volume that the data goes into. Default: the volume itself. */
  readonly folder?: string;
}

/** The service that mounts a volume first owns it; the others name it as `service.volume`. */
export class DataVolumes {
  readonly #byIdentity = new Map<string, MovedData>();
  readonly #taken = new Set<string>();

  get all(): readonly MovedData[] {
    return [...this.#byIdentity.values()];
  }

  /**
   * How a service names a volume.
   * @param identity of the volume or folder in the Compose file
   * @param wanted what to call it
   */
  named(identity: string, wanted: string, data: Omit<MovedData, "volume">): string {
    const known = this.#byIdentity.get(identity);
    if (known !== undefined)
      return known.service === data.service ? known.volume : `${known.service}.${known.volume}`;
    const volume = this.#freeName(volumeName(wanted, data.service), data.service);
    this.#byIdentity.set(identity, { ...data, volume });
    return volume;
  }

  /** The name in Docker must be free too: `a-b` of `c` and `b` of `c-a` would be the same there. */
  #freeName(wanted: string, service: string): string {
    for (let number = 1; ; number++) {
      const name = number === 1 ? wanted : `${wanted}${number}`;
      const inDocker = `${service}-${name}`;
      if (this.#taken.has(inDocker)) continue;
      this.#taken.add(inDocker);
      return name;
    }
  }
}

/** Ends of names that have a meaning on the host. */
const RESERVED = /(?:^|-)(?:before|copied|switched|return|incomplete|owner|init|lock)$/;
const MAX_NAME = 40;

/** A name with the characters that are allowed, and without the service's own name in front. */
function volumeName(given: string, service: string): string {
  const plain = posix
    .basename(given)
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, "-")
    .replace(/^[-_]+|[-_]+$/g, "");
  const rest = plain.replace(new RegExp(`^${service.replaceAll("-", "[-_]")}[-_]+`), "");
  const name = rest === "" ? "data" : rest;
  const safe = RESERVED.test(name) ? `${name}-data` : name;
  const hash = createHash("sha256").update(safe).digest("hex").slice(0, 5);
  return safe.length <= MAX_NAME ? safe : `${safe.slice(0, MAX_NAME - 6)}-${hash}`;
}
