/** Inspects the stack's networks and containers on the host, including foreign containers that joined one of them. */
import { z } from "zod";

import { ROLE_LABEL } from "../../../components/hardened/labels";
import { EngineCgroups } from "../../../host/cgroups";
import { quote } from "../../../host/shell-quote";
import { HostShell, ShellResult } from "../../../host/shell";
import { CommandError } from "../../cli/command";

const nullable = <T extends z.ZodType>(schema: T) =>
  schema.nullish().transform((value) => value ?? undefined);
const list = <T extends z.ZodType>(schema: T) =>
  nullable(z.array(schema)).transform((value) => value ?? []);
const map = <T extends z.ZodType>(schema: T) =>
  nullable(z.record(z.string(), schema)).transform((value) => value ?? {});

const text = nullable(z.string()).transform((value) => value ?? "");

/** Parts of `docker container inspect`. The environment is in {@link process}. */
const container = z.object({
  id: z.string(),
  /** Without Docker's leading slash. */
  name: z.string().transform((name) => name.replace(/^\//, "")),
  image: z.string(),
  user: z.string(),
  labels: map(z.string()),
  // A template for .State.Health fails without a health check, so the whole state is printed.
  state: z.object({
    Status: z.string(),
    ExitCode: z.number(),
    Health: nullable(z.object({ Status: z.string() })),
  }),
  mounts: list(
    z.object({
      Type: z.string(),
      Name: z.string().optional(),
      Source: z.string().optional(),
      Destination: z.string(),
      RW: z.boolean(),
    }),
  ),
  networks: map(z.unknown()),
  host: z.object({
    CapAdd: list(z.string()),
    CapDrop: list(z.string()),
    GroupAdd: list(z.string()),
    SecurityOpt: list(z.string()),
    Privileged: z.boolean(),
    ReadonlyRootfs: z.boolean(),
    PidsLimit: nullable(z.number()),
    Memory: z.number(),
    MemorySwap: z.number(),
    NanoCpus: z.number(),
    Tmpfs: map(z.string()),
    PortBindings: map(list(z.object({ HostIp: z.string(), HostPort: z.string() }))),
    NetworkMode: z.string(),
    PidMode: z.string(),
    IpcMode: z.string(),
    CgroupnsMode: text,
    CgroupParent: text,
    UsernsMode: z.string().default(""),
    UTSMode: z.string().default(""),
    MaskedPaths: nullable(z.array(z.string())),
    Devices: list(
      z.object({
        PathOnHost: z.string(),
        PathInContainer: z.string(),
        CgroupPermissions: z.string(),
      }),
    ),
    DeviceRequests: list(z.object({ Driver: z.string(), Capabilities: list(list(z.string())) })),
    DeviceCgroupRules: list(z.string()),
    ExtraHosts: list(z.string()),
    Dns: list(z.string()),
    Sysctls: map(z.string()),
    Ulimits: list(z.object({ Name: z.string(), Soft: z.number(), Hard: z.number() })).optional(),
    RestartPolicy: z.object({ Name: z.string(), MaximumRetryCount: z.number() }).optional(),
    LogConfig: z.object({ Type: z.string(), Config: map(z.string()) }).optional(),
  }),
});
/** By name. A value may contain "=" and may be a secret. */
const environment = list(z.string()).transform((entries) =>
  Object.fromEntries(entries.map((entry) => [entry.split("=", 1)[0] ?? "", valueOf(entry)])),
);
const valueOf = (entry: string): string => entry.slice(entry.indexOf("=") + 1);
const config = z.object({ Env: environment, Entrypoint: list(z.string()), Cmd: list(z.string()) });
/** What a container of the stack runs. Values of its environment may be secrets: never print them. */
const process = z.object({
  id: z.string(),
  /** Id of its image. */
  image: z.string(),
  config: config.extend({ Healthcheck: nullable(z.object({ Test: list(z.string()) })) }),
});
/** What a container of the image runs by default. */
const image = z.object({ id: z.string(), config });
const network = z.object({ id: z.string(), name: z.string(), internal: z.boolean() });
/** Whether the host's kernel supports each limit. Docker ignores unsupported ones with a warning. */
const limits = z.object({ memory: z.boolean(), swap: z.boolean(), processes: z.boolean() });
const cgroups = z.object({ driver: z.string(), version: z.string() });
const line = z.union([
  z.object({ limits, cgroups: cgroups.exactOptional() }),
  z.object({ socket: z.object({ group: z.number() }) }),
  z.object({ container }),
  z.object({ network }),
  z.object({ process }),
  z.object({ image }),
]);

type Config = z.output<typeof config>;

/** What a container runs, and what its image would run. */
export interface LiveProcess extends z.output<typeof process> {
  /** Undefined if the image has been removed. */
  readonly defaults: Config | undefined;
}
export interface LiveContainer extends z.output<typeof container> {
  /** Undefined for foreign containers, and without {@link InventoryOptions.processes}. */
  readonly process: LiveProcess | undefined;
}
export type Limits = z.output<typeof limits>;
export interface Inventory {
  readonly limits: Limits;
  /** Group id of Docker's socket; absent if unknown. */
  readonly socketGroup?: number;
  /** How the engine manages control groups; absent if unknown. */
  readonly cgroups?: EngineCgroups;
  readonly containers: readonly LiveContainer[];
  readonly networks: readonly z.output<typeof network>[];
}

const CONTAINER_FORMAT =
  '{"container":{"id":{{json .Id}},"name":{{json .Name}},"image":{{json .Config.Image}},' +
  '"user":{{json .Config.User}},"labels":{{json .Config.Labels}},"state":{{json .State}},' +
  '"mounts":{{json .Mounts}},' +
  '"networks":{{json .NetworkSettings.Networks}},"host":{{json .HostConfig}}}}';
// Templates for single fields of .Config fail if the engine leaves them out.
const PROCESS_FORMAT =
  '{"process":{"id":{{json .Id}},"image":{{json .Image}},"config":{{json .Config}}}}';
const IMAGE_FORMAT = '{"image":{"id":{{json .Id}},"config":{{json .Config}}}}';
const MODES_FORMAT =
  "{{.Id}} {{.HostConfig.NetworkMode}} {{.HostConfig.PidMode}} {{.HostConfig.IpcMode}}";
const NETWORK_FORMAT =
  '{"network":{"id":{{json .Id}},"name":{{json .Name}},"internal":{{json .Internal}}}}';
const INFO_FORMAT =
  '{"limits":{"memory":{{json .MemoryLimit}},"swap":{{json .SwapLimit}},"processes":{{json .PidsLimit}}},' +
  '"cgroups":{"driver":{{json .CgroupDriver}},"version":{{json .CgroupVersion}}}}';

/** Whether it is, or was, the long-running container of this name inside its stack. */
export const isNamed = ({ labels }: Pick<LiveContainer, "labels">, name: string): boolean =>
  labels[ROLE_LABEL] === "container" && labels["pinned-stack.container"] === name;

export interface InventoryOptions {
  /** Whether to inspect what the containers run, and who joined their namespaces. Default false. */
  readonly processes?: boolean;
}

/**
 * Prints one line of JSON for each container and network. Skips objects that disappear meanwhile. Other errors of Docker end
 * the script; they are marked, because ssh and login banners also write to stderr.
 */
export function inventoryScript(
  stack: string,
  { processes = false }: InventoryOptions = {},
): string {
  const mine = quote(`label=pinned-stack.stack=${stack}`);
  return `ask() {
  { error=$(docker "$@" 2>&1 >&3 3>&-) || case $error in
    *[Nn]o\\ such*) ;;
    *) printf '${FAILED}%s\\n' "$(printf '%s' "$error" | tr '\\n' ' ')" >&2; exit 1;;
  esac; } 3>&1
}
ask version >/dev/null
ask info --format ${quote(INFO_FORMAT)}
stat -c '{"socket":{"group":%g}}' "\${DOCKER_HOST#unix://}" 2>/dev/null || :
networks=$(ask network ls -q --no-trunc --filter ${mine})
ids=$(ask ps -aq --no-trunc --filter ${mine})
for network in $networks; do ids="$ids $(ask ps -aq --no-trunc --filter "network=$network")"; done
${processes ? processesScript(mine) : ""}ids=$(printf '%s\\n' $ids | sort -u)
for network in $networks; do ask network inspect --format ${quote(NETWORK_FORMAT)} "$network"; done
[ -z "$ids" ] || ask container inspect --format ${quote(CONTAINER_FORMAT)} $ids
`;
}

/** Adds containers in a namespace of one of the stack to `$ids`. */
const processesScript = (mine: string): string => `own=$(ask ps -aq --no-trunc --filter ${mine})
every=$(ask ps -aq --no-trunc)
[ -z "$every" ] || every=$(ask container inspect --format ${quote(MODES_FORMAT)} $every)
joined=$(printf '%s\n' "$every" | while read -r id modes; do
  for mode in $modes; do
    case $mode in container:?*) ;; *) continue;; esac
    target=$(docker container inspect --format '{{.Id}}' "\${mode#container:}" 2>/dev/null) || continue
    case " $(echo $own) " in *" $target "*) echo "$id";; esac
  done
done)
ids="$ids $joined"
if [ -n "$own" ]; then
  ask container inspect --format ${quote(PROCESS_FORMAT)} $own
  images=$(ask container inspect --format '{{.Image}}' $own | sort -u)
  [ -z "$images" ] || ask image inspect --format ${quote(IMAGE_FORMAT)} $images
fi
`;

const FAILED = "docker failed: ";

/** The marked error of Docker; all of stderr if there is none. */
export const inventoryProblem = ({ code, stderr }: Pick<ShellResult, "code" | "stderr">): string =>
  `docker on the host: ${stderr.split(FAILED)[1]?.split("\n")[0]?.trim() ?? (stderr.trim() || `exit code ${code}`)}`;

const ALL_APPLIED: Limits = { memory: true, swap: true, processes: true };

export function parseInventory(text: string): Inventory {
  const parsed = text
    .split("\n")
    .filter((row) => row.startsWith("{"))
    .map((row) => line.parse(JSON.parse(row)));
  const socket = parsed.flatMap((row) => ("socket" in row ? [row.socket] : []))[0];
  const info = parsed.flatMap((row) => ("limits" in row ? [row] : []))[0];
  const images = parsed.flatMap((row) => ("image" in row ? [row.image] : []));
  const processes = parsed.flatMap((row) => ("process" in row ? [row.process] : []));
  const processOf = (id: string): LiveProcess | undefined => {
    const found = processes.find((process) => process.id === id);
    return found && { ...found, defaults: images.find(({ id }) => id === found.image)?.config };
  };
  return {
    ...(socket !== undefined && { socketGroup: socket.group }),
    ...(info?.cgroups && { cgroups: info.cgroups }),
    limits: info?.limits ?? ALL_APPLIED,
    containers: parsed.flatMap((row) =>
      "container" in row ? [{ ...row.container, process: processOf(row.container.id) }] : [],
    ),
    networks: parsed.flatMap((row) => ("network" in row ? [row.network] : [])),
  };
}

/** Rejects with a {@link CommandError} if Docker does not answer. */
export async function takeInventory(
  shell: HostShell,
  stack: string,
  signal?: AbortSignal,
): Promise<Inventory> {
  const answer = await shell(inventoryScript(stack, { processes: true }), { signal });
  if (answer.code !== 0) throw new CommandError(inventoryProblem(answer));
  return parseInventory(answer.stdout);
}
