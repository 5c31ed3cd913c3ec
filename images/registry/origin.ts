/**
 * Where a registry is, and where its answers may send this client. Pure.
 * A registry names its token service and redirects its blobs: without a guard it could have any address of the
 * internal network asked, the metadata service of a cloud among them.
 */

import { BlockList, isIP } from "node:net";
import { DOCKER_HUB } from "../reference";

/** From the stack's `registries`, keyed by registry host as references name it. */
export interface RegistrySettings {
  /** Plain http. Default false; there is no falling back to it. */
  readonly insecure?: boolean;
  readonly username?: string;
  readonly password?: string;
}

export type Registries = Readonly<Record<string, RegistrySettings>>;

/** The origin that serves the registry's API. Docker Hub's is not the host its references name. */
export function registryOrigin(registry: string, settings: RegistrySettings | undefined): URL {
  const host = registry === DOCKER_HUB ? "registry-1.docker.io" : registry;
  return new URL(`${settings?.insecure === true ? "http" : "https"}://${host}`);
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

// Every address that is not for the public internet: RFC 6890, RFC 6598, RFC 4193, RFC 4291. And those that lead to an
// IPv4 address of any kind: RFC 4291 (compatible ones), RFC 6052 and RFC 8215 (NAT64), RFC 3056 (6to4).
const internal = new BlockList();
for (const [net, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const)
  internal.addSubnet(net, prefix, "ipv4");
for (const [net, prefix] of [
  ["::", 96],
  ["::ffff:0:0:0", 96],
  ["100::", 64],
  ["2001::", 32],
  ["64:ff9b::", 96],
  ["64:ff9b:1::", 48],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8],
] as const)
  internal.addSubnet(net, prefix, "ipv6");

const isLocalName = (host: string): boolean => /(?:^|\.)localhost\.?$/.test(host);

function lists(list: BlockList, address: string): boolean {
  const version = isIP(address);
  return version !== 0 && list.check(address, version === 4 ? "ipv4" : "ipv6");
}

/** Whether an address is for anything but the public internet. False for a name. */
export const isInternalAddress = (address: string): boolean => lists(internal, address);

/** A URL's `hostname` has one spelling per address, IPv6 ones in brackets. */
const bare = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, "$1");
const isLoopback = (host: string): boolean => isLocalName(host) || lists(loopback, bare(host));
const isInternal = (host: string): boolean => isLocalName(host) || isInternalAddress(bare(host));

/** Where a URL leads, as a message says it: of what is no web address only the scheme, since it has no origin. */
export const placeOf = (target: URL | undefined): string | undefined =>
  target?.origin === "null" ? target.protocol : target?.origin;

/** RFC 1035, section 2.3.4. A URL may have any length, and messages repeat this part of it. */
const LONGEST_NAME = 253;

/**
 * Whether the configuration knows the host that the registry at `home` points to: it is the registry's own, at any port, or
 * `registries` has a line for it. Only such a host may be an internal one; to another, requests look up its name with
 * {@link publicLookup}.
 */
export const isNamed = (target: URL, home: URL, registries: Registries): boolean =>
  isOwn(target, home) || Object.hasOwn(registries, target.host);

const isOwn = (target: URL, home: URL): boolean =>
  target.hostname === home.hostname || (isLoopback(target.hostname) && isLoopback(home.hostname));

/** Why this client does not go where the registry at `home` points, or `undefined` where it may. */
export function whyNotTo(target: URL, home: URL, registries: Registries): string | undefined {
  if (target.protocol !== "https:" && target.protocol !== "http:") return "it is no web address";
  if (target.username !== "" || target.password !== "") return "it has a user name in it";
  if (target.hostname.length > LONGEST_NAME) return "its name is too long for one";
  if (target.protocol === "http:") {
    if (home.protocol === "https:") return "it is plain http, and the registry is not";
    if (!isOwn(target, home) && registries[target.host]?.insecure !== true)
      return "it is plain http on a host that is not configured as insecure";
  }
  if (!isNamed(target, home, registries) && isInternal(target.hostname))
    return "it is an internal address that no line of registries names";
  return undefined;
}
