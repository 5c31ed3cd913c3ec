/** Rules that span several keys of the configuration. Each returns its violations as `path: problem`. Pure. */
import { controlsWith, HardeningError } from "../components/hardened/policy";
import { DEFINITIONS, definitionsWith, SERVICE_NAMES, ServiceName } from "../components/services";
import { isAdminRoute, ServiceDefinition } from "../components/services/definition";
import { EXEMPTIBLE_BY_STACK } from "../components/services/keys";
import { isIPv6, isLoopback, isTooWide, overlapsPrivate } from "../host/ip-ranges";
import { formatReference, isPinned } from "../images/reference";
import { ENCRYPTED, isAbsent, isMap, pathPart, setCommand } from "../text/messages";
import { ownProblems } from "./own-rules";
import { Images, isRegistryHost, ParsedKeys, ServicesInput } from "./schema";
import { RawConfig, StackConfig } from "./types";

type Services = StackConfig["services"];

/**
 * All violations. `keys` lacks the keys that could not be parsed, and `images` the lines; their problems are already
 * reported.
 */
export const ruleProblems = (
  raw: RawConfig,
  keys: Partial<ParsedKeys>,
  services: Services,
  images: Images,
  definitions: readonly ServiceDefinition[],
): string[] => [
  ...enabledProblems(keys, images, definitions),
  ...hostNameProblems(keys, services, definitions),
  ...exemptionProblems(keys),
  ...imageProblems(raw, keys, services, images, definitions),
  ...trustProblems(raw, keys),
  ...missingSecrets(raw, services),
  ...portProblems(keys),
  ...adminProblems(keys),
  ...registryProblems(raw),
  ...notifyProblems(raw),
  ...ownProblems({
    ...{ raw, keys, images, definitions },
    services: keys.services ?? {},
    isEnabled: (name) => services[name]?.enabled === true,
  }),
];

/** Whether a service is enabled: by the configuration or its default, or because an enabled service needs it. */
export function isEnabled(
  { name, enabled, neededWith }: ServiceDefinition,
  given: ServicesInput,
  images: Images,
  definitions: readonly ServiceDefinition[],
): boolean {
  if (enabled === "always") return true;
  if (typeof enabled === "function")
    return dependentsOf(enabled, given, images, definitions).some((dependent) => {
      const image = images[dependent.name];
      return dependent.enabled && (neededWith?.(image) ?? true);
    });
  return given[name]?.enabled ?? enabled ?? true;
}

const dependentsOf = (
  needs: (other: ServiceDefinition) => boolean,
  given: ServicesInput,
  images: Images,
  definitions: readonly ServiceDefinition[],
) =>
  definitions.filter(needs).map((other) => ({
    name: other.name,
    enabled: isEnabled(other, given, images, definitions),
  }));

/** `enabled` must not contradict the state of services that a stack cannot choose. */
const enabledProblems = (
  { services }: Partial<ParsedKeys>,
  images: Images,
  definitions: readonly ServiceDefinition[],
): string[] =>
  definitions.flatMap((definition) => {
    const { name, enabled } = definition;
    const given = services?.[name]?.enabled;
    if (services === undefined || given === undefined) return [];
    const at = `services.${name}.enabled`;
    if (enabled === "always")
      return given ? [] : [`${at}: all other services are reached through it; remove the line`];
    if (
      typeof enabled !== "function" ||
      given === isEnabled(definition, services, images, definitions)
    )
      return [];
    const all = dependentsOf(enabled, services, images, definitions);
    const contrary = all.filter((one) => one.enabled !== given);
    const named = contrary.length > 0 ? contrary : all;
    if (named.length === 0) return given ? [`${at}: no service needs it; remove the line`] : [];
    const names = named.map(({ name: dependent }) => `services.${dependent}`).join(" and ");
    const one = named.length === 1;
    if (!given)
      return [
        `${at}: ${names} ${one ? "needs" : "need"} it; disable ${one ? "that" : "them"} too, or remove the line`,
      ];
    return contrary.length > 0
      ? [
          `${at}: no service needs it while ${names} ${one ? "is" : "are"} disabled; remove the line`,
        ]
      : [`${at}: ${names} does not need it with the image it has; remove the line`];
  });

/** Host names and, on the same host, paths: each leads to one service. */
function hostNameProblems(
  { domain, routes = {}, redirects = {} }: Partial<ParsedKeys>,
  services: Services,
  definitions: readonly ServiceDefinition[],
): string[] {
  if (domain === undefined) return [];
  const all = [
    ...definitions.flatMap(({ name, route }) => {
      const { enabled = false, host, extras } = services[name] ?? {};
      if (!enabled || host === undefined) return [];
      const at = `services.${name}`;
      return [
        { at: `${at}.host`, name, host, path: route?.path },
        ...(extras?.aliases ?? []).map((alias, index) => ({
          ...{ at: `${at}.aliases.${index}`, name, host: alias, path: route?.path },
        })),
      ];
    }),
    ...Object.entries(routes).map(([name, { host, path }]) => ({
      ...{ at: `routes.${name}.host`, name, host, path },
    })),
    ...Object.keys(redirects).map((host) => ({
      ...{ at: `redirects.${host}`, name: `the redirect of ${host}`, host, path: undefined },
    })),
  ];
  const byHost = new Map<string, string>();
  return all.flatMap(({ at, name, host, path = "" }) => {
    const other = byHost.get(`${host}${path}`);
    byHost.set(`${host}${path}`, other ?? name);
    return other === undefined
      ? []
      : [
          `${at}: ${host}${path} is already used by ${other}; give each service its own host name${path === "" ? "" : " or path"}`,
        ];
  });
}

function exemptionProblems({ services }: Partial<ParsedKeys>): string[] {
  return SERVICE_NAMES.flatMap((name) => {
    const exemptions = services?.[name]?.exemptions ?? [];
    const structural = exemptions
      .filter(({ control }) => !EXEMPTIBLE_BY_STACK.includes(control))
      .map(
        ({ control }) =>
          `services.${name}.exemptions: ${control} can be changed only in components/services; a stack can exempt ${EXEMPTIBLE_BY_STACK.join(", ")}`,
      );
    const own = exemptions.filter(({ control }) => EXEMPTIBLE_BY_STACK.includes(control));
    try {
      controlsWith(`services.${name}`, {}, own);
      return structural;
    } catch (error) {
      if (error instanceof HardeningError) return [...structural, ...error.problems];
      throw error;
    }
  });
}

/** A policy for a misspelled service would protect nothing. */
function trustProblems({ values }: RawConfig, { trust = {} }: Partial<ParsedKeys>): string[] {
  const given = values.images;
  if (!isMap(given)) return [];
  return Object.keys(trust)
    .filter((name) => !Object.hasOwn(given, name))
    .map(
      (name) =>
        `trust.${pathPart(name)}: there is no image of this name, expected one of ${Object.keys(given).map(pathPart).join(", ")}`,
    );
}

function imageProblems(
  { stack, values }: RawConfig,
  keys: Partial<ParsedKeys>,
  services: Services,
  images: Images,
  definitions: readonly ServiceDefinition[],
): string[] {
  const given = values.images;
  if (!isMap(given)) return [];
  return definitions.flatMap((definition) => {
    const { name } = definition;
    if (services[name]?.enabled !== true) return [];
    // Parsed separately, so that a malformed image does not hide that another one is missing.
    const image = images[name];
    if (image === undefined)
      return given[name] !== undefined || definition.own === true
        ? []
        : [
            `images.${name}: missing, expected name:tag@sha256:… on one line${orDisable(definition, services, definitions)}`,
          ];
    const problem = definition.image.problem?.(image, images);
    if (problem !== undefined) return [`images.${name}: ${problem}`];
    if (keys.requirePins === true && !isPinned(image))
      return [
        `images.${name}: "${formatReference(image)}" has no digest and requirePins is set; pin it with "npm run pin -- --stack ${stack} ${name}"`,
      ];
    return [];
  });
}

/** Alternative fix for a missing image; empty if the service cannot be disabled. */
function orDisable(
  { name, enabled }: ServiceDefinition,
  services: Services,
  definitions: readonly ServiceDefinition[],
): string {
  if (enabled === "always") return "";
  const needs =
    typeof enabled === "function"
      ? definitions.filter((other) => enabled(other) && services[other.name]?.enabled === true)
      : [{ name }];
  return `, or ${needs.map((one) => `services.${one.name}.enabled: false`).join(" and ")}`;
}

/** Reads `tls` from the raw values, so that another problem in it does not hide a missing secret. */
const missingSecrets = ({ stack, values }: RawConfig, services: Services): string[] =>
  DEFINITIONS.flatMap(({ name, secrets = {} }) =>
    Object.entries(secrets).flatMap(([secret, { neededFor }]) => {
      const { tls } = values;
      const mode = isMap(tls) ? tls.mode : undefined;
      const { enabled, options } = services[name as ServiceName];
      const [isNeeded, by] =
        neededFor === undefined
          ? [true, name]
          : "tlsMode" in neededFor
            ? [mode === neededFor.tlsMode, `tls mode ${neededFor.tlsMode}`]
            : [neededFor.options(options), neededFor.name];
      const needed = enabled && isNeeded;
      return needed && isAbsent(values[secret])
        ? [`${secret}: missing, ${by} needs it; ${setCommand(stack, secret)}`]
        : [];
    }),
  );

/**
 * Registry passwords must be encrypted, like all secrets. Pulumi only tells whether any part of `registries` is encrypted.
 * When the stack file is read directly, a placeholder marks each encrypted value.
 */
function registryProblems({ stack, secure, values }: RawConfig): string[] {
  // From the raw values: an entry with another problem may also have its password in clear text.
  const registries = isMap(values.registries) ? Object.entries(values.registries) : [];
  const logins = registries.flatMap(([host, given]) => (isMap(given) ? [{ host, ...given }] : []));
  const isFromFile = logins.some((login: Login) =>
    [login.username, login.password].includes(ENCRYPTED),
  );
  if (stack === "dev" || (secure.has("registries") && !isFromFile)) return [];
  return logins
    .filter(
      ({ host, password }: Login) =>
        isRegistryHost(host) && typeof password === "string" && password !== ENCRYPTED,
    )
    .map(
      ({ host }) =>
        `registries.${host}.password: is stored in clear text; set it with "npx pulumi config set --secret --path --stack ${stack} 'registries["${host}"].password'"`,
    );
}

/** As the passwords of registries: each URL must be encrypted by itself. */
function notifyProblems({ stack, secure, values }: RawConfig): string[] {
  const given: readonly unknown[] = Array.isArray(values.notify) ? values.notify : [];
  const urls = given.map((entry) => (isMap(entry) ? entry.url : undefined));
  const isFromFile = urls.includes(ENCRYPTED);
  if (stack === "dev" || (secure.has("notify") && !isFromFile)) return [];
  return urls.flatMap((url, index) =>
    typeof url === "string" && url !== ENCRYPTED
      ? [
          `notify.${index}.url: is stored in clear text; set it with "npx pulumi config set --secret --path --stack ${stack} 'notify[${index}].url'"`,
        ]
      : [],
  );
}

interface Login {
  readonly host: string;
  readonly username?: unknown;
  readonly password?: unknown;
}

function portProblems({ publish, tls }: Partial<ParsedKeys>): string[] {
  if (publish === undefined || tls === undefined || tls.mode === "none") return [];
  return publish.http === publish.https
    ? [`publish.https: ${publish.https} is already used by publish.http; choose another port`]
    : [];
}

/**
 * cAdvisor and the dashboard have no login: `adminAllow` is their only access control. The stack's networks have no IPv6, so
 * Docker forwards connections over IPv6 itself, and Traefik sees the gateway's address instead of the visitor's.
 */
function adminProblems({ adminAllow, publish }: Partial<ParsedKeys>): string[] {
  if (adminAllow === undefined || publish === undefined || isLoopback(publish.address)) return [];
  return adminAllow.flatMap((network, index) =>
    isIPv6(publish.address) && overlapsPrivate(network)
      ? [
          `adminAllow.${index}: ${network} may contain the gateway of Docker's networks, from which all IPv6 visitors come while Traefik is published on ${publish.address}, so each of them would be an administrator; publish on an IPv4 address such as 0.0.0.0, or remove the network`,
        ]
      : isTooWide(network)
        ? [
            `adminAllow.${index}: ${network} is too wide while Traefik is published on ${publish.address}, expected /8 or narrower (IPv6: /7); list the networks of your administrators, or publish on 127.0.0.1 and use a tunnel`,
          ]
        : [],
  );
}

/** A valid but probably unintended setting. It does not stop a deployment. */
export interface Warning {
  /** The service concerned, if it is a single one. */
  readonly service?: string;
  readonly message: string;
}

export const warningsOf = (config: StackConfig): Warning[] => [
  ...unreachableServices(config),
  ...unsavedVolumes(config),
  ...unmatchedAdmins(config),
  ...unusedRegistries(config),
];

/** A data volume of one's own service of which nobody has said how it is saved. */
const unsavedVolumes = ({ services }: StackConfig): Warning[] =>
  Object.entries(services).flatMap(([service, { enabled, own }]) => {
    const volumes = (own?.volumes ?? []).flatMap((volume) =>
      volume.kind === "data" && volume.service === undefined ? [volume.name] : [],
    );
    return !enabled || volumes.length === 0 || own?.backup !== undefined
      ? []
      : [
          {
            service,
            message: `services.${service}: its data (${volumes.join(", ")}) is not backed up; add backup: { stop: true }, { command: [...] } or { none: reason }`,
          },
        ];
  });

const unreachableServices = ({ adminAllow, services }: StackConfig): Warning[] =>
  // Not Traefik, which only loses its dashboard.
  definitionsWith(services)
    .filter(({ enabled }) => enabled !== "always")
    .flatMap(({ name, route }) => {
      const service = name;
      const { enabled = false, options = {}, extras } = services[service] ?? {};
      if (!enabled || adminAllow.length > 0 || route === undefined) return [];
      const { publicPaths = [] } = route;
      const isAdmin = extras?.admin ?? isAdminRoute(route, options);
      // Pages of their own are no loss: without administrators they do not exist.
      const adminPaths = (route.adminPaths?.(options) ?? []).flatMap(({ path, target }) =>
        target === undefined ? [path] : [],
      );
      if (!isAdmin && adminPaths.length === 0) return [];
      const lost = isAdmin ? service : `${adminPaths.join(" ")} of ${service}`;
      const except = isAdmin && publicPaths.length > 0 ? ` except at ${publicPaths.join(" ")}` : "";
      return {
        service,
        message: `adminAllow is empty, so ${lost} is unreachable${except}; list the networks of your administrators, such as [192.0.2.0/24], or set services.${service}.enabled: false`,
      };
    });

/** Loopback addresses are exempt: there, `::/0` next to `0.0.0.0/0` is a way to write "everybody on this host". */
const unmatchedAdmins = ({ adminAllow, publish }: StackConfig): Warning[] =>
  isLoopback(publish.address)
    ? []
    : adminAllow.flatMap((network, index) =>
        isIPv6(network)
          ? {
              message: `adminAllow.${index}: ${network} matches no visitor, because the stack's networks have no IPv6; list the IPv4 addresses of your administrators`,
            }
          : [],
      );

/**
 * Registry settings that match no image. Entries that may belong to the token service of a registry are accepted: those
 * without settings, and insecure ones next to an insecure registry in use (images/registry/origin.ts).
 */
function unusedRegistries({ images, registries }: StackConfig): Warning[] {
  const hosts = new Set(Object.values(images).map(({ registry }) => registry));
  const isPlain = [...hosts].some((host) => registries[host]?.insecure === true);
  return Object.entries(registries)
    .filter(
      ([host, { username, insecure = false }]) =>
        !hosts.has(host) && (username !== undefined || (insecure && !isPlain)),
    )
    .map(([host]) => ({
      message: `registries.${pathPart(host)}: no image of this stack uses this registry, only ${[...hosts].sort().join(", ")}; correct the name or remove the entry`,
    }));
}
