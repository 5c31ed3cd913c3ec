/** Rules about services of one's own, and about what any service says of others. Each returns `path: problem`. Pure. */
import { HardeningError } from "../components/hardened/policy";
import { SELF_SIGNED_CERTIFICATE } from "../components/ingress";
import { SERVICE_NAMES } from "../components/services";
import { isAdminRoute, ServiceDefinition } from "../components/services/definition";
import {
  configFolders,
  DATABASE_FILE,
  databaseSecret,
  folderOf,
  ownPolicyProblems,
} from "../components/services/own/definition";
import { isReserved, OWN_NAME, OwnService, ownShape } from "../components/services/own/schema";
import { didYouMean, ENCRYPTED, isAbsent, isMap, pathPart } from "../text/messages";
import { Images, ParsedKeys, SECRET_NAMES, ServiceInput, ServicesInput } from "./schema";
import { RawConfig } from "./types";

export interface Given {
  readonly raw: RawConfig;
  readonly keys: Partial<ParsedKeys>;
  /** The readable parts of `services`. */
  readonly services: ServicesInput;
  readonly images: Images;
  readonly definitions: readonly ServiceDefinition[];
  readonly isEnabled: (service: string) => boolean;
}

export const ownProblems = (given: Given): string[] => [
  ...nameProblems(given),
  ...referenceProblems(given),
  ...cycleProblems(given),
  ...pathProblems(given),
  ...volumeProblems(given),
  ...portProblems(given),
  ...accessProblems(given),
  ...policyProblems(given),
  ...environmentProblems(given),
  ...secretProblems(given),
];

const isOwn = (service: string): boolean => !(SERVICE_NAMES as readonly string[]).includes(service);

/** Services of one's own that are readable and enabled. */
const ownOf = ({ services, isEnabled }: Given): (readonly [string, OwnService])[] =>
  Object.entries(services).flatMap(([name, input]) =>
    isOwn(name) && isEnabled(name) && input !== undefined
      ? [[name, input as unknown as OwnService] as const]
      : [],
  );

const enabledOf = ({ services, isEnabled }: Given): (readonly [string, ServiceInput])[] =>
  Object.entries(services).flatMap(([name, input]) =>
    isEnabled(name) && input !== undefined ? [[name, input] as const] : [],
  );

/** Names that SQL or the files of PostgreSQL's container need. */
const NO_DATABASE = ["template0", "template1", "public", "none", "superuser"];

function nameProblems({ raw: { values }, services, definitions }: Given): string[] {
  const given = isMap(values.services) ? values.services : {};
  const images = isMap(values.images) ? values.images : {};
  const known = definitions.map(({ name }) => name);
  return [
    ...Object.keys(given)
      .filter(isOwn)
      .flatMap((name) => {
        const at = `services.${pathPart(name)}`;
        if (isAbsent(images[name]))
          return [
            `${at}: this program has no service of that name${didYouMean(name, [...SERVICE_NAMES, ...Object.keys(images)])}; a service of your own needs a line images.${pathPart(name)}`,
          ];
        if (!OWN_NAME.test(name))
          return [
            `${at}: expected a name of 1 to 40 lower-case letters, digits and hyphens that begins with a letter`,
          ];
        if (isReserved(name))
          return [`${at}: this name is reserved for the program itself; choose another one`];
        const router = /^(.+)-(?:public|admin|details)$/.exec(name)?.[1];
        if (router !== undefined && known.includes(router))
          return [`${at}: Traefik's routes of ${router} have this name; choose another one`];
        if (services[name]?.database === true && NO_DATABASE.includes(name))
          return [`${at}.database: PostgreSQL reserves this name; name the service otherwise`];
        return [];
      }),
    ...Object.keys(isMap(values.routes) ? values.routes : {})
      .filter((name) => known.includes(name) || isReserved(name))
      .map(
        (name) =>
          `routes.${pathPart(name)}: a service has this name, or the program needs it; choose another one`,
      ),
    ...Object.keys(images)
      .filter((name) => isOwn(name) && !(name in given))
      .map(
        (name) =>
          `images.${pathPart(name)}: unknown key${didYouMean(name, [...SERVICE_NAMES, ...Object.keys(given)])}; remove it, or add services.${pathPart(name)} for a service of your own`,
      ),
  ];
}

/** Every name of another service. */
function referenceProblems(given: Given): string[] {
  const { definitions, isEnabled, keys } = given;
  const names = definitions.map(({ name }) => name);
  const problemOf = (at: string, from: string, to: string): string[] => {
    if (to === from) return [`${at}: names the service itself; remove it`];
    if (to === "socket-proxy")
      return [
        `${at}: every client of Docker has a proxy of its own; write reads: [containers, container] instead`,
      ];
    if (!names.includes(to))
      return [`${at}: there is no service ${JSON.stringify(to)}${didYouMean(to, names)}`];
    return isEnabled(to) ? [] : [`${at}: ${to} is disabled; enable it, or remove the name`];
  };
  const login = (at: string, from: string, { login: to }: Pick<ServiceInput, "login">): string[] =>
    to === undefined
      ? []
      : to.service === from
        ? [`${at}.login: a service cannot protect itself; remove the line`]
        : [
            ...problemOf(`${at}.login`, from, to.service),
            ...(names.includes(to.service) && isEnabled(to.service)
              ? loginProblems(given, at, to.service)
              : []),
          ];
  return [
    ...enabledOf(given).flatMap(([name, input]) => {
      const at = `services.${name}`;
      const { depends_on: dependsOn = [], volumes = [] } = (isOwn(name) ? input : {}) as OwnService;
      return [
        ...(input.links ?? []).flatMap((to, index) => problemOf(`${at}.links.${index}`, name, to)),
        ...dependsOn.flatMap((to, index) => problemOf(`${at}.depends_on.${index}`, name, to)),
        ...login(at, name, input),
        ...volumes.flatMap((volume, index) =>
          volume.kind === "host" || volume.service === undefined
            ? []
            : sharedProblems(given, `${at}.volumes.${index}`, name, volume.service, volume.name),
        ),
      ];
    }),
    ...Object.entries(keys.routes ?? {}).flatMap(([name, route]) =>
      login(`routes.${name}`, "", route),
    ),
  ];
}

function loginProblems({ services, definitions }: Given, at: string, service: string): string[] {
  const route = definitions.find(({ name }) => name === service)?.route;
  if (typeof route?.target !== "number")
    return [
      `${at}.login: ${service} has no pages, so it cannot ask anybody to log in; set its port`,
    ];
  return services[service]?.login === undefined
    ? []
    : [`${at}.login: ${service} asks another service itself; remove services.${service}.login`];
}

/** A volume of another service. */
function sharedProblems(
  given: Given,
  at: string,
  from: string,
  service: string,
  volume: string,
): string[] {
  const own = ownOf(given);
  const owner = own.find(([name]) => name === service)?.[1];
  if (service === from) return [`${at}: is the service's own volume; write ${volume}:/path`];
  if (owner === undefined)
    return [
      `${at}: there is no enabled service of your own called ${JSON.stringify(service)}${didYouMean(
        service,
        own.map(([name]) => name),
      )}`,
    ];
  const volumes = (owner.volumes ?? []).flatMap((one) =>
    one.kind === "data" && one.service === undefined ? [one.name] : [],
  );
  return volumes.includes(volume)
    ? []
    : [
        `${at}: ${service} has no volume ${JSON.stringify(volume)}${didYouMean(volume, volumes)}${volumes.length > 0 ? `; it has ${volumes.join(", ")}` : ""}`,
      ];
}

/** Each cycle of `depends_on` once. */
function cycleProblems(given: Given): string[] {
  const next = new Map(ownOf(given).map(([name, own]) => [name, own.depends_on ?? []] as const));
  const done = new Set<string>();
  const problems: string[] = [];
  for (const start of next.keys()) {
    // Without recursion: the file may name thousands of services, one after the other.
    const path: string[] = [];
    const stack: { readonly name: string; readonly depth: number }[] = [{ name: start, depth: 0 }];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      path.length = top.depth;
      const from = path.indexOf(top.name);
      if (from >= 0) {
        const cycle = [...path.slice(from), top.name];
        if (cycle.length > 2)
          problems.push(
            `services.${top.name}.depends_on: ${cycle.join(" → ")} is a cycle, so none of them could start first; use links for one of them`,
          );
        continue;
      }
      if (done.has(top.name)) continue;
      path.push(top.name);
      done.add(top.name);
      for (const name of next.get(top.name) ?? [])
        if (path.includes(name) || !done.has(name)) stack.push({ name, depth: top.depth + 1 });
    }
  }
  return problems;
}

/** Where a service mounts something. */
function pathProblems(given: Given): string[] {
  return ownOf(given).flatMap(([name, own]) => {
    const at = `services.${name}`;
    const { volumes = [], tmpfs = [], configs = [], secrets = [] } = own;
    const hasSecrets = secrets.length > 0 || own.database === true;
    const mounts = [
      ...volumes.map(({ path }, index) => ({ at: `${at}.volumes.${index}`, path })),
      ...tmpfs.map(({ path }, index) => ({ at: `${at}.tmpfs.${index}`, path })),
      ...configFolders(configs).map((path) => ({
        at: `${at}.configs.${configs.findIndex(({ target }) => folderOf(target) === path)}.target`,
        path,
      })),
    ];
    const targets = configs.map(({ target }) => target);
    const files = [
      ...secrets.map(({ target }) => target),
      ...(own.database === true ? [DATABASE_FILE] : []),
    ];
    const size = tmpfs.reduce((sum, { sizeMiB }) => sum + sizeMiB, 0);
    const memory = own.memoryMiB ?? 256;
    return [
      ...mounts.flatMap(({ at: where, path }, index) =>
        path === ""
          ? [`${where}: expected a file in a folder of its own, not in /`]
          : mounts.findIndex((other) => other.path === path) < index
            ? [
                `${where}: ${path} is mounted twice; the folder of a configuration file is a volume too, so give the file a folder of its own`,
              ]
            : hasSecrets && (path === "/run/secrets" || path.startsWith("/run/secrets/"))
              ? [`${where}: ${path} is the place of the secrets; choose another path`]
              : [],
      ),
      ...doubled(targets).map((target) => `${at}.configs: two files are ${target}; remove one`),
      ...doubled(files).map(
        (file) => `${at}.secrets: two of them are /run/secrets/${file}; give one another target`,
      ),
      ...(size >= memory
        ? [
            `${at}.tmpfs: ${size} MiB count towards the memory limit of ${memory} MiB; raise memoryMiB or make them smaller`,
          ]
        : []),
    ];
  });
}

const doubled = (items: readonly string[]): string[] => [
  ...new Set(items.filter((item, index) => items.indexOf(item) < index)),
];

/** Two services cannot have one data volume in Docker without saying so. */
function volumeProblems(given: Given): string[] {
  const owners = new Map<string, string>();
  return ownOf(given).flatMap(([name, { volumes = [] }]) =>
    volumes.flatMap((volume, index) => {
      if (volume.kind === "host" || volume.service !== undefined) return [];
      const full = `${name}-${volume.name}`;
      const other = owners.get(full);
      owners.set(full, other ?? name);
      if (other === undefined) return [];
      const at = `services.${name}.volumes.${index}`;
      return other === name
        ? [`${at}: mounts ${volume.name} twice; give each path a volume of its own`]
        : [`${at}: ${other} has a volume that is ${full} in Docker too; rename one of them`];
    }),
  );
}

/** Ports of the host. */
function portProblems(given: Given): string[] {
  const { publish, tls } = given.keys;
  const taken = new Map<string, string>([
    ...(publish ? [[`${publish.http}/tcp`, "Traefik"] as const] : []),
    ...(publish && tls && tls.mode !== "none"
      ? [[`${publish.https}/tcp`, "Traefik"] as const]
      : []),
  ]);
  return ownOf(given).flatMap(([name, { ports = [] }]) =>
    ports.flatMap(({ published, protocol }, index) => {
      const key = `${published}/${protocol}`;
      const other = taken.get(key);
      taken.set(key, other ?? name);
      return other === undefined
        ? []
        : [
            `services.${name}.ports.${index}: port ${key} of the host is already used by ${other}; choose another one`,
          ];
    }),
  );
}

/** Who may open the pages of a service. */
function accessProblems(given: Given): string[] {
  const { definitions } = given;
  return enabledOf(given).flatMap(([name, input]) => {
    const at = `services.${name}`;
    const route = definitions.find((definition) => definition.name === name)?.route;
    if (route === undefined)
      return isOwn(name)
        ? ["host", "aliases", "path", "admin", "login"]
            .filter((key) => input[key] !== undefined)
            .map(
              (key) =>
                `${at}.${key}: the service has no pages without port; set it to the port that the program listens on`,
            )
        : [];
    const isAdmin = isAdminRoute(route, input);
    return input.admin === false && isAdmin && input.login === undefined
      ? [
          `${at}.admin: only administrators reach ${name}${name === "n8n" ? "'s editor; to change that, set editor: everyone" : ", which would be open to everybody; set login too, or remove the line"}`,
        ]
      : [];
  });
}

/** What goes beyond the policy. */
const policyProblems = (given: Given): string[] =>
  ownOf(given).flatMap(([name, own]) => {
    const at = `services.${name}`;
    // A value that could not be read may be what an exemption is for.
    const said = isMap(given.raw.values.services) ? given.raw.values.services[name] : undefined;
    if (
      isMap(said) &&
      Object.keys(said).some((key) => said[key] !== undefined && key in ownShape && !(key in own))
    )
      return [];
    const { user, exemptions = [], healthcheck } = own;
    const root = exemptions.find(({ control }) => control === "user")?.value;
    const unchecked = exemptions.some(({ control }) => control === "healthCheck");
    const socket = exemptions.some(({ control }) => control === "dockerSocket");
    if (socket)
      return [
        `${at}.exemptions: the Docker socket is root on the host and has no exemption; to read containers, write reads: [containers, container]`,
      ];
    try {
      ownPolicyProblems(at, own);
    } catch (error) {
      if (!(error instanceof HardeningError)) throw error;
      return error.problems.map((line) =>
        healthcheck === undefined && !unchecked && line.startsWith(`${at}: healthCheck`)
          ? `${at}.healthcheck: missing, expected a test such as { test: [CMD, wget, -q, --spider, "http://127.0.0.1:8080/"] }, or image for that of the image; for a program that cannot be checked, an exemption healthCheck with its reason`
          : line,
      );
    }
    return root !== undefined && user !== undefined && root !== user
      ? [
          `${at}.user: is ${user}, but the exemption user says ${String(root)}; write the same in both`,
        ]
      : [];
  });

/** `${…}` in the environment. */
function environmentProblems(given: Given): string[] {
  const known = Object.keys(secretsGiven(given.raw));
  return enabledOf(given).flatMap(([name, input]) => {
    const hasRoute = given.definitions.some((one) => one.name === name && one.route !== undefined);
    return Object.entries(input.environment ?? {}).flatMap(([variable, text]) => {
      const at = `services.${name}.environment.${pathPart(variable)}`;
      const names = variablesIn(text);
      if (names === undefined)
        return [
          `${at}: expected \${name} or $$ for a dollar sign; write each $ that is meant as $$`,
        ];
      const local = ["url", "host", ...(input.database === true ? [DATABASE_FILE] : [])];
      return names.flatMap((one) => {
        if ((one === "url" || one === "host") && !hasRoute)
          return [
            `${at}: the service has no address without port; set port, or write the text itself`,
          ];
        if (local.includes(one)) return [];
        if (!isOwn(name))
          return [
            `${at}: \${${one}} would put a secret into the environment, where "docker inspect" shows it; list it under secrets and name its file, /run/secrets/own/${one}`,
          ];
        // A description needs no secret, so one that is not set yet is no problem there; a typo is.
        const isUnset = given.raw.placeholder !== undefined && didYouMean(one, known) === "";
        return known.includes(one) || isUnset
          ? []
          : [
              `${at}: \${${one}} is not known${didYouMean(one, [...local, ...known])}; expected ${local.map((word) => `\${${word}}`).join(", ")} or the name of a secret (${setOwnSecret(given.raw.stack, one)}); write $$ for a dollar sign`,
            ];
      });
    });
  });
}

/** The names in `${…}`; undefined if a `$` stands alone. */
function variablesIn(text: string): string[] | undefined {
  const rest = text.replace(/\$\$|\$\{[A-Za-z][\w-]*\}/g, "");
  return rest.includes("$")
    ? undefined
    : [...new Set([...text.matchAll(/\$\$|\$\{([\w-]+)\}/g)].flatMap(([, name]) => name ?? []))];
}

/** The instruction for a secret of one's own services. */
const setOwnSecret = (stack: string, name: string): string =>
  `set it with "npx pulumi config set --secret --path --stack ${stack} 'secrets.${name}'"`;

const secretsGiven = ({ values, placeholder }: RawConfig): Readonly<Record<string, unknown>> => {
  const { secrets } = values;
  if (!isMap(secrets)) return {};
  return placeholder === undefined ? secrets : { ...secrets };
};

/** Who reads which secret, enabled or not. */
function readersOf({ services }: Given): Map<string, string> {
  const readers = new Map<string, string>();
  for (const [name, input] of Object.entries(services)) {
    if (input === undefined) continue;
    for (const { source } of input.secrets ?? []) readers.set(source, name);
    for (const text of Object.values(input.environment ?? {}))
      for (const one of variablesIn(text) ?? []) readers.set(one, name);
    if (isOwn(name) && input.database === true) readers.set(databaseSecret(name), name);
  }
  return readers;
}

function secretProblems(given: Given): string[] {
  const { raw, keys } = given;
  const { stack, secure, placeholder } = raw;
  const reserved = [...SECRET_NAMES, SELF_SIGNED_CERTIFICATE] as readonly string[];
  const readers = readersOf(given);
  // The whole map may be encrypted: then a command that only reads the file cannot tell what is in it.
  const isReadable = raw.values.secrets !== ENCRYPTED;
  const secrets = secretsGiven(raw);
  const isFromFile = Object.values(secrets).includes(ENCRYPTED);
  const isHidden = stack === "dev" || (secure.has("secrets") && !isFromFile);
  const needed = enabledOf(given).flatMap(([name, input]) => [
    ...(input.secrets ?? []).map(({ source }) => [name, source] as const),
    ...(isOwn(name) && input.database === true ? [[name, databaseSecret(name)] as const] : []),
  ]);
  // What could not be read may be what reads a secret.
  const isComplete = Object.entries(isMap(raw.values.services) ? raw.values.services : {}).every(
    ([name, said]) =>
      !isMap(said) ||
      ["secrets", "environment"].every(
        (key) => isAbsent(said[key]) || given.services[name]?.[key] !== undefined,
      ),
  );
  const missing = needed.filter(
    ([, secret], index) =>
      isAbsent(secrets[secret]) && needed.findIndex(([, other]) => other === secret) === index,
  );
  return [
    ...needed
      .filter(([, secret]) => reserved.includes(secret))
      .map(
        ([name, secret]) =>
          `services.${name}.secrets: ${secret} belongs to a service of this program; give this service a secret of its own`,
      ),
    ...(isReadable && placeholder === undefined ? missing : [])
      .filter(([, secret]) => !reserved.includes(secret))
      .map(
        ([name, secret]) =>
          `secrets.${secret}: missing, ${name} needs it${didYouMean(secret, Object.keys(secrets))}; ${setOwnSecret(stack, secret)}`,
      ),
    ...Object.entries(secrets).flatMap(([name, value]) => {
      const at = `secrets.${pathPart(name)}`;
      if (reserved.includes(name))
        return [`${at}: is a key of its own, outside secrets; rename it, or remove it here`];
      if (!readers.has(name) && keys.services !== undefined && isComplete)
        return [
          `${at}: no service reads it${didYouMean(name, [...readers.keys()])}; remove it, or name it under services.<name>.secrets`,
        ];
      if (typeof value === "string" && stack !== "dev" && value.startsWith("dev-only-"))
        return [`${at}: is a public secret of the dev stack; ${setOwnSecret(stack, name)}`];
      return isHidden || value === ENCRYPTED || typeof value !== "string"
        ? []
        : [`${at}: is stored in clear text; ${setOwnSecret(stack, name)}`];
    }),
  ];
}
