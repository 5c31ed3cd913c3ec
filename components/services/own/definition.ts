/** A service of one's own, as a definition like those of this program. Pure. */
import { proxyEndpoint } from "../../hardened/haproxy";
import { containerModel, secretsIn } from "../../hardened/model";
import { Exemption } from "../../hardened/policy";
import { ServiceContainer, ServiceDefinition } from "../definition";
import { OwnService, OwnVolume } from "./schema";

/** Disk space that an image is expected to need, MiB: the program does not know it. */
const DISK_MIB = 500;

/** Name of the secret with the password of a service's database role. */
export const databaseSecret = (service: string): string => `${service}-database`;
/** The file of that password below the folder of the secrets, and its name in `${…}`. */
export const DATABASE_FILE = "database";

export function ownDefinition(name: string, own: OwnService): ServiceDefinition {
  const { port, path, reads, database } = own;
  return {
    name,
    own: true,
    image: { diskMiB: DISK_MIB },
    ...(port !== undefined && {
      route: {
        target: port,
        admin: false,
        ...(path !== undefined && { path }),
        probePath: path ?? "/",
        anyAnswer: true,
      },
    }),
    ...(reads && { dockerApi: reads }),
    ...(database === true && { database: { name, password: databaseSecret(name) } }),
    containers: () => [ownContainer(name, own)],
  };
}

function ownContainer(name: string, own: OwnService): ServiceContainer {
  const { user, tmpfs = [], volumes = [], depends_on: dependsOn = [], exemptions = [] } = own;
  const { ports, ulimits, healthcheck, shm_size, stop_grace_period, group_add, devices } = own;
  const executable = tmpfs.flatMap((one) => (one.executable ? [one.path] : []));
  const untried = untriedReason(own);
  return {
    // An exemption names root itself.
    ...(user !== undefined && !exemptions.some(({ control }) => control === "user") && { user }),
    ...(ulimits && { openFiles: ulimits.nofile }),
    ...(own.entrypoint && { entrypoint: own.entrypoint }),
    ...(own.command && { command: own.command }),
    ...(own.working_dir !== undefined && { workingDir: own.working_dir }),
    ...(own.reads && { environment: { DOCKER_HOST: proxyEndpoint(name) } }),
    files: configFiles(own),
    data: Object.fromEntries(volumes.flatMap(dataVolume)),
    hostPaths: volumes.flatMap((volume) =>
      volume.kind === "host"
        ? [
            {
              source: volume.source,
              path: volume.path,
              ...(!volume.readOnly && { writable: true }),
            },
          ]
        : [],
    ),
    tmpfs: Object.fromEntries(tmpfs.map(({ path, sizeMiB }) => [path, sizeMiB])),
    ...(executable.length > 0 && { executableTmpfs: executable }),
    ...(devices && { devices }),
    ...(group_add && { groups: group_add }),
    ...(own.init !== undefined && { init: own.init }),
    ...(healthcheck && { health: healthcheck }),
    ...(ports && ports.length > 0 && { ports: ports.map(publishedPort) }),
    egress: exemptions.some(
      ({ control, value }) =>
        control === "outsideNetworks" && ([value].flat() as unknown[]).includes("egress"),
    ),
    links: dependsOn,
    dependsOn,
    ...(stop_grace_period !== undefined && { stopGraceSeconds: stop_grace_period }),
    ...(shm_size !== undefined && { shmMiB: shm_size }),
    // Its own image may have neither a shell nor chown; this one is in every stack.
    toolImage: "traefik",
    ...(untried !== undefined && { upgrade: { untried } }),
    ...(own.backup && { backup: own.backup }),
  };
}

const publishedPort = ({
  published,
  internal,
  protocol,
}: NonNullable<OwnService["ports"]>[number]) => ({
  published,
  internal,
  ...(protocol === "udp" && { protocol }),
});

const dataVolume = (
  volume: OwnVolume,
): [string, NonNullable<ServiceContainer["data"]>[string]][] => {
  if (volume.kind === "host") return [];
  const { service, name, path, readOnly } = volume;
  const rest = { path, ...(readOnly && { readOnly }) };
  return service === undefined
    ? // Most databases in files change several of them together.
      [[name, { ...rest, chown: true, copy: "paused" }]]
    : [[`${service}.${name}`, { ...rest, of: `${service}-${name}` }]];
};

/** Why a copy of it would not work alone, which is how a trial runs it. */
function untriedReason({
  depends_on: others = [],
  volumes = [],
  devices = [],
  reads,
}: OwnService): string | undefined {
  const needs = [
    ...others.filter((other) => other !== "postgres"),
    ...volumes.flatMap((volume) =>
      volume.kind === "host"
        ? [volume.source]
        : volume.service === undefined
          ? []
          : [`the data of ${volume.service}`],
    ),
    ...devices.map(({ source }) => source),
    ...(reads === undefined ? [] : ["Docker's API"]),
  ];
  return needs.length === 0 ? undefined : `needs ${needs.join(", ")}, which a trial does not have`;
}

/** The folder of each configuration file: a volume of its own, unless it lies in the folder of another. */
export function configFolders(configs: NonNullable<OwnService["configs"]>): string[] {
  const folders = [...new Set(configs.map(({ target }) => folderOf(target)))];
  return folders.filter(
    (folder) => !folders.some((other) => other !== folder && folder.startsWith(`${other}/`)),
  );
}

export const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));

function configFiles({ configs = [] }: OwnService): NonNullable<ServiceContainer["files"]> {
  const volumes: Record<string, { path: string; files: Record<string, string> }> = {};
  for (const path of configFolders(configs)) {
    const base = `files-${path
      .slice(1)
      .replace(/[^A-Za-z0-9]+/g, "-")
      .replace(/^-|-$/g, "")}`;
    let volume = base;
    for (let n = 2; volume in volumes; n++) volume = `${base}-${n}`;
    const inside = configs.filter(({ target }) => target.startsWith(`${path}/`));
    volumes[volume] = {
      path,
      files: Object.fromEntries(
        inside.map(({ target, content }) => [target.slice(path.length + 1), content]),
      ),
    };
  }
  return volumes;
}

/**
 * The exemptions of a service with what follows from them: a port can only be published from a network that is not internal,
 * so the exemption for the port is one for that network too.
 */
export function ownExemptions({ ports = [], exemptions = [] }: OwnService): readonly Exemption[] {
  const forPorts = exemptions.find(({ control }) => control === "publishedPorts");
  if (ports.length === 0 || forPorts === undefined) return exemptions;
  const outside = exemptions.find(({ control }) => control === "outsideNetworks");
  const networks = [outside?.value ?? []].flat() as string[];
  if (networks.includes("edge")) return exemptions;
  const why = `ports cannot be published from an internal network (${forPorts.reason})`.slice(
    0,
    500,
  );
  return [
    ...exemptions.filter((one) => one !== outside),
    {
      control: "outsideNetworks",
      value: [...networks, "edge"],
      reason: outside === undefined ? why : `${outside.reason}; ${why}`.slice(0, 500),
    },
  ];
}

/**
 * Throws a HardeningError where a service goes beyond the policy and its exemptions, or has one that it does not use.
 *
 * @param at path of the service in the configuration
 */
export function ownPolicyProblems(at: string, own: OwnService): void {
  const container = ownContainer(at, own);
  const outside = [
    ...(container.ports === undefined ? [] : ["edge"]),
    ...(container.egress === true ? ["egress"] : []),
  ];
  const secretVariables = Object.entries(own.environment ?? {})
    .filter(([, text]) =>
      secretsIn(text).some((one) => one !== text && !["url", "host"].includes(one)),
    )
    .map(([name]) => [name, name]);
  const { memoryMiB, cpus, pidsLimit } = own;
  containerModel({
    ...container,
    ...(memoryMiB !== undefined && { memoryMiB }),
    ...(cpus !== undefined && { cpus }),
    ...(pidsLimit !== undefined && { pidsLimit }),
    name: at,
    image: "",
    exemptions: ownExemptions(own),
    mounts: (container.hostPaths ?? []).map((mount) => ({ kind: "host", ...mount })),
    networks: outside.map((name) => ({ name, internal: false })),
    ports: (container.ports ?? []).map((port) => ({ address: "", ...port })),
    secretEnvironment: Object.fromEntries(secretVariables) as Record<string, string>,
  });
}

/** Services of one's own whose health check is that of the image: `healthcheck: image`. */
export const ownHealthChecks = ({ images, services }: WithImages): string[] =>
  Object.keys(images).filter((name) => services[name]?.own?.healthcheck?.command.length === 0);
interface WithImages {
  readonly images: Readonly<Record<string, unknown>>;
  readonly services: Readonly<Record<string, { readonly own?: OwnService }>>;
}
