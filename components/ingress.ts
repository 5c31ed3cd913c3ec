/** The ingress: routes, TLS, published ports. Pure. */

/**
 * A path below a public route that only the networks in `adminAllow` may open. A page has a backend of its own: Traefik and a
 * backend may read an encoded path differently, so the public backend must not have the page at all. A path of the service
 * itself has the route's backend, and is safe only if the service takes an encoded spelling for another path.
 */
export interface AdminPath {
  /** Prefix of the path: `/details`. */
  readonly path: string;
  /** `http://homepage:8081` */
  readonly target: string;
}

/** A host name that Traefik routes to a service. */
export interface Route {
  /** The service, and the name of the router in Traefik. */
  readonly service: string;
  readonly host: string;
  /** Further host names. */
  readonly aliases?: readonly string[];
  /** Only requests below this path, without a slash at the end. Default: all. */
  readonly path?: string;
  /** The backend: `http://n8n:5678`, or `api@internal` for Traefik's dashboard. */
  readonly target: string;
  /** The container of the backend; absent for one outside the stack. */
  readonly container?: string;
  /** Whether only the networks in `adminAllow` have access, except to `publicPaths`. */
  readonly admin: boolean;
  /** Path prefixes that are open to everybody, even if `admin` is set. */
  readonly publicPaths?: readonly string[];
  /** Only on routes that are otherwise open. */
  readonly adminPaths?: readonly AdminPath[];
  /** Path of Traefik's health check, for services whose image cannot run one. */
  readonly healthPath?: string;
  /** Who is asked before each request, except those to `publicPaths`: `http://auth:4180/`. Default: nobody. */
  readonly login?: string;
  /** Path that answers with a status below 400 if the service works; absent if nobody asks. */
  readonly probePath?: string;
  /** Whether an answer 404 is good as well: the program does not know the paths of the service. Default false. */
  readonly anyAnswer?: boolean;
  /** Why the certificate of an https backend is not checked. Default: it is. */
  readonly insecureSkipVerify?: string;
  /** The Content-Security-Policy header of the service, if this program configures it. */
  readonly contentSecurityPolicy?: string;
}

/** Traefik's name for its dashboard and API. */
export const DASHBOARD = "api@internal";

/**
 * DNS providers of lego, Traefik's ACME client, that need a single token, and the environment variable for the path of
 * the token file. Source: https://go-acme.github.io/lego/dns/
 */
export const DNS_PROVIDERS = {
  cloudflare: "CF_DNS_API_TOKEN_FILE",
  desec: "DESEC_TOKEN_FILE",
  digitalocean: "DO_AUTH_TOKEN_FILE",
  duckdns: "DUCKDNS_TOKEN_FILE",
  gandiv5: "GANDIV5_PERSONAL_ACCESS_TOKEN_FILE",
  hetzner: "HETZNER_API_TOKEN_FILE",
  linode: "LINODE_TOKEN_FILE",
} as const;
export type DnsProvider = keyof typeof DNS_PROVIDERS;

export interface Acme {
  readonly mode: "acme";
  readonly email: string;
  readonly dnsProvider: DnsProvider;
  /** URL of the ACME directory. Default: Let's Encrypt. */
  readonly caServer?: string | undefined;
}
/** Name of the generated secret: certificate and private key for {@link Tls} mode `selfSigned`, in one PEM file. */
export const SELF_SIGNED_CERTIFICATE = "selfSignedCertificate";

export type Tls = { readonly mode: "none" } | { readonly mode: "selfSigned" } | Acme;

/** The host's address and ports that Traefik is published on. */
export interface Publish {
  readonly address: string;
  readonly http: number;
  readonly https: number;
}

export interface IngressSettings {
  readonly tls: Tls;
  readonly publish: Publish;
  /** Networks with access to admin routes, in CIDR notation. Empty: no admin routes. */
  readonly adminAllow: readonly string[];
}

/** Visitors of one host name that are sent to another one. */
export interface Redirect {
  readonly from: string;
  readonly to: string;
}

export interface Ingress extends IngressSettings {
  /** Default: none. */
  readonly redirects?: readonly Redirect[];
  /** All active routes. If `adminAllow` is empty, admin routes without public paths are left out. */
  readonly routes: readonly Route[];
}

/** Every host name that Traefik answers to, in the order of the routes. */
export const hostsOf = ({ routes, redirects = [] }: Ingress): string[] => [
  ...new Set([
    ...routes.flatMap(({ host, aliases = [] }) => [host, ...aliases]),
    ...redirects.map(({ from }) => from),
  ]),
];

export const isSecure = ({ tls }: Pick<IngressSettings, "tls">): boolean => tls.mode !== "none";

/** The public URL of a host name, with a trailing slash. */
export function publicUrl(
  { tls, publish }: Pick<IngressSettings, "tls" | "publish">,
  host: string,
): string {
  const secure = isSecure({ tls });
  const port = secure ? publish.https : publish.http;
  const defaultPort = secure ? 443 : 80;
  return `${secure ? "https" : "http"}://${host}${port === defaultPort ? "" : `:${port}`}/`;
}
