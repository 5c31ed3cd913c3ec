/** Converts `ports`, `expose` and labels: the page that Traefik serves, and the ports that are published. Pure. */
import { isMap } from "../../text/messages";
import { listOf, pairsOf, portsOf, type Port } from "./compose/syntax";
import { joined } from "./compose/variables";
import { keyOf, shown, type Context, type Source } from "./context";
import { type Draft } from "./draft";
import { NOT_HTTP } from "./known";
import { routeOf } from "./traefik";

const DNS_NAME =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const PATH = /^(?:\/[\w.~-]{1,100}){1,10}$/;
/** Ports on which programs serve TLS themselves, beside plain http on another one. */
const TLS_PORTS: ReadonlySet<number> = new Set([443, 4443, 6443, 8443, 9443]);

export function convertPage(draft: Draft, source: Source, context: Context): void {
  const { known } = source;
  const ports = givenPorts(draft, source, context);
  const isInternal = ({ target, protocol }: Port): boolean =>
    protocol === "tcp" && known.internalPorts?.includes(target) === true;
  const pages = ports.filter(
    (port) => port.protocol === "tcp" && !NOT_HTTP.has(port.target) && !isInternal(port),
  );
  const labels = labelsOf(source, context);
  const route = routeOf(labels, context.middlewares) ?? virtualHost(source, context);
  const plain = pages.filter(({ target }) => !TLS_PORTS.has(target));
  const [page] = plain.length > 0 ? plain : pages;
  const hasRoute = route !== undefined && route.hosts.length > 0;

  if (hasRoute || page !== undefined) {
    const exposed = exposedPorts(source, context).filter((port) => !NOT_HTTP.has(port));
    const port = route?.port ?? page?.target ?? (exposed.length === 1 ? exposed[0] : undefined);
    if (route !== undefined) addRoute(draft, route, context);
    addAdmin(draft, source, { route, pages });
    if (port === undefined) askForPort(draft, route?.hosts[0] ?? "");
    else draft.entry.port = port;
    if (page !== undefined && route?.port === undefined && TLS_PORTS.has(page.target))
      draft.say(
        "question",
        `port ${page.target} is usually one for TLS`,
        "port: that of its plain http, which Traefik uses inside the host",
      );
    const served = pages.filter(
      ({ target }) => target === port || (plain.length > 0 && TLS_PORTS.has(target)),
    );
    if (served.length > 0)
      draft.say(
        "tightened",
        `port ${[...new Set(served.map(({ published, target }) => published ?? target))].join(", ")} of the host`,
        `only through Traefik, at https://${draft.entry.host ?? `${draft.name}.<domain>`}`,
      );
  }
  for (const [what, instead] of route?.questions ?? []) draft.say("question", what, instead);
  for (const { target, published } of pages) {
    if (target === draft.entry.port || (TLS_PORTS.has(target) && plain.length > 0)) continue;
    draft.say(
      "question",
      `port ${published ?? target} may have a second page`,
      `an entry has one page; if it is needed: ports: ["${published ?? target}:${target}"] with an exemption publishedPorts`,
    );
  }
  const others = ports.filter((port) => !pages.includes(port));
  for (const port of others.filter(isInternal))
    draft.say(
      "tightened",
      `port ${port.published ?? port.target} of the host`,
      "not published; services that name it reach it",
    );
  publish(
    draft,
    others.filter((port) => !isInternal(port)),
  );
}

/** Keys of an entry that only one with a port may have. */
const PAGE_KEYS = ["host", "aliases", "path", "admin", "login"] as const;

/** Without a port an entry has no pages, so nothing of them either: what there would be is in the question. */
function askForPort(draft: Draft, page: string): void {
  const lines = PAGE_KEYS.flatMap((key) => {
    const value = draft.entry[key];
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete
    delete draft.entry[key];
    return value === undefined
      ? []
      : [`${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`];
  });
  draft.say(
    "question",
    `its page is ${page}, and no port is said`,
    `port: that of the program inside the container${lines.length > 0 ? `, with ${lines.join(", ")}` : ""}`,
  );
}

function publish(draft: Draft, ports: readonly Port[]): void {
  const wanted = ports.filter(({ published }) => published !== undefined);
  const known = new Set<string>();
  for (const { address, published, target, protocol } of wanted) {
    const line = `${published ?? target}:${target}${protocol === "udp" ? "/udp" : ""}`;
    if (known.has(line)) continue;
    known.add(line);
    (draft.entry.ports ??= []).push(line);
    draft.exempt(
      "publishedPorts",
      [target],
      `${line}${address === undefined ? "" : ` (on ${address}, here on publish.address)`}`,
    );
  }
}

function givenPorts(draft: Draft, source: Source, context: Context): readonly Port[] {
  return listOf(keyOf(source, "ports", context)).flatMap((item) => {
    const ports = portsOf(item);
    if (ports === undefined)
      draft.say("question", `port ${shown(item)}`, "expected host:container; it is left out");
    return ports ?? [];
  });
}

/** Ports that the service or its image names, TCP. */
function exposedPorts(source: Source, context: Context): readonly number[] {
  const own = listOf(keyOf(source, "expose", context)).flatMap((item) =>
    (portsOf(item) ?? []).flatMap(({ target, protocol }) => (protocol === "tcp" ? [target] : [])),
  );
  return own.length > 0 ? own : (source.defaults?.ports ?? []);
}

/** Labels of the service and of its deployment, with variables replaced. */
export function labelsOf(
  source: Pick<Source, "name" | "service">,
  context: Context,
): ReadonlyMap<string, string> {
  const deploy = keyOf(source, "deploy", context);
  const lists = [isMap(deploy) ? deploy.labels : undefined, keyOf(source, "labels", context)];
  return new Map(
    lists.flatMap((list) => pairsOf(list)).map(([label, value = ""]) => [label, value]),
  );
}

type Route = NonNullable<ReturnType<typeof routeOf>>;

/** The variables of nginx-proxy. */
function virtualHost(source: Source, context: Context): Route | undefined {
  const values = new Map(
    pairsOf(source.service.environment).map(([key, value]) => [key, value ?? ""]),
  );
  const text = (key: string): string => joined(context.variables.pieces(values.get(key) ?? ""));
  const hosts = text("VIRTUAL_HOST")
    .split(",")
    .map((host) => host.trim())
    .filter((host) => host !== "");
  if (hosts.length === 0) return undefined;
  const port = text("VIRTUAL_PORT");
  return {
    hosts,
    ...(/^\d{1,5}$/.test(port) && { port: Number(port) }),
    allowList: false,
    questions: [],
    dropped: [],
  };
}

function addRoute(draft: Draft, route: Route, context: Context): void {
  const hosts = route.hosts.filter((host) => DNS_NAME.test(host));
  for (const host of route.hosts.filter((one) => !hosts.includes(one)))
    draft.say("question", `host name ${shown(host)}`, "expected one such as app.example.com");
  const [host, ...aliases] = hosts;
  if (host !== undefined) draft.entry.host = host;
  if (aliases.length > 0) draft.entry.aliases = aliases;
  if (route.path !== undefined) {
    if (PATH.test(route.path)) draft.entry.path = route.path;
    else draft.say("question", `path ${shown(route.path)}`, "expected one such as /api");
  }
  if (route.forwardAuth !== undefined) addLogin(draft, route.forwardAuth, context);
  if (route.dropped.length > 0)
    draft.say(
      "changed",
      `middlewares ${route.dropped.join(", ")}`,
      "this stack's Traefik redirects to https and sets security headers itself",
    );
}

/** Forward authentication by a service of the same file. */
function addLogin(draft: Draft, address: string, context: Context): void {
  const [, path = "/"] = /^[a-z]+:\/\/[^/]+(\/[^?]*)?/i.exec(address) ?? [];
  const [service] = context.mentions(address).services;
  if (service !== undefined && service !== draft.name)
    draft.entry.login = path === "/" ? service : { service, path: path.slice(0, 200) };
  else
    draft.say(
      "question",
      `a login at ${shown(address)} guards it`,
      "login: the name of a service of this stack; until then admin: true keeps it closed",
    );
  if (draft.entry.login === undefined) draft.entry.admin = true;
}

function addAdmin(
  draft: Draft,
  { known }: Source,
  { route, pages }: { readonly route: Route | undefined; readonly pages: readonly Port[] },
): void {
  if (draft.entry.login !== undefined || draft.entry.admin === true) return;
  const isLoopback = ({ address = "" }: Port): boolean => /^127\.|^::1$|^localhost$/.test(address);
  const why =
    route?.allowList === true
      ? "a middleware lets in certain networks only"
      : known.admin === true
        ? "whoever opens its page can read or change much"
        : route === undefined && pages.length > 0 && pages.every(isLoopback)
          ? "its port is published for the host itself only"
          : undefined;
  if (why === undefined) {
    draft.say(
      "question",
      "its page is open to everybody",
      "admin: true opens it to the networks in adminAllow only",
    );
    return;
  }
  draft.entry.admin = true;
  draft.say("tightened", why, "admin: true, only the networks in adminAllow");
}
