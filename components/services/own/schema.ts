/**
 * The keys of a service of one's own below `services.<name>`: those of Compose under Compose's names, and what Compose lacks.
 * docs/own-services.md explains them. Pure.
 */
import { z } from "zod";

import { expectation, expected, textLike, wholeNumber } from "../../../text/messages";
import { SOCKET_READS, SocketRead } from "../../hardened/haproxy";
import { LIMIT_BOUNDS } from "../../hardened/policy";
import { ownCommonKeys, routeKeys } from "../keys";

/** Names of services of one's own: also host names, network aliases, and parts of names in Docker. */
export const OWN_NAME = /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/;

/** Names that this program uses in Docker, or may give to services in later versions. */
const RESERVED =
  /^(?:postgres|socket-proxy|edge|egress|n8n-runners)-|^(?:edge|egress|trial|cleanup|deployment|backup|backups|restic|localhost|last-deployment)$|--/;
export const isReserved = (name: string): boolean => RESERVED.test(name);

/** Ends of volume names that the scripts on the host use. */
const RESERVED_VOLUME = /(?:^|-)(?:before|copied|switched|return|incomplete|owner|init|lock)$/;

/** The parsed value of a text, or the problem: `expected …`. */
type Parsed<T> = { readonly value: T } | { readonly problem: string };

const parsedText = <T>(what: string, parse: (text: string) => Parsed<T>) =>
  z.string(expected(what)).transform((text, context): T => {
    const parsed = parse(text);
    if ("value" in parsed) return parsed.value;
    context.addIssue({ code: "custom", message: parsed.problem });
    return z.NEVER;
  });

/** A list of words. A text is what a shell would split; Docker does not. */
const WORDS = 'a list of words such as [serve, --port, "8080"]';
const words = z.array(z.string(expected("a quoted string")), {
  error: ({ input }) =>
    typeof input === "string"
      ? `expected a list of words, got a text; write ${listOf(input)}`
      : expectation(WORDS, input),
});

/** The list that a simple command line would be, for a message. */
function listOf(text: string): string {
  const parts = text.match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  const shown = parts.map((part) => part.replace(/^(["'])(.*)\1$/s, "$2"));
  return `[${shown.map((word) => (/^[A-Za-z/.][\w/.=-]*$/.test(word) ? word : JSON.stringify(word))).join(", ")}]`;
}

/** An absolute path inside the container, without `.`, `..`, and characters that Docker's own syntax needs. */
const PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[^/:,\0\s"\\$]+)+$/;
const path = textLike("an absolute path such as /var/lib/app", PATH);

const USER = /^\d{1,10}:\d{1,10}$/;

/** A size such as `64m` in MiB. */
function megabytes(text: string): number | undefined {
  const [, digits = "", unit = ""] = /^(\d{1,6})(m|mb|mib|g|gb|gib)$/i.exec(text) ?? [];
  const size = Number(digits) * (unit.toLowerCase().startsWith("g") ? 1024 : 1);
  return digits === "" || size < 1 || size > 65536 ? undefined : size;
}

/** A duration of Compose such as `1m30s` in whole seconds. */
function seconds(text: string): number | undefined {
  const [whole, hours = "0", minutes = "0", rest = "0"] =
    /^(?:(\d{1,2})h)?(?:(\d{1,4})m)?(?:(\d{1,5})s)?$/.exec(text) ?? [];
  return whole === undefined || whole === ""
    ? undefined
    : Number(hours) * 3600 + Number(minutes) * 60 + Number(rest);
}

const duration = (from: number, to: number) => {
  const what = `a duration such as 30s or 2m, from ${from}s to ${to}s`;
  return parsedText(what, (text): Parsed<number> => {
    const value = seconds(text);
    return value === undefined || value < from || value > to
      ? { problem: expectation(what, text) }
      : { value };
  });
};

/** A volume of a service. */
export type OwnVolume =
  | {
      readonly kind: "data";
      /** The service whose volume it is. Default: the one that has it. */
      readonly service?: string;
      readonly name: string;
      readonly path: string;
      readonly readOnly: boolean;
    }
  | {
      readonly kind: "host";
      readonly source: string;
      readonly path: string;
      readonly readOnly: boolean;
    };

const VOLUME = "name:/path, service.name:/path or /host/path:/path, each with :ro for reading only";

function parseVolume(text: string): Parsed<OwnVolume> {
  const [source = "", target = "", mode, ...more] = text.split(":");
  if (!PATH.test(target) || more.length > 0 || !(mode === undefined || ["ro", "rw"].includes(mode)))
    return { problem: expectation(VOLUME, text) };
  const rest = { path: target, readOnly: mode === "ro" };
  if (source.startsWith("/")) {
    if (source !== "/" && !PATH.test(source)) return { problem: expectation(VOLUME, text) };
    const problem = hostPathProblem(source, rest.readOnly);
    return problem === undefined ? { value: { kind: "host", source, ...rest } } : { problem };
  }
  if (/^[.~]/.test(source))
    return {
      problem: `expected a data volume such as data:${target}, or an absolute path on the host, got ${JSON.stringify(source)}; there is no folder beside the stack file on the host`,
    };
  const [, service, name = ""] =
    /^(?:([a-z][a-z0-9-]{0,40})\.)?([a-z0-9][a-z0-9_-]{0,40})$/.exec(source) ?? [];
  if (name === "") return { problem: expectation(VOLUME, text) };
  if (RESERVED_VOLUME.test(name))
    return {
      problem: `the end of ${JSON.stringify(name)} has a meaning on the host; give it another name`,
    };
  return { value: { kind: "data", ...(service !== undefined && { service }), name, ...rest } };
}

/** Where the sockets of container engines are, and everything above. */
const SOCKETS =
  /^\/(?:(?:var\/)?run(?:\/(?:docker|containerd|podman|crio)(?:\/.*|\.sock)?)?|var|)$|\/(?:docker|containerd|podman|crio|balena-engine)\.sock$/;
/** Whoever changes these changes the host. */
const SYSTEM =
  /^\/(?:bin|boot|dev|etc|lib\w*|proc|root|sbin|sys|usr|var\/lib\/(?:docker|containerd|containers|kubelet)|var\/spool\/cron|home\/[^/]+\/\.ssh)(?:\/|$)/;

/** Why a path of the host cannot be mounted at all. */
export function hostPathProblem(source: string, readOnly: boolean): string | undefined {
  if (SOCKETS.test(source))
    return `${source} is or contains the socket of a container engine, which is root on the host; to read containers, write reads: [containers, container]; what changes them goes through "npm run deploy"`;
  if (/^\/(?:var\/lib\/(?:docker|containerd|containers))(?:\/|$)/.test(source))
    return `${source} holds the data and secrets of every container; use a data volume such as data:/path`;
  if (!readOnly && SYSTEM.test(source))
    return `${source} belongs to the host's system and cannot be mounted for writing; add :ro with an exemption hostPaths, or use a data volume such as data:/path`;
  return undefined;
}

/** Devices that give away the memory or the disks of the host. */
const FATAL_DEVICE =
  /^\/dev\/(?:mem|kmem|kmsg|port|sd[a-z]|hd[a-z]|vd[a-z]|xvd|nvme|mmcblk|loop|dm-|md\d|disk(?:\/|$)|mapper(?:\/|$)|block(?:\/|$)|root$)/;

const DEVICE = "/dev/name or /dev/name:/dev/name";
const device = parsedText(DEVICE, (text): Parsed<{ source: string; path: string }> => {
  const [source = "", target = source, mode, ...more] = text.split(":");
  const isDevice = (name: string): boolean => PATH.test(name) && /^\/dev\/./.test(name);
  if (!isDevice(source) || !isDevice(target) || more.length > 0 || !/^[rwm]*$/.test(mode ?? ""))
    return { problem: expectation(DEVICE, text) };
  return FATAL_DEVICE.test(source)
    ? { problem: `${source} is the host's memory or a disk of it, which no exemption allows` }
    : { value: { source, path: target } };
});

const TMPFS = "/path, /path:size=64m or /path:size=64m,exec";
/** MiB where a tmpfs names no size. */
const TMPFS_MIB = 16;

const tmpfs = parsedText(
  TMPFS,
  (text): Parsed<{ path: string; sizeMiB: number; executable: boolean }> => {
    const [target = "", options = "", ...more] = text.split(":");
    const given = options === "" ? [] : options.split(",");
    const sizes = given.filter((option) => option.startsWith("size="));
    const others = given.filter((option) => !option.startsWith("size="));
    const size = sizes[0] === undefined ? TMPFS_MIB : megabytes(sizes[0].slice("size=".length));
    const known = ["exec", "noexec", "rw", "nosuid", "nodev"];
    if (!PATH.test(target) || more.length > 0 || sizes.length > 1 || size === undefined)
      return { problem: expectation(TMPFS, text) };
    const unknown = others.filter((option) => !known.includes(option));
    return unknown.length > 0
      ? {
          problem: `expected ${TMPFS}, got the option ${JSON.stringify(unknown[0])}; the owner is always the service's user`,
        }
      : { value: { path: target, sizeMiB: size, executable: others.includes("exec") } };
  },
);

const PORT = '"2222:2222" or "5353:53/udp", host and container';
const port = wholeNumber(1, 65535);
const published = parsedText(
  PORT,
  (text): Parsed<{ published: number; internal: number; protocol: "tcp" | "udp" }> => {
    const [, host, inside = "", protocol = "tcp"] =
      /^(?:(\d{1,5}):)?(\d{1,5})(?:\/(tcp|udp))?$/.exec(text) ?? [];
    const isPort = (digits: string): boolean => Number(digits) >= 1 && Number(digits) <= 65535;
    if (/^[\d.[\]:a-f]+:\d+:\d+/.test(text))
      return {
        problem: `expected ${PORT}, got an address; all ports are published on publish.address`,
      };
    if (/\d-\d/.test(text))
      return { problem: `expected ${PORT}, got a range; write one line per port` };
    if (host === undefined || !isPort(host) || !isPort(inside))
      return { problem: expectation(PORT, text) };
    return {
      value: {
        published: Number(host),
        internal: Number(inside),
        protocol: protocol === "udp" ? "udp" : "tcp",
      },
    };
  },
);

const HEALTH =
  'image, or { test: [CMD, program, argument] } or { test: [CMD-SHELL, "a shell command"] }';

export interface OwnHealth {
  /** Empty: that of the image. */
  readonly command: readonly string[];
  readonly startSeconds?: number;
}

const healthTest = z
  .array(
    z.string(expected("a quoted string")),
    expected('a list such as [CMD, wget, -q, --spider, "http://127.0.0.1:8080/"]'),
  )
  .transform((test, context): readonly string[] => {
    const [kind, ...command] = test;
    if (kind === "CMD" && command.length > 0) return command;
    if (kind === "CMD-SHELL" && command.length === 1) return ["/bin/sh", "-c", ...command];
    context.addIssue({
      code: "custom",
      message:
        kind === "NONE"
          ? "expected a check; for a program that cannot be checked, leave healthcheck out and add an exemption healthCheck with its reason"
          : "expected [CMD, program, …], or [CMD-SHELL, command] with the whole command as one text",
    });
    return z.NEVER;
  });

/** Docker asks the health check of an image for the first time after its interval, usually 30 seconds. */
const IMAGE_HEALTH_SECONDS = 120;

const health = z
  .union(
    [
      z.literal("image"),
      z.strictObject({ test: healthTest, start_period: duration(1, 3600).optional() }),
    ],
    {
      error: ({ input }) => expectation(HEALTH, input),
    },
  )
  .transform((given): OwnHealth =>
    given === "image"
      ? { command: [], startSeconds: IMAGE_HEALTH_SECONDS }
      : {
          command: given.test,
          ...(given.start_period !== undefined && { startSeconds: given.start_period }),
        },
  );

const READS = Object.keys(SOCKET_READS) as [SocketRead, ...SocketRead[]];

const backup = z.union(
  [
    z.strictObject({ command: words }),
    z.strictObject({ stop: z.literal(true) }),
    z.strictObject({
      none: z
        .string(expected("a reason of at least 10 characters"))
        .min(10, "expected a reason of at least 10 characters")
        .max(500, "expected a reason of at most 500 characters"),
    }),
  ],
  expected(
    "{ stop: true }, { command: [program, argument] }, or { none: a reason of at least 10 characters }",
  ),
);

const GROUP = "the number of a group";

const service = textLike("the name of a service", /^[a-z][a-z0-9-]{0,40}$/);

/** The keys of a service of one's own. Every one is optional. */
export const ownShape = {
  ...ownCommonKeys,
  ...routeKeys,
  user: z
    .string(expected('"uid:gid" in quotes, such as "1000:1000"'))
    .regex(USER, {
      error: ({ input }) =>
        `${expectation('numeric "uid:gid" such as "1000:1000"', input)}; "docker run --rm --entrypoint id IMAGE" prints the numbers`,
    })
    .optional(),
  entrypoint: words.optional(),
  command: words.optional(),
  working_dir: path.optional(),
  configs: z
    .array(
      z.strictObject({
        target: path,
        content: z
          .string(expected("the content of the file as a text"))
          .min(1, "expected some content"),
      }),
      expected("a list of { target, content }"),
    )
    .optional(),
  volumes: z.array(parsedText(VOLUME, parseVolume), expected("a list of volumes")).optional(),
  tmpfs: z.array(tmpfs, expected(`a list of ${TMPFS}`)).optional(),
  devices: z.array(device, expected(`a list of ${DEVICE}`)).optional(),
  healthcheck: health.optional(),
  depends_on: z.array(service, expected("a list of services")).optional(),
  ports: z.array(published, expected(`a list of ${PORT}`)).optional(),
  stop_grace_period: duration(1, 600).optional(),
  shm_size: parsedText("a size such as 128m", (text): Parsed<number> => {
    const value = megabytes(text);
    return value === undefined ? { problem: expectation("a size such as 128m", text) } : { value };
  }).optional(),
  ulimits: z
    .strictObject(
      { nofile: wholeNumber(...LIMIT_BOUNDS.openFiles) },
      expected("a map such as { nofile: 8192 }"),
    )
    .optional(),
  group_add: z
    .array(
      z
        .union(
          [
            z.number().int(),
            z.string().regex(/^\d{1,10}$/, { error: ({ input }) => expectation(GROUP, input) }),
          ],
          expected(GROUP),
        )
        .transform(String)
        .refine((group) => Number(group) > 0, "expected another group than root's"),
      expected('a list of numeric groups such as ["44"]'),
    )
    .optional(),
  init: z.boolean().optional(),
  port: port.optional(),
  path: textLike(
    "a path without a slash at the end, such as /api",
    /^(?:\/[\w.~-]{1,100}){1,10}$/,
  ).optional(),
  reads: z
    .array(z.enum(READS), expected(`a list of ${READS.join(", ")}`))
    .min(1)
    .optional(),
  database: z.literal(true, expected("true, or no such line")).optional(),
  backup: backup.optional(),
};

/** A service of one's own, `services.<name>`. */
export const ownService = z.strictObject(ownShape, expected("a map such as { port: 8080 }"));
export type OwnService = z.output<typeof ownService>;

const DECIDED = "the program decides this for every service; remove the line";
/** Keys of Compose that a service of one's own has not, and what to do instead. */
export const COMPOSE_KEYS: Readonly<Partial<Record<string, string>>> = {
  ...Object.fromEntries(
    [
      ...["container_name", "restart", "logging", "networks", "cap_drop", "read_only", "labels"],
      ...["pull_policy", "platform", "stdin_open", "tty", "cpu_shares", "hostname", "dns"],
      ...["domainname", "mac_address", "memswap_limit", "dns_search", "dns_opt", "oom_score_adj"],
    ].map((key) => [key, DECIDED]),
  ),
  image: "write it under images, with the name of the service",
  build: "images are not built here; push yours to a registry, and name it under images",
  privileged:
    "would switch off every other restriction; name the capability that is meant as an exemption capabilities with its reason",
  cap_add: "write it as an exemption { control: capabilities, value: [CAP_NAME], reason: … }",
  security_opt:
    "seccomp, AppArmor and no-new-privileges stay on; for a set-uid program, write an exemption noNewPrivileges",
  network_mode:
    "a service never shares the network of the host or of another one; publish single ports with ports, and connect services with links",
  pid: "a service never sees the processes of the host or of another one; remove the line",
  ipc: "a service never shares memory with the host or another one; for more shared memory of its own, write shm_size",
  uts: "a service never has the host's name; remove the line",
  userns_mode: "a service never has the host's users; remove the line",
  cgroup: "a service has a cgroup of its own; cgroups of the host need an exemption hostCgroups",
  cgroup_parent: DECIDED,
  runtime: "containers run with the engine's default runtime; remove the line",
  gpus: "name the devices, such as devices: [/dev/dri/renderD128], with an exemption devices",
  device_cgroup_rules: "name each device under devices, with an exemption devices",
  sysctls: "kernel settings are those of the host; set it there, or remove the line",
  extra_hosts: "names are those of DNS; write the address into the configuration of the program",
  env_file: "write the variables under environment, and secrets under secrets",
  expose:
    "write port for pages that Traefik serves; services that name this one reach all its ports",
  deploy: "write memoryMiB, cpus and pidsLimit",
  mem_limit: "write memoryMiB, a number of MiB",
  mem_reservation: DECIDED,
  pids_limit: "write pidsLimit",
  scale: "one container runs of each service; remove the line",
  profiles: "write enabled: false for a service that is off",
  extends: "write the keys themselves",
  volumes_from: "name the other service's volume, such as other.data:/path",
  external_links: "write links with services of this stack",
  stop_signal: "the signal is that of the image; remove the line",
  "healthcheck.interval": DECIDED,
  "healthcheck.retries": DECIDED,
  "healthcheck.timeout": DECIDED,
  "healthcheck.start_interval": DECIDED,
  "healthcheck.disable":
    "for a program that cannot be checked, leave healthcheck out and add an exemption healthCheck with its reason",
};
