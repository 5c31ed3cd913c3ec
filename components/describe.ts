/** From the configuration to the model of the stack: the one place where definitions and settings meet. Pure. */
import { formatReference, ImageReference } from "../images/reference";
import { allowedPaths, proxyName, SocketRead } from "./hardened/haproxy";
import { containerModel, FileContent, Mount, NetworkModel } from "./hardened/model";
import { IngressSettings, publicUrl, Route } from "./ingress";
import { ImageModel, StackContainer, StackModel, StackSettings } from "./model";
import { DEFINITIONS } from "./services";
import {
  DatabaseSpec,
  DerivedContent,
  DescribedStack,
  isAdminRoute,
  ServiceContainer,
  ServiceDefinition,
} from "./services/definition";
import { DEFAULT_SOCKET, hostAccess } from "../host/address";

/**
 * Throws a HardeningError that lists all violations of the policy, and a UserError for an unusable homepage folder.
 *
 * @param images by service; required for every enabled service
 * @param since by service, the day on which its current image was first deployed: `2026-01-31`. Default: unknown
 */
export function describeStack(
  settings: StackSettings,
  images: Readonly<Partial<Record<string, ImageReference>>>,
  since: Readonly<Record<string, string>> = {},
  definitions: readonly ServiceDefinition[] = DEFINITIONS,
): StackModel {
  const { socketPath } = hostAccess(settings.host);
  const enabled = definitions.filter(({ name }) => settings.services[name]?.enabled === true);
  const imageOf = (service: string): ImageReference => {
    const reference = images[service];
    if (reference === undefined) throw new Error(`images.${service}: was not checked before use`);
    return reference;
  };
  const routes = activeRoutes(enabled, settings);
  const dockerClients = enabled.flatMap(({ name, dockerApi }) =>
    dockerApi === undefined ? [] : [{ service: name, reads: dockerApi }],
  );
  const databases = enabled.flatMap(({ name, database }) =>
    database === undefined ? [] : [{ ...database, service: name }],
  );
  const parts = enabled.flatMap((definition) => {
    const { name } = definition;
    const { host, options: own } = settingsOf(settings, name);
    const context = {
      ...pickIngress(settings),
      stack: settings.stack,
      image: imageOf(name),
      options: own,
      url: host === undefined ? "" : publicUrl(settings, host),
      routes,
      dockerClients,
      databases,
    };
    return definition
      .containers(context)
      .map((container) => ({ definition, container, name: container.name ?? name }));
  });
  const networks = networksOf(parts, dockerClients);
  const namedCgroups = enabled.some((definition) => definition.namedCgroups === true);
  const containers = parts.map(({ definition, container, name }) =>
    describeContainer(definition, container, {
      name,
      settings,
      image: formatReference(imageOf(definition.name)),
      toolImage: formatReference(imageOf(container.toolImage ?? definition.name)),
      networks: networks.filter(({ members }) => members.includes(name)),
      dockerClients,
      databases,
      socketPath,
      namedCgroups,
    }),
  );
  const described: DescribedStack = {
    stack: settings.stack,
    containers,
    services: enabled.map(({ name }) => {
      const { host } = settingsOf(settings, name);
      const day = since[name];
      const admin = isAdmin(definitions, settings, name);
      const isVisible =
        routes.some(({ service }) => service === name) &&
        (!admin || settings.adminAllow.length > 0);
      return {
        service: name,
        image: formatReference(imageOf(name)),
        ...(day !== undefined && { since: day }),
        ...(host !== undefined && isVisible && { url: publicUrl(settings, host) }),
        admin,
      };
    }),
  };
  return {
    stack: settings.stack,
    platform: settings.platform,
    requirePins: settings.requirePins,
    insecureRegistries: Object.entries(settings.registries)
      .filter(([, { insecure }]) => insecure === true)
      .map(([registry]) => registry)
      .sort(),
    images: enabled.map((definition) => imageModel(definition, imageOf(definition.name), since)),
    containers: containers.map((container, index) =>
      withDerived(container, parts[index]?.container, described),
    ),
    networks: [...networks].sort((a, b) => Number(a.internal) - Number(b.internal)),
    ingress: {
      ...pickIngress(settings),
      routes: routes.map((route) => {
        const policy = parts.find(({ name }) => name === route.container)?.container
          .contentSecurityPolicy;
        return { ...route, ...(policy !== undefined && { contentSecurityPolicy: policy }) };
      }),
    },
  };
}

/** Whether the route of a service is for administrators only. */
const isAdmin = (
  definitions: readonly ServiceDefinition[],
  settings: StackSettings,
  service: string,
): boolean =>
  definitions.some(
    ({ name, route }) =>
      name === service &&
      route !== undefined &&
      isAdminRoute(route, settingsOf(settings, name).options),
  );

const pickIngress = ({ tls, publish, adminAllow }: IngressSettings): IngressSettings => ({
  tls,
  publish,
  adminAllow,
});

const settingsOf = ({ services }: StackSettings, name: string) => {
  const settings = services[name];
  if (settings === undefined) throw new Error(`services.${name}: was not checked before use`);
  return settings;
};

/** The routes of the enabled services. An empty `adminAllow` leaves only the public paths of the admin routes. */
const activeRoutes = (enabled: readonly ServiceDefinition[], settings: StackSettings): Route[] =>
  enabled.flatMap(({ name, route }) => {
    const { host, options } = settingsOf(settings, name);
    if (route === undefined || host === undefined) return [];
    const { publicPaths, healthPath, probePath = "/" } = route;
    const target =
      typeof route.target === "number" ? `http://${name}:${route.target}` : route.target;
    const admin = isAdminRoute(route, options);
    const hasAdmins = settings.adminAllow.length > 0;
    if (admin && !hasAdmins && publicPaths === undefined) return [];
    const adminPaths = admin
      ? []
      : (route.adminPaths?.(options) ?? [])
          // Without administrators nobody opens a page of their own, while a path of the service stays closed.
          .filter((path) => hasAdmins || path.target === undefined)
          .map((path) => ({
            path: path.path,
            target: path.target === undefined ? target : `http://${name}:${path.target}`,
          }));
    return {
      service: name,
      host,
      target,
      container: name,
      admin,
      ...(publicPaths !== undefined && { publicPaths }),
      ...(adminPaths.length > 0 && { adminPaths }),
      ...(healthPath !== undefined && { healthPath }),
      probePath,
    };
  });

interface Part {
  readonly definition: ServiceDefinition;
  readonly container: ServiceContainer;
  readonly name: string;
}

interface StackNetwork extends NetworkModel {
  readonly members: readonly string[];
}

type DockerClients = readonly { readonly service: string; readonly reads: readonly SocketRead[] }[];

/** One network for each pair of containers that communicate, named `<client>-<server>`. */
function networksOf(parts: readonly Part[], dockerClients: DockerClients): StackNetwork[] {
  const networks = new Map<string, StackNetwork>();
  const join = (name: string, internal: boolean, members: readonly string[]): void => {
    const known = networks.get(name)?.members ?? [];
    networks.set(name, { name, internal, members: [...new Set([...known, ...members])] });
  };
  const names = new Set(parts.map(({ name }) => name));
  const link = (from: string, to: string, name = `${from}-${to}`): void => {
    if (names.has(from) && names.has(to) && !networks.has(`${to}-${from}`))
      join(name, true, [from, to]);
  };
  for (const { definition, container, name } of parts) {
    if (container.ports !== undefined) join("edge", false, [name]);
    for (const other of container.links ?? []) link(name, other);
    for (const client of definition.clients ?? []) link(client, name);
    if (name === definition.name) {
      if (definition.database !== undefined) link(name, "postgres");
      if (dockerClients.some(({ service }) => service === name))
        link(name, proxyName(name), `${name}-socket-proxy`);
    }
    if (container.egress === true) join("egress", false, [name]);
  }
  return [...networks.values()];
}

/** What a container takes from the rest of the stack. */
interface ContainerContext {
  readonly name: string;
  readonly settings: StackSettings;
  readonly image: string;
  readonly toolImage: string;
  readonly networks: readonly StackNetwork[];
  readonly dockerClients: DockerClients;
  readonly databases: readonly (DatabaseSpec & { readonly service: string })[];
  readonly socketPath: string;
  readonly namedCgroups: boolean;
}

function describeContainer(
  definition: ServiceDefinition,
  container: ServiceContainer,
  {
    name,
    settings,
    image,
    toolImage,
    networks,
    dockerClients,
    databases,
    socketPath,
    namedCgroups,
  }: ContainerContext,
): StackContainer {
  const { limits, exemptions } = settingsOf(settings, definition.name);
  const { afterStart, ports = [], dependsOn = [] } = container;
  const database = databases.find(({ service }) => service === name)?.name;
  const proxied = dockerClients.find(({ service }) => proxyName(service) === name);
  return {
    ...containerModel({
      ...container,
      ...limits,
      name,
      service: definition.name,
      image,
      exemptions: [...(container.exemptions ?? []), ...exemptions],
      mounts: mountsOf(name, definition.name, container, socketPath),
      networks: networks.map(({ name: network, internal }) => ({ name: network, internal })),
      ports: ports.map((port) => ({ address: settings.publish.address, ...port })),
      ...(namedCgroups && { cgroup: { stack: settings.stack, name } }),
      dependsOn: [
        ...dependsOn,
        ...(database === undefined ? [] : ["postgres"]),
        ...(dockerClients.some(({ service }) => service === name) ? [proxyName(name)] : []),
      ],
    }),
    toolImage,
    ...(afterStart !== undefined && { afterStart }),
    ...((container.upgrade !== undefined || database !== undefined) && {
      upgrade: { ...container.upgrade, ...(database !== undefined && { database }) },
    }),
    ...(proxied && { dockerReads: allowedPaths(proxied.reads) }),
  };
}

function mountsOf(
  name: string,
  service: string,
  { files = {}, secrets = {}, data = {}, hostPaths = [], dockerSocket }: ServiceContainer,
  socketPath: string,
): Mount[] {
  return [
    ...Object.entries(files).map(([volume, mount]): Mount => ({
      kind: "files",
      volume: `${name}-${volume}`,
      path: mount.path,
      // withDerived() fills in derived content later: it depends on all containers.
      files: Object.fromEntries(
        Object.entries(mount.files).map(([file, content]): [string, FileContent] => [
          file,
          typeof content === "function" ? "" : content,
        ]),
      ),
      ...(mount.live === true && { live: true }),
    })),
    ...Object.entries(secrets).map(([volume, mount]): Mount => ({
      kind: "secrets",
      volume: `${name}-${volume}`,
      path: mount.path,
      files: Object.fromEntries(
        Object.entries(mount.files).map(([file, secret]) => [file, { secret }]),
      ),
    })),
    ...Object.entries(data).map(([volume, { path, chown = false, copy }]): Mount => ({
      kind: "data",
      volume: `${service}-${volume}`,
      path,
      chown,
      ...(copy !== undefined && { copy }),
    })),
    ...hostPaths.map((mount): Mount => ({ kind: "host", ...mount })),
    ...(dockerSocket === true
      ? [{ kind: "socket", source: socketPath, path: DEFAULT_SOCKET } as const]
      : []),
  ];
}

function withDerived(
  container: StackContainer,
  from: ServiceContainer | undefined,
  stack: DescribedStack,
): StackContainer {
  const derived = new Map<string, DerivedContent>();
  for (const { path, files } of Object.values(from?.files ?? {}))
    for (const [file, content] of Object.entries(files))
      if (typeof content === "function") derived.set(`${path}/${file}`, content);
  if (derived.size === 0) return container;
  return {
    ...container,
    mounts: container.mounts.map((mount) =>
      mount.kind === "files"
        ? {
            ...mount,
            files: Object.fromEntries(
              Object.entries(mount.files).map(([file, content]) => [
                file,
                derived.get(`${mount.path}/${file}`)?.(stack) ?? content,
              ]),
            ),
          }
        : mount,
    ),
  };
}

function imageModel(
  { name, image }: ServiceDefinition,
  reference: ImageReference,
  since: Readonly<Record<string, string>>,
): ImageModel {
  const day = since[name];
  return {
    service: name,
    reference,
    needs: {
      service: name,
      image: formatReference(reference),
      diskMiB: image.diskMiB,
      ...image.needs?.(reference),
    },
    ...(day !== undefined && { since: day }),
  };
}
