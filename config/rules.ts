/** What the keys of a configuration mean together: each rule tells all that breaks it, `path: problem`. Pure. */
import { controlsWith, HardeningError } from "../components/hardened/policy";
import { noMajorVersion, postgresImage } from "../components/services/postgres/image";
import { RawConfig, ServicesConfig, StackConfig } from "./types";
import { ENCRYPTED, isAbsent, isMap, pathPart, setCommand } from "./messages";
import {
  ADMIN_NAMES,
  EXEMPTIBLE_BY_STACK,
  isRegistryHost,
  KEYS,
  ParsedKeys,
  ROUTED_NAMES,
  SECRET_NAMES,
  SecretName,
  SERVICE_NAMES,
  ServiceName,
} from "./schema";
import { holdsStrangers, isLoopback } from "../host/ip-ranges";
import { formatReference, isPinned } from "../images/reference";

/** Keys that could not be parsed are missing from `keys`: their problems are told already. */
export function ruleProblems(
  raw: RawConfig,
  keys: Partial<ParsedKeys>,
  services: ServicesConfig,
): string[] {
  return [
    ...serviceProblems(keys, services),
    ...exemptionProblems(keys),
    ...imageProblems(raw, keys, services),
    ...missingSecrets(raw, services),
    ...portProblems(keys),
    ...adminProblems(keys),
    ...registryProblems(raw),
  ];
}

function serviceProblems(keys: Partial<ParsedKeys>, services: ServicesConfig): string[] {
  const problems: string[] = [];
  const said = keys.services;
  if (said === undefined) return [];
  if (said.traefik?.enabled === false)
    problems.push(
      "services.traefik.enabled: every other service is reached through it, remove the line",
    );
  if (said["socket-proxy"]?.enabled !== undefined)
    problems.push(
      "services.socket-proxy.enabled: it is there exactly when portainer or cadvisor is, remove the line",
    );
  if (said.postgres?.enabled === false && services.n8n.enabled)
    problems.push(
      "services.postgres.enabled: n8n keeps its data there, switch off services.n8n too or remove the line",
    );
  if (said.postgres?.enabled === true && !services.n8n.enabled)
    problems.push(
      "services.postgres.enabled: nothing uses it while services.n8n is off, remove the line",
    );
  if (keys.domain === undefined) return problems;
  const byHost = new Map<string, ServiceName>();
  for (const name of ROUTED_NAMES) {
    const { enabled, host } = services[name];
    if (!enabled) continue;
    const other = byHost.get(host);
    if (other === undefined) byHost.set(host, name);
    else
      problems.push(
        `services.${name}.host: ${host} is the host name of ${other} already, give each service its own`,
      );
  }
  return problems;
}

function exemptionProblems({ services }: Partial<ParsedKeys>): string[] {
  return SERVICE_NAMES.flatMap((name) => {
    const exemptions = services?.[name]?.exemptions ?? [];
    const structural = exemptions
      .filter(({ control }) => !EXEMPTIBLE_BY_STACK.includes(control))
      .map(
        ({ control }) =>
          `services.${name}.exemptions: ${control} follows from what the service is, change it in components/services; a stack may exempt ${EXEMPTIBLE_BY_STACK.join(", ")}`,
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
  services: ServicesConfig,
): string[] {
  const given = values.images;
  if (!isMap(given)) return [];
  return SERVICE_NAMES.flatMap((name) => {
    if (!services[name].enabled) return [];
    // Each by itself: a malformed image must not hide that another one is missing.
    const { success, data: image } = KEYS.images.schema.shape[name].safeParse(given[name]);
    if (!success) return [];
    if (name === "postgres" && image !== undefined && postgresImage(image) === undefined)
      return [noMajorVersion(image)];
    if (image === undefined)
      return [
        `images.${name}: missing, expected name:tag@sha256:… on one line${orSwitchOff(name)}`,
      ];
    if (keys.requirePins === true && !isPinned(image))
      return [
        `images.${name}: "${formatReference(image)}" has no digest and requirePins is set; pin it with "npm run pin -- --stack ${stack} ${name}"`,
      ];
    return [];
  });
}

/** The other way out where an image is missing. */
function orSwitchOff(name: ServiceName): string {
  switch (name) {
    case "traefik":
      return "";
    case "socket-proxy":
      return ", or switch off the services that need it, portainer and cadvisor";
    case "postgres":
      return ", or services.n8n.enabled: false";
    default:
      return `, or services.${name}.enabled: false`;
  }
}

function missingSecrets(raw: RawConfig, services: ServicesConfig): string[] {
  const { tls } = raw.values;
  const needed: Record<SecretName, string | false> = {
    postgresPassword: services.postgres.enabled && "postgres",
    n8nDatabasePassword: services.n8n.enabled && "n8n",
    n8nEncryptionKey: services.n8n.enabled && "n8n",
    portainerPassword: services.portainer.enabled && "portainer",
    acmeDnsToken: isMap(tls) && tls.mode === "acme" && "tls mode acme",
  };
  return SECRET_NAMES.flatMap((name) => {
    const by = needed[name];
    return by === false || !isAbsent(raw.values[name])
      ? []
      : [`${name}: missing, ${by} needs it; ${setCommand(raw.stack, name)}`];
  });
}

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
    holdsStrangers(network)
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
  // Of Traefik only its dashboard is away then.
  ADMIN_NAMES.filter((service) => service !== "traefik")
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
