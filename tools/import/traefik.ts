/** Reads the routes of a service from labels of Traefik and from those of nginx-proxy. Pure. */

export interface LabelledRoute {
  /** Host names, the first one is the main one. */
  readonly hosts: readonly string[];
  /** Prefix of its pages. */
  readonly path?: string;
  /** Container port. */
  readonly port?: number;
  /** Whether a middleware allows certain networks only. */
  readonly allowList: boolean;
  /** Address of a forward authentication: `http://authelia:9091/api/verify`. */
  readonly forwardAuth?: string;
  /** Everything that is to be asked, as `what` and `instead`. */
  readonly questions: readonly (readonly [what: string, instead: string])[];
  /** Names of middlewares that this stack's Traefik replaces or does not have. */
  readonly dropped: readonly string[];
}

const ROUTER = /^traefik\.http\.routers\.([^.]+)\.(rule|service|middlewares)$/i;
const SERVICE_PORT = /^traefik\.http\.services\.([^.]+)\.loadbalancer\.server\.(port|scheme)$/i;
const MIDDLEWARE = /^traefik\.http\.middlewares\.([^.]+)\.([^.]+)(?:\.(.+))?$/i;

type Labels = ReadonlyMap<string, string>;

/** The kinds of all middlewares that labels of any service define, with the address of a forward authentication. */
export function middlewaresOf(
  labels: Iterable<readonly [string, string]>,
): ReadonlyMap<string, { readonly kind: string; readonly address?: string }> {
  const found = new Map<string, { kind: string; address?: string }>();
  for (const [label, value] of labels) {
    const [, name = "", kind = "", option = ""] = MIDDLEWARE.exec(label) ?? [];
    if (name === "") continue;
    const before = found.get(name);
    const address = option.toLowerCase() === "address" ? value : before?.address;
    found.set(name, { kind: kind.toLowerCase(), ...(address !== undefined && { address }) });
  }
  return found;
}

/** `undefined` if the labels route nothing. */
export function routeOf(
  labels: Labels,
  middlewares: ReturnType<typeof middlewaresOf>,
): LabelledRoute | undefined {
  if (labels.get("traefik.enable") === "false") return undefined;
  const rules: string[] = [];
  const used = new Set<string>();
  const ports = new Set<string>();
  const questions: (readonly [string, string])[] = [];
  for (const [label, value] of labels) {
    const [, , key = ""] = ROUTER.exec(label) ?? [];
    if (key.toLowerCase() === "rule") rules.push(value);
    if (key.toLowerCase() === "middlewares")
      for (const name of value.split(",")) used.add(name.trim());
    const [, , option = ""] = SERVICE_PORT.exec(label) ?? [];
    if (option.toLowerCase() === "port") ports.add(value.trim());
    if (option.toLowerCase() === "scheme" && value === "https")
      questions.push([
        "its page is https inside its container",
        "give the port of its plain http, which Traefik uses inside the host",
      ]);
    if (/^traefik\.(?:tcp|udp)\.routers\.[^.]+\.rule$/i.test(label))
      questions.push([
        "Traefik routes TCP or UDP to it",
        "publish the port: ports, with an exemption publishedPorts",
      ]);
  }
  if (rules.length === 0)
    return questions.length === 0
      ? undefined
      : { hosts: [], allowList: false, questions, dropped: [] };
  const parsed = rules.map(parseRule);
  const hosts = [...new Set(parsed.flatMap((rule) => rule.hosts))];
  const paths = [...new Set(parsed.map((rule) => rule.path))];
  for (const what of new Set(parsed.flatMap((rule) => rule.other)))
    questions.push([`its rule uses ${what}`, "a route here has host names and at most one path"]);
  if (paths.length > 1 && !paths.includes(undefined))
    questions.push([
      "several paths lead to it",
      "an entry has one path; without one it has the whole host",
    ]);
  if (ports.size > 1)
    questions.push(["several of its ports have pages", "an entry has one port; check which one"]);

  const dropped: string[] = [];
  let allowList = false;
  let forwardAuth: string | undefined;
  for (const name of used) {
    const [own = "", provider = "docker"] = name.split("@");
    const middleware = middlewares.get(own);
    if (provider !== "docker" || middleware === undefined)
      questions.push([
        `middleware ${name} is defined elsewhere`,
        "if it asks who somebody is: login or admin",
      ]);
    else if (/^ip(?:allow|white)list$/.test(middleware.kind)) allowList = true;
    else if (middleware.kind === "forwardauth") forwardAuth = middleware.address ?? "";
    else if (/^(?:basic|digest)auth$/.test(middleware.kind))
      questions.push([
        "a password of Traefik guards it",
        "admin: true, or login: a service that asks who somebody is",
      ]);
    else if (/^(?:strip|replace|add)(?:prefix|path)/.test(middleware.kind))
      questions.push([
        `middleware ${name} changes the path`,
        "the program gets the path as the browser sends it; set its base path",
      ]);
    else dropped.push(`${name} (${middleware.kind})`);
  }
  const [path] = paths;
  const [port] = ports;
  return {
    hosts,
    ...(paths.length === 1 && path !== undefined && { path }),
    ...(port !== undefined && /^\d{1,5}$/.test(port) && { port: Number(port) }),
    allowList,
    ...(forwardAuth !== undefined && { forwardAuth }),
    questions,
    dropped,
  };
}

function parseRule(rule: string): {
  readonly hosts: readonly string[];
  readonly path?: string;
  readonly other: readonly string[];
} {
  const hosts: string[] = [];
  const paths: string[] = [];
  const other: string[] = [];
  for (const [, name = "", list = ""] of rule.matchAll(/([A-Za-z]+)\(([^)]*)\)/g)) {
    const values = [...list.matchAll(/[`"']([^`"']*)[`"']/g)].map(([, value = ""]) => value);
    if (name === "Host") hosts.push(...values.map((host) => host.toLowerCase()));
    else if (name === "PathPrefix" || name === "Path") paths.push(...values);
    else other.push(name);
  }
  const path = paths[0]?.replace(/\/+$/, "");
  return { hosts, ...(path !== undefined && path !== "" && { path }), other };
}
