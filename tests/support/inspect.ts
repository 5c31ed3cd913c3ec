/** What the daemon itself says about the containers of a stack. */
import type { World } from "./world";

/** The part of `docker inspect` that tests look at. Engine API 1.41, ContainerInspect. */
export interface Inspected {
  readonly Id: string;
  readonly Image: string;
  readonly State: {
    readonly Pid: number;
    readonly Status: string;
    readonly StartedAt: string;
    readonly Health?: { readonly Status: string };
  };
  readonly Config: {
    readonly Image: string;
    readonly User: string;
    readonly Env: readonly string[];
    readonly Labels: Readonly<Record<string, string>>;
    readonly Healthcheck?: { readonly Test: readonly string[] };
  };
  readonly HostConfig: {
    readonly CapAdd: readonly string[] | null;
    readonly CapDrop: readonly string[] | null;
    readonly CgroupParent: string;
    readonly CgroupnsMode: string;
    readonly Dns: readonly string[] | null;
    readonly Devices: readonly unknown[] | null;
    readonly IpcMode: string;
    readonly LogConfig: {
      readonly Type: string;
      readonly Config: Readonly<Record<string, string>>;
    };
    readonly Memory: number;
    readonly MemorySwap: number;
    readonly NanoCpus: number;
    readonly PidMode: string;
    readonly PidsLimit: number | null;
    readonly PortBindings: Readonly<
      Record<string, readonly { readonly HostPort: string }[]>
    > | null;
    readonly Privileged: boolean;
    readonly ReadonlyRootfs: boolean;
    readonly RestartPolicy: { readonly Name: string };
    readonly SecurityOpt: readonly string[] | null;
    readonly Ulimits: readonly {
      readonly Name: string;
      readonly Soft: number;
      readonly Hard: number;
    }[];
    readonly UsernsMode: string;
    readonly UTSMode: string;
  };
  readonly Mounts: readonly {
    readonly Type: string;
    readonly Source: string;
    readonly Destination: string;
    readonly RW: boolean;
  }[];
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>>;
  };
}

/** The running service containers of a stack, by the name other containers know them by. */
export async function services(
  { docker }: World,
  stack: string,
): Promise<Readonly<Record<string, Inspected>>> {
  const filters = [`pinned-stack.stack=${stack}`, "hardened.role=container"].map(
    (label) => `--filter=label=${label}`,
  );
  const ids = await docker.ask("ps", "--quiet", "--no-trunc", ...filters);
  if (ids === "") return {};
  const list = JSON.parse(await docker.ask("inspect", ...ids.split("\n"))) as readonly Inspected[];
  const named = list.map((one) => [one.Config.Labels["pinned-stack.container"] ?? one.Id, one]);
  return Object.fromEntries(named) as Readonly<Record<string, Inspected>>;
}

/** `healthy`, `starting`, `unhealthy`; for a container without health check `running` and the like. */
export const condition = ({ State }: Inspected): string => State.Health?.Status ?? State.Status;

/** Which networks of a stack lead nowhere but to their members, by name without the stack's prefix. */
export async function internalNetworks(
  { docker }: World,
  stack: string,
): Promise<Readonly<Record<string, boolean>>> {
  const filter = `--filter=label=pinned-stack.stack=${stack}`;
  const names = (await docker.ask("network", "ls", "--format={{.Name}}", filter)).split("\n");
  const format = "--format={{.Name}} {{.Internal}}";
  const lines = (await docker.ask("network", "inspect", format, ...names.filter(Boolean))).split(
    "\n",
  );
  return Object.fromEntries(
    lines.map((line) => {
      const [name = "", internal] = line.split(" ");
      return [name.replace(`${stack}-`, ""), internal === "true"];
    }),
  );
}
