/** What the keys of a configuration mean together: each rule lists everything that breaks it, `path: problem`. Pure. */
import { controlsWith, HardeningError } from "../components/hardened/policy";
import { DEFINITIONS, SERVICE_NAMES, ServiceName } from "../components/services";
import { ServiceDefinition } from "../components/services/definition";
import { isTooWide, isLoopback } from "../host/ip-ranges";
import { formatReference, isPinned } from "../images/reference";
import { ENCRYPTED, isAbsent, isMap, pathPart, setCommand } from "../text/messages";
import { EXEMPTIBLE_BY_STACK, isRegistryHost, KEYS, ParsedKeys, ServicesInput } from "./schema";
import { RawConfig, StackConfig } from "./types";

type Services = StackConfig["services"];

/** Keys that could not be parsed are missing from `keys`: their problems are listed already. */
export const ruleProblems = (
  raw: RawConfig,
  keys: Partial<ParsedKeys>,
  services: Services,
): string[] => [
  ...enabledProblems(keys),
  ...hostNameProblems(keys, services),
  ...exemptionProblems(keys),
  ...imageProblems(raw, keys, services),
  ...missingSecrets(raw, services),
  ...portProblems(keys),
  ...adminProblems(keys),
  ...registryProblems(raw),
];

/** Whether a service is on: what the stack says, else its default; a service that others need is on with them. */
export function isEnabled({ name, enabled }: ServiceDefinition, given: ServicesInput): boolean {
  if (enabled === "always") return true;
  if (typeof enabled === "function") return usersOf(enabled, given).some(({ on }) => on);
  return given[name as ServiceName]?.enabled ?? enabled ?? true;
}

const usersOf = (needs: (other: ServiceDefinition) => boolean, given: ServicesInput) =>
  DEFINITIONS.filter(needs).map((other) => ({ name: other.name, on: isEnabled(other, given) }));

/** `enabled` of services for which a stack has no choice. */
const enabledProblems = ({ services }: Partial<ParsedKeys>): string[] =>
  DEFINITIONS.flatMap((definition) => {
    const { name, enabled } = definition;
    const given = services?.[name as ServiceName]?.enabled;
    if (services === undefined || given === undefined) return [];
    const at = `services.${name}.enabled`;
    if (enabled === "always")
      return given ? [] : [`${at}: every other service is reached through it, remove the line`];
    if (typeof enabled !== "function" || given === isEnabled(definition, services)) return [];
    const users = usersOf(enabled, services).filter(({ on }) => on !== given);
    const names = users.map((user) => `services.${user.name}`).join(" and ");
    return given
      ? [
          `${at}: nothing uses it while ${names} ${users.length === 1 ? "is" : "are"} off, remove the line`,
        ]
      : [
          `${at}: ${names} cannot work without it; switch ${users.length === 1 ? "that" : "them"} off too, or remove the line`,
        ];
  });

function hostNameProblems({ domain }: Partial<ParsedKeys>, services: Services): string[] {
  if (domain === undefined) return [];
  const byHost = new Map<string, ServiceName>();
  return SERVICE_NAMES.flatMap((name) => {
    const { enabled, host } = services[name];
    if (!enabled || host === undefined) return [];
    const other = byHost.get(host);
    byHost.set(host, other ?? name);
    return other === undefined
      ? []
      : [
          `services.${name}.host: ${host} is the host name of ${other} already, give each service its own`,
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
          `services.${name}.exemptions: ${control} is part of the definition in components/services; a stack may exempt ${EXEMPTIBLE_BY_STACK.join(", ")}`,
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

function imageProblems(
  { stack, values }: RawConfig,
  keys: Partial<ParsedKeys>,
  services: Services,
): string[] {
  const given = values.images;
  if (!isMap(given)) return [];
  return DEFINITIONS.flatMap((definition) => {
    const name = definition.name as ServiceName;
    if (!services[name].enabled) return [];
    // Each by itself: a malformed image must not hide that another one is missing.
    const { success, data: image } = KEYS.images.schema.shape[name].safeParse(given[name]);
    if (!success) return [];
    if (image === undefined)
      return [
        `images.${name}: missing, expected name:tag@sha256:… on one line${orSwitchOff(definition)}`,
      ];
    const problem = definition.image.problem?.(image);
    if (problem !== undefined) return [`images.${name}: ${problem}`];
    if (keys.requirePins === true && !isPinned(image))
      return [
        `images.${name}: "${formatReference(image)}" has no digest and requirePins is set; pin it with "npm run pin -- --stack ${stack} ${name}"`,
      ];
    return [];
  });
}

/** The alternative where an image is missing. */
function orSwitchOff({ name, enabled }: ServiceDefinition): string {
  if (enabled === "always") return "";
  const names =
    typeof enabled === "function" ? DEFINITIONS.filter(enabled).map((user) => user.name) : [name];
  return `, or ${names.map((user) => `services.${user}.enabled: false`).join(" and ")}`;
}

/** `tls` as it was given: another problem in it must not hide that its secret is missing. */
const missingSecrets = ({ stack, values }: RawConfig, services: Services): string[] =>
  DEFINITIONS.flatMap(({ name, secrets = {} }) =>
    Object.entries(secrets).flatMap(([secret, { neededFor }]) => {
      const { tls } = values;
      const mode = isMap(tls) ? tls.mode : undefined;
      const needed =
        services[name as ServiceName].enabled &&
        (neededFor === undefined || mode === neededFor.tlsMode);
      const by = neededFor === undefined ? name : `tls mode ${neededFor.tlsMode}`;
      return needed && isAbsent(values[secret])
        ? [`${secret}: missing, ${by} needs it; ${setCommand(stack, secret)}`]
        : [];
    }),
  );

/**
 * A password of a registry is a secret like the others. The engine says of the whole key that something in it is
 * encrypted; where the stack's file is read, as every command of ours does first, a placeholder says what.
 */
function registryProblems({ stack, secure, values }: RawConfig): string[] {
  // As they were given: one of which something else is wrong may have its password in clear text all the same.
  const registries = isMap(values.registries) ? Object.entries(values.registries) : [];
  const logins = registries.flatMap(([host, said]) => (isMap(said) ? [{ host, ...said }] : []));
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

interface Login {
  readonly host: string;
  readonly username?: unknown;
  readonly password?: unknown;
}

function portProblems({ publish, tls }: Partial<ParsedKeys>): string[] {
  if (publish === undefined || tls === undefined || tls.mode === "none") return [];
  return publish.http === publish.https
    ? [`publish.https: ${publish.https} is the port of publish.http already, give each its own`]
    : [];
}

/** cAdvisor and the dashboard ask for no password: the list of networks is all that keeps strangers out. */
function adminProblems({ adminAllow, publish }: Partial<ParsedKeys>): string[] {
  if (adminAllow === undefined || publish === undefined || isLoopback(publish.address)) return [];
  return adminAllow.flatMap((network, index) =>
    isTooWide(network)
      ? [
          `adminAllow.${index}: ${network} is everybody or nearly so (expected /8 or narrower, of IPv6 /7) while Traefik is published on ${publish.address}; name the networks of your administrators, or publish on 127.0.0.1 and use a tunnel`,
        ]
      : [],
  );
}

/** What a person should know before the deployment, though nothing is wrong with it. */
export interface Warning {
  /** Whom it is about, where it is about one. */
  readonly service?: ServiceName;
  readonly message: string;
}

/** What is allowed, and hardly what somebody wants. */
export const warningsOf = (config: StackConfig): Warning[] => [
  ...unreached(config),
  ...unusedRegistries(config),
];

const unreached = ({ adminAllow, services }: StackConfig): Warning[] =>
  DEFINITIONS.filter(({ route }) => route?.admin === true)
    // Traefik only loses its dashboard then.
    .filter(({ enabled }) => enabled !== "always")
    .map(({ name }) => name as ServiceName)
    .filter((service) => services[service].enabled && adminAllow.length === 0)
    .map((service) => ({
      service,
      message: `adminAllow is empty, so nobody reaches ${service}; list the networks of your administrators, such as [192.0.2.0/24], or set services.${service}.enabled: false`,
    }));

/**
 * Settings of a registry apply to images that name it so, and to nothing else. A line without settings, or for plain http
 * beside another, may name the token service of one (images/registry/origin.ts).
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
      message: `registries.${pathPart(host)}: no image of this stack is there, they are on ${[...hosts].sort().join(", ")}; correct the name or remove the line`,
    }));
}
