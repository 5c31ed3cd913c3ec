/** What the daemon itself says about the containers of the report's tests. */
import { factsFromInspect } from "../support/facts-from-inspect";
import { World } from "../support/world";

/** What the daemon says about containers, by the name that others reach them by. */
export type Inspected = Readonly<Record<string, Record<string, unknown>>>;

/** The part of it that no code of the report has read. */
export const raw = (answer: unknown) =>
  answer as {
    readonly AppArmorProfile: string;
    readonly ProcessLabel: string;
    readonly HostConfig: {
      readonly CapDrop: readonly string[] | null;
      readonly CapAdd: readonly string[] | null;
    };
    readonly Mounts: readonly {
      readonly Type: string;
      readonly Source: string;
      readonly RW: boolean;
    }[];
  };

export async function inspect(
  world: World,
  label: string,
  ...filters: string[]
): Promise<Inspected> {
  const options = filters.map((filter) => `--filter=label=${filter}`);
  const ids = await world.docker.ask("ps", "--quiet", "--no-trunc", ...options);
  const list = JSON.parse(await world.docker.ask("inspect", ...ids.split("\n"))) as {
    readonly Config: { readonly Labels: Record<string, string> };
  }[];
  return Object.fromEntries(
    list.map((one) => [one.Config.Labels[label] ?? "", one as unknown as Record<string, unknown>]),
  );
}

/** What both ways of making a container have in common, in one spelling. */
export function settings(answer: unknown, prefix: string): unknown {
  const one = answer as Record<"Config" | "HostConfig", Record<string, unknown>>;
  const { Config, HostConfig } = one;
  const facts = factsFromInspect(answer);
  const sorted = (list: unknown): unknown[] => [...((list ?? []) as unknown[])].sort();
  const host = [
    "Memory",
    "MemorySwap",
    "NanoCpus",
    "PidsLimit",
    "ReadonlyRootfs",
    "Privileged",
    "IpcMode",
    "PidMode",
    "UTSMode",
    "UsernsMode",
    "CgroupParent",
    "ShmSize",
    "Tmpfs",
    "LogConfig",
    "RestartPolicy",
    "GroupAdd",
    "Ulimits",
    "OomKillDisable",
    "OomScoreAdj",
    "Runtime",
  ];
  return {
    ...Object.fromEntries(host.map((key) => [key, HostConfig[key]])),
    CgroupParent: String(HostConfig["CgroupParent"])
      .replace(/\/(?:taken|live)\//, "/")
      // The export is made for the driver systemd, where "-" in the name of a slice has another meaning.
      .replace(/\.slice$/, "")
      .replaceAll("_", "-"),
    CapAdd: sorted(HostConfig["CapAdd"]),
    CapDrop: sorted(HostConfig["CapDrop"]),
    SecurityOpt: sorted(HostConfig["SecurityOpt"]),
    Init: HostConfig["Init"] === true,
    image: facts.image,
    user: facts.user,
    command: facts.command.map((word) => word.replaceAll("taken", "live")),
    // The published ports differ, because both run at once.
    environment: sorted(Config["Env"]).map((line) => String(line).replace(/:\d+\/$/, "")),
    health: Config["Healthcheck"],
    stopTimeout: Config["StopTimeout"],
    networks: facts.networks.map((name) => name.replace(prefix, "")).sort(),
    ports: facts.ports.map(({ address, internal, protocol }) => [address, internal, protocol]),
    // Files and secrets are single files of the host here and a volume there; both are only read.
    writable: facts.mounts
      .filter(({ writable }) => writable)
      .map(({ kind, target }) => `${kind} ${target}`)
      .sort(),
    sockets: facts.mounts
      .filter(({ target }) => target.endsWith(".sock"))
      .map(({ target }) => target),
  };
}
