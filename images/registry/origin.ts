/**
 * Protects against server-side request forgery. A registry chooses its token service and the targets of redirects, and could
 * otherwise make this client contact internal addresses, such as the metadata service of a cloud.
 */

import dns from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import type { Redactor } from "../../text/redact";
import { DOCKER_HUB } from "../reference";
import { ExchangeError, INTERNAL_ADDRESS } from "./errors";

/** An entry of `registries` in the configuration. */
export interface RegistrySettings {
  /** Plain http. Default false; the client never falls back to it. */
  readonly insecure?: boolean;
  readonly username?: string;
  readonly password?: string;
}

/** `registries` in the configuration, by registry host as in image references. */
export type Registries = Readonly<Record<string, RegistrySettings>>;

/** The registry that a request belongs to. It determines which URLs may be followed and which texts are redacted. */
export interface RegistryContext {
  readonly origin: URL;
  readonly registries: Registries;
  /** Hides the secrets that were sent to this registry. */
  readonly redactor: Redactor;
}

/** The origin of the registry's API. For Docker Hub, it differs from the host in image references. */
export function registryOrigin(registry: string, settings: RegistrySettings | undefined): URL {
  const host = registry === DOCKER_HUB ? "registry-1.docker.io" : registry;
  return new URL(`${settings?.insecure === true ? "http" : "https"}://${host}`);
}

function blockList(networks: string): BlockList {
  const list = new BlockList();
  for (const network of networks.split(" ")) {
    const [address = "", prefix] = network.split("/");
    list.addSubnet(address, Number(prefix), address.includes(":") ? "ipv6" : "ipv4");
  }
  return list;
}

const LOOPBACK = blockList("127.0.0.0/8 ::1/128");

const INTERNAL = blockList(
  [
    // Not for the public internet: RFC 6890, RFC 6598, RFC 4193, RFC 4291.
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24",
    "192.168.0.0/16 198.18.0.0/15 224.0.0.0/3 100::/64 fc00::/7 fe80::/10 fec0::/10 ff00::/8",
    // Embed an IPv4 address: compatible and translated addresses (RFC 4291, RFC 2765), NAT64 (RFC 6052, RFC 8215),
    // 6to4 (RFC 3056, RFC 3068) and Teredo (RFC 4380). BlockList checks IPv4-mapped addresses as IPv4.
    "::/96 ::ffff:0:0:0/96 64:ff9b::/96 64:ff9b:1::/48 2002::/16 192.88.99.0/24 2001::/32",
  ].join(" "),
);

function contains(list: BlockList, address: string): boolean {
  const version = isIP(address);
  return version !== 0 && list.check(address, version === 4 ? "ipv4" : "ipv6");
}

/** Names for loopback addresses: RFC 6761, section 6.3. */
const isLocalName = (host: string): boolean => /(?:^|\.)localhost\.?$/.test(host);

/** URL parsing has normalized the host name. IPv6 addresses are in brackets. */
const isIn = (list: BlockList, { hostname }: URL): boolean =>
  isLocalName(hostname) || contains(list, hostname.replace(/^\[(.*)\]$/, "$1"));

/** Whether the target is the registry's own host, on any port. All loopback addresses count as the same host. */
const isOwnHost = (target: URL, origin: URL): boolean =>
  target.hostname === origin.hostname || (isIn(LOOPBACK, target) && isIn(LOOPBACK, origin));

/**
 * Whether the host is trusted: it is the registry's own, or `registries` has an entry for it. Only trusted hosts may have
 * internal addresses; other names are resolved with {@link publicLookup}.
 */
export const isConfigured = (
  target: URL,
  { origin, registries }: Omit<RegistryContext, "redactor">,
) => isOwnHost(target, origin) || Object.hasOwn(registries, target.host);

/** Maximum length of a host name (RFC 1035, section 2.3.4). Limits messages, which contain the host. */
const MAX_NAME_LENGTH = 253;

/** Why this client refuses to contact a URL from the registry; `undefined` if it does not. */
export function refusal(
  target: URL,
  context: Omit<RegistryContext, "redactor">,
): string | undefined {
  if (target.protocol !== "https:" && target.protocol !== "http:") return NOT_A_WEB_ADDRESS;
  if (target.username !== "" || target.password !== "") return "it contains a user name";
  if (target.hostname.length > MAX_NAME_LENGTH) return "its host name is too long";
  if (target.protocol === "http:") {
    if (context.origin.protocol === "https:") return "it is plain http, the registry is https";
    if (!isOwnHost(target, context.origin) && context.registries[target.host]?.insecure !== true)
      return "it is plain http on a host that is not configured as insecure";
  }
  if (!isConfigured(target, context) && isIn(INTERNAL, target))
    return "it is an internal address that is not listed under registries";
  return undefined;
}

const NOT_A_WEB_ADDRESS = "it is not an http or https URL";

/**
 * Parses and checks a URL from a server. Throws an {@link ExchangeError} with code `refused` if it must not be contacted.
 * @param base base URL of a relative `location`; without it, `location` must be absolute
 * @param message builds the error message from the refused URL and the reason
 */
export function followableUrl(
  location: string,
  base: URL | undefined,
  context: RegistryContext,
  message: (place: string, reason: string) => string,
): URL {
  const { redactor, origin } = context;
  const target = URL.canParse(location, base?.href) ? new URL(location, base) : undefined;
  const reason =
    target === undefined
      ? NOT_A_WEB_ADDRESS
      : redactor.containsSecret(target.host) && target.hostname !== origin.hostname
        ? "its host name contains a secret"
        : refusal(target, context);
  if (target !== undefined && reason === undefined) return target;
  // Only http and https URLs have an origin.
  const place = target?.origin === "null" ? target.protocol : (target?.origin ?? location);
  throw new ExchangeError("refused", message(redactor.quote(place), reason ?? ""));
}

/**
 * DNS lookup for host names from a server: fails with {@link INTERNAL_ADDRESS} if any address is internal. The connection
 * uses the addresses that were checked, which prevents DNS rebinding.
 */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  dns.lookup(hostname, options, (error, address, family) => {
    const found = error === null ? [address].flat() : [];
    const isInternal = found.some((one) =>
      contains(INTERNAL, typeof one === "string" ? one : one.address),
    );
    const refused = Object.assign(new Error(hostname), { code: INTERNAL_ADDRESS });
    callback(isInternal ? refused : error, address, family);
  });
};
