/** From the configuration to the model of the stack: the one place where definitions and settings meet. Pure. */
import { datelessLines } from "../images/known/known";
import { formatReference, ImageReference } from "../images/reference";
import { allowedPaths, proxyName, SocketRead } from "./hardened/haproxy";
import { containerModel, FileContent, fillText, Mount, NetworkModel } from "./hardened/model";
import { HardeningError } from "./hardened/policy";
import { IngressSettings, publicUrl, Route } from "./ingress";
import { CGROUP_ROOT, ImageModel, StackContainer, StackModel, StackSettings } from "./model";
import { definitionsWith } from "./services";
import { DATABASES, SavedVolume, savingOf } from "./services/backup/saved";
import {
  DatabaseSpec,
  DerivedContent,
  DescribedStack,
  isAdminRoute,
  ServiceContainer,
  ServiceContext,
  ServiceDefinition,
} from "./services/definition";
import { ServiceExtras } from "./services/keys";
import { DATABASE_FILE } from "./services/own/definition";
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
  definitions: readonly ServiceDefinition[] = definitionsWith(settings.services),
): StackModel {
  const { socketPath } = hostAccess(settings.host);
  const enabled = definitions.filter(({ name }) => settings.services[name]?.enabled === true);
  const imageOf = (service: string): ImageReference => {
    const reference = images[service];
    if (reference === undefined) throw new Error(`images.${service}: was not checked before use`);
    return reference;
  };
  const routes = [...activeRoutes(enabled, settings), ...elsewhereRoutes(enabled, settings)];
  const redirects = sorted(settings.redirects).map(([from, to]) => ({ from, to }));
  const dockerClients = enabled.flatMap(({ name, dockerApi }) =>
    dockerApi === undefined ? [] : [{ service: name, reads: dockerApi }],
  );
  const databases = enabled.flatMap(({ name, database }) =>
    database === undefined ? [] : [{ ...database, service: name }],
  );
  const { enabled: saves = false, options: backup } = settings.services[BACKUP] ?? {};
  const contextOf = (definition: ServiceDefinition): ServiceContext => {
    const { name } = definition;
    const { host, options: own } = settingsOf(settings, name);
    return {
      ...pickIngress(settings),
      stack: settings.stack,
      image: imageOf(name),
      options: own,
      url: host === undefined ? "" : urlOf(settings, host, definition),
      routes,
      redirects,
      dockerClients,
      databases,
      ...(saves && backup && { backup }),
      savedVolumes: () =>
        enabled
          .filter((other) => other !== definition)
          .flatMap((other) => savedVolumesOf(other, other.containers(contextOf(other)))),
    };
  };
  const parts = allOrProblems(enabled, (definition) => {
    const { name } = definition;
    const context = contextOf(definition);
    return definition.containers(context).map((container) => ({
      definition,
      container: withExtras(definition, container, context.url, extrasOf(settings, name)),
      name: container.name ?? name,
    }));
  }).flat();
  const networks = networksOf(parts, dockerClients);
  const namedCgroups = enabled.some((definition) => definition.namedCgroups === true);
  const containers = allOrProblems(parts, ({ definition, container, name }) =>
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
    services: enabled.map((definition) => {
      const { name } = definition;
      const { host } = settingsOf(settings, name);
      const day = since[name];
      const admin = isAdmin(definition, settings);
      const known = datelessLines(imageOf(name), settings.accept ?? []);
      const isVisible =
        routes.some(({ service }) => service === name) &&
        (!admin || settings.adminAllow.length > 0);
      return {
        service: name,
        image: formatReference(imageOf(name)),
        ...(day !== undefined && { since: day }),
        ...(host !== undefined && isVisible && { url: urlOf(settings, host, definition) }),
        admin,
        ...(known.length > 0 && { known }),
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
      ...(redirects.length > 0 && { redirects }),
      routes: routes.map((route) => {
        const policy = parts.find(({ name }) => name === route.container)?.container
          .contentSecurityPolicy;
        return { ...route, ...(policy !== undefined && { contentSecurityPolicy: policy }) };
      }),
    },
  };
}

/** The service that saves the data of the others. */
const BACKUP = "backup";

const savedVolumesOf = (
  { name: service }: ServiceDefinition,
  containers: readonly ServiceContainer[],
): SavedVolume[] =>
  containers.flatMap((container) => {
    const name = container.name ?? service;
    return Object.entries(container.data ?? {}).flatMap(([volume, { copy, of }]) => {
      const saving = of === undefined ? savingOf({ ...container, name }, copy) : undefined;
      return saving === undefined
        ? []
        : [{ name: saving === "dump" ? DATABASES : name, volume: `${service}-${volume}`, saving }];
    });
  });

/** Whether the route of a service is for administrators only. */
const isAdmin = ({ name, route }: ServiceDefinition, settings: StackSettings): boolean =>
  route !== undefined &&
  (extrasOf(settings, name)?.admin ?? isAdminRoute(route, settingsOf(settings, name).options));

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

/** Throws one {@link HardeningError} with the problems of all items. */
function allOrProblems<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Result,
): Result[] {
  const problems: string[] = [];
  const results = items.flatMap((item) => {
    try {
      return [work(item)];
    } catch (error) {
      if (!(error instanceof HardeningError)) throw error;
      problems.push(...error.problems);
      return [];
    }
  });
  if (problems.length > 0) throw new HardeningError(problems);
  return results;
}

/** The address of a service, with a slash at its end. */
const urlOf = (settings: StackSettings, host: string, { route }: ServiceDefinition): string =>
  `${publicUrl(settings, host)}${route?.path === undefined ? "" : `${route.path.slice(1)}/`}`;

const extrasOf = (settings: StackSettings, name: string): ServiceExtras | undefined =>
  settingsOf(settings, name).extras;

/** Folder of the secrets that a stack gives to a service: this program's own services have theirs beside it. */
const secretsFolder = ({ own }: ServiceDefinition): string =>
  own === true ? "/run/secrets" : "/run/secrets/own";

/** A container with what the stack says of any service: environment, secrets, links. Throws a {@link HardeningError}. */
function withExtras(
  definition: ServiceDefinition,
  container: ServiceContainer,
  url: string,
  extras: ServiceExtras | undefined,
): ServiceContainer {
  const { own, database } = definition;
  const secrets = [
    ...(extras?.secrets ?? []),
    ...(own === true && database !== undefined
      ? [{ source: database.password, target: DATABASE_FILE }]
      : []),
  ];
  const environment = Object.entries(extras?.environment ?? {}).map(([name, text]) => {
    const known: Readonly<Record<string, string>> = {
      url,
      host: url === "" ? "" : new URL(url).host,
      ...(own === true && database && { [DATABASE_FILE]: `\${${database.password}}` }),
    };
    // The address has no `$`, and `$$` stays for the end.
    const filled = text.replace(/\$\$|\$\{([^{}$]*)\}/g, (whole, variable?: string) =>
      variable === undefined ? whole : (known[variable] ?? whole),
    );
    return [name, filled] as const;
  });
  const isSecret = (text: string): boolean => /\$\{/.test(text.replaceAll("$$", ""));
  checkEnvironment(
    definition,
    container,
    environment.map(([name]) => name),
  );
  return {
    ...container,
    environment: {
      ...container.environment,
      ...Object.fromEntries(
        environment
          .filter(([, text]) => !isSecret(text))
          .map(([name, text]) => [name, fillText(text, () => undefined)]),
      ),
    },
    secretEnvironment: {
      ...container.secretEnvironment,
      ...Object.fromEntries(
        environment
          .filter(([, text]) => isSecret(text))
          // A value that is one secret and nothing else has its name.
          .map(([name, text]) => [name, /^\$\{([^{}$]*)\}$/.exec(text)?.[1] ?? text]),
      ),
    },
    secrets: {
      ...container.secrets,
      ...(secrets.length > 0 && {
        "own-secrets": {
          path: secretsFolder(definition),
          files: Object.fromEntries(secrets.map(({ source, target }) => [target, source])),
        },
      }),
    },
    links: [...(container.links ?? []), ...(extras?.links ?? [])],
  };
}

function checkEnvironment(
  { name, fixedEnvironment }: ServiceDefinition,
  { environment = {}, secretEnvironment = {} }: ServiceContainer,
  variables: readonly string[],
): void {
  const problems = variables.flatMap((variable) => {
    const at = `services.${name}.environment.${variable}`;
    if (variable in environment || variable in secretEnvironment)
      return [`${at}: the program sets this variable itself; remove the line`];
    return fixedEnvironment?.names.test(variable) === true
      ? [`${at}: cannot be set, because ${fixedEnvironment.why}; remove the line`]
      : [];
  });
  if (problems.length > 0) throw new HardeningError(problems);
}

/** The routes of the enabled services. An empty `adminAllow` leaves only the public paths of the admin routes. */
const activeRoutes = (enabled: readonly ServiceDefinition[], settings: StackSettings): Route[] =>
  enabled.flatMap((definition) => {
    const { name, route } = definition;
    const { host, options } = settingsOf(settings, name);
    if (route === undefined || host === undefined) return [];
    const { publicPaths, healthPath, probePath = "/", anyAnswer, path: below } = route;
    const { aliases = [], login } = extrasOf(settings, name) ?? {};
    const target =
      typeof route.target === "number" ? `http://${name}:${route.target}` : route.target;
    const admin = isAdmin(definition, settings);
    const hasAdmins = settings.adminAllow.length > 0;
    if (admin && !hasAdmins && publicPaths === undefined) return [];
    const adminPaths = (route.adminPaths?.(options) ?? [])
      // Without administrators nobody opens a page of their own, while a path of the service stays closed.
      .filter((path) => (path.target === undefined ? !admin : hasAdmins))
      .map((path) => ({
        path: path.path,
        target: path.target === undefined ? target : `http://${name}:${path.target}`,
      }));
    const asked = login && loginTarget(enabled, login);
    return {
      service: name,
      host,
      ...(aliases.length > 0 && { aliases }),
      ...(below !== undefined && { path: below }),
      target,
      container: name,
      admin,
      ...(publicPaths !== undefined && { publicPaths }),
      ...(adminPaths.length > 0 && { adminPaths }),
      ...(healthPath !== undefined && { healthPath }),
      ...(asked !== undefined && { login: asked }),
      probePath,
      ...(anyAnswer === true && { anyAnswer }),
    };
  });

/** Pulumi sorts the keys of a map, and a file does not. */
const sorted = <T>(map: Readonly<Record<string, T>> = {}): [string, T][] =>
  Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));

/** To pages that run elsewhere. Nobody asks them: they may be off without a fault of the stack. */
const elsewhereRoutes = (
  enabled: readonly ServiceDefinition[],
  { routes, adminAllow }: StackSettings,
): Route[] =>
  sorted(routes)
    .filter(([, { admin = false }]) => !admin || adminAllow.length > 0)
    .map(([name, { host, aliases = [], path, url, admin = false, login, insecureSkipVerify }]) => ({
      service: name,
      host,
      ...(aliases.length > 0 && { aliases }),
      ...(path !== undefined && { path }),
      target: url.replace(/\/$/, ""),
      admin,
      ...(login && { login: loginTarget(enabled, login) }),
      ...(insecureSkipVerify && { insecureSkipVerify: insecureSkipVerify.reason }),
    }));

/** Where Traefik asks. config/rules.ts checks that the service is there and has pages. */
const loginTarget = (
  enabled: readonly ServiceDefinition[],
  { service, path }: NonNullable<ServiceExtras["login"]>,
): string => {
  const port = enabled.find(({ name }) => name === service)?.route?.target;
  if (port === undefined) throw new Error(`login ${service}: was not checked before use`);
  return `http://${service}:${port}${path}`;
};

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
    // `a-b` with `c` and `a` with `b-c` would share one, and all four could talk to each other.
    if (known.length > 0 && !members.every((member) => known.includes(member)))
      throw new HardeningError([
        `services.${members.join(" and services.")}: their network would be ${name}, which ${known.join(" and ")} have already; rename one of them`,
      ]);
    networks.set(name, { name, internal, members: [...new Set([...known, ...members])] });
  };
  const names = new Set(parts.map(({ name }) => name));
  const link = (from: string, to: string, name = `${from}-${to}`): void => {
    if (names.has(from) && names.has(to) && !networks.has(`${to}-${from}`))
      join(name, true, [from, to]);
  };
  for (const { definition, container, name } of parts) {
    // Nobody shares these: the members of a network can talk to each other.
    if (container.ports !== undefined)
      join(definition.own === true ? `edge-${name}` : "edge", false, [name]);
    for (const other of container.links ?? []) link(name, other);
    for (const client of definition.clients ?? []) link(client, name);
    if (name === definition.name) {
      if (definition.database !== undefined) link(name, "postgres");
      if (dockerClients.some(({ service }) => service === name))
        link(name, proxyName(name), `${name}-socket-proxy`);
    }
    if (container.egress === true) join(`egress-${name}`, false, [name]);
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
      ...(namedCgroups && { cgroup: { root: CGROUP_ROOT, stack: settings.stack, name } }),
      dependsOn: [
        ...dependsOn,
        ...(database === undefined ? [] : ["postgres"]),
        ...(dockerClients.some(({ service }) => service === name) ? [proxyName(name)] : []),
      ],
    }),
    toolImage,
    ...(afterStart !== undefined && { afterStart }),
    ...(container.backup && { backup: container.backup }),
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
    ...Object.entries(data).map(([volume, { path, chown = false, copy, readOnly, of }]): Mount => ({
      kind: "data",
      volume: of ?? `${service}-${volume}`,
      path,
      chown,
      ...(of === undefined ? copy !== undefined && { copy } : { copy: "never" }),
      ...(readOnly === true && { readOnly }),
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
