/**
 * Where a registry is, and where its responses may send this client. A registry names its token service and redirects
 * blobs: without a guard it could make this client request any internal address, such as a cloud's metadata service.
 */

import dns from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import type { Redactor } from "../../text/redact";
import { DOCKER_HUB } from "../reference";
import { ExchangeError, INTERNAL_ADDRESS } from "./errors";

/** One entry of the stack's `registries`. */
export interface RegistrySettings {
  /** Plain http. Default false; the client never falls back to it. */
  readonly insecure?: boolean;
  readonly username?: string;
  readonly password?: string;
}

/** The stack's `registries`, by registry host as references name it. */
export type Registries = Readonly<Record<string, RegistrySettings>>;

/** A registry as its responses are judged by. */
export interface Home {
  readonly origin: URL;
  readonly registries: Registries;
  /** Knows the secrets that this registry received. */
  readonly redactor: Redactor;
}

/** The origin of the registry's API. Docker Hub's differs from the host in its references. */
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
    // Lead to an IPv4 address of any kind: compatible and translated ones (RFC 4291, RFC 2765), NAT64 (RFC 6052,
    // RFC 8215), 6to4 (RFC 3056, RFC 3068) and Teredo (RFC 4380). Mapped ones are checked as IPv4.
    "::/96 ::ffff:0:0:0/96 64:ff9b::/96 64:ff9b:1::/48 2002::/16 192.88.99.0/24 2001::/32",
  ].join(" "),
);

function contains(list: BlockList, address: string): boolean {
  const version = isIP(address);
  return version !== 0 && list.check(address, version === 4 ? "ipv4" : "ipv6");
}

/** RFC 6761, section 6.3. */
const isLocalName = (host: string): boolean => /(?:^|\.)localhost\.?$/.test(host);

/** A URL's host name has one spelling per address, IPv6 addresses in brackets. */
const isIn = (list: BlockList, { hostname }: URL): boolean =>
  isLocalName(hostname) || contains(list, hostname.replace(/^\[(.*)\]$/, "$1"));

/** The registry's own host, at any port. All loopback addresses are the same host. */
const isOwnHost = (target: URL, origin: URL): boolean =>
  target.hostname === origin.hostname || (isIn(LOOPBACK, target) && isIn(LOOPBACK, origin));

/**
 * Whether the configuration vouches for the host: it is the registry's own, or `registries` has an entry for it. Only such
 * a host may be internal; names of others are resolved with {@link publicLookup}.
 */
export const isConfigured = (target: URL, { origin, registries }: Omit<Home, "redactor">) =>
  isOwnHost(target, origin) || Object.hasOwn(registries, target.host);

/** Longest host name (RFC 1035, section 2.3.4). A URL may be longer, and messages repeat its host. */
const MAX_NAME_LENGTH = 253;

/** Why this client does not follow the registry at `origin` to the target; `undefined` where it does. */
export function refusal(target: URL, home: Omit<Home, "redactor">): string | undefined {
  if (target.protocol !== "https:" && target.protocol !== "http:") return "it is not a web address";
  if (target.username !== "" || target.password !== "") return "it contains a user name";
  if (target.hostname.length > MAX_NAME_LENGTH) return "its host name is too long";
  if (target.protocol === "http:") {
    if (home.origin.protocol === "https:") return "it is plain http, the registry is https";
    if (!isOwnHost(target, home.origin) && home.registries[target.host]?.insecure !== true)
      return "it is plain http on a host that is not configured as insecure";
  }
  if (!isConfigured(target, home) && isIn(INTERNAL, target))
    return "it is an internal address that is not listed under registries";
  return undefined;
}

/**
 * The URL that a server sends this client to. Throws an {@link ExchangeError} with code `refused` for a place it does not
 * go to.
 * @param base the URL that a relative `location` is relative to; without it, only absolute ones are good
 * @param message the message for a refused place and the reason
 */
export function followableUrl(
  location: string,
  base: URL | undefined,
  home: Home,
  message: (place: string, reason: string) => string,
): URL {
  const { redactor, origin } = home;
  const target = URL.canParse(location, base?.href) ? new URL(location, base) : undefined;
  const reason =
    target === undefined
      ? "it is not a web address"
      : redactor.containsSecret(target.host) && target.hostname !== origin.hostname
        ? "its host name contains a secret"
        : refusal(target, home);
  if (target !== undefined && reason === undefined) return target;
  // What is not a web address has no origin.
  const place = target?.origin === "null" ? target.protocol : (target?.origin ?? location);
  throw new ExchangeError("refused", message(redactor.quote(place), reason ?? ""));
}

/**
 * Node's name lookup for hosts that only a server named: fails with {@link INTERNAL_ADDRESS} if any address is internal.
 * The connection uses the addresses checked here, so a second lookup cannot give others.
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
