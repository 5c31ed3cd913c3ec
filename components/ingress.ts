/** What Traefik serves, for whom, and how: routes, TLS, published ports. Pure. */

/** A host name that Traefik serves. */
export interface Route {
  /** The service whose pages it shows, and the route's name in Traefik. */
  readonly service: string;
  readonly host: string;
  /** Where Traefik finds it, `http://n8n:5678`; `api@internal` is Traefik's own dashboard. */
  readonly target: string;
  /** The container behind it. */
  readonly container: string;
  /** Only for the networks of `adminAllow`. */
  readonly admin: boolean;
  /** A page that Traefik asks for before it sends anybody there; for services that cannot check themselves. */
  readonly healthPath?: string;
  /** A page that answers below 400 where the service works. */
  readonly probePath: string;
  /** The policy that the service's own web server sends, where this program writes it. */
  readonly contentSecurityPolicy?: string;
}

export const DASHBOARD = "api@internal";

/** DNS providers of Traefik's ACME client (lego) that need one token, and the variable that names the token's file. */
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
  /** Default: Let's Encrypt's. */
  readonly caServer?: string | undefined;
}
export type Tls = { readonly mode: "none" } | { readonly mode: "selfSigned" } | Acme;

/** Address and ports on the host. */
export interface Publish {
  readonly address: string;
  readonly http: number;
  readonly https: number;
}

export interface IngressSettings {
  readonly tls: Tls;
  readonly publish: Publish;
  /** Networks that may reach admin routes. Empty: there are no admin routes. */
  readonly adminAllow: readonly string[];
}

export interface Ingress extends IngressSettings {
  /** Routes that somebody may use. */
  readonly routes: readonly Route[];
}

export const isSecure = ({ tls }: Pick<IngressSettings, "tls">): boolean => tls.mode !== "none";

/** The address that a browser uses for a host name, with a slash at its end. */
export function publicUrl(
  { tls, publish }: Pick<IngressSettings, "tls" | "publish">,
  host: string,
): string {
  const secure = isSecure({ tls });
  const port = secure ? publish.https : publish.http;
  const usual = secure ? 443 : 80;
  return `${secure ? "https" : "http"}://${host}${port === usual ? "" : `:${port}`}/`;
}
