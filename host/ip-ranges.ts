/** IP addresses and networks compared by value: one address has many spellings (RFC 4291, section 2.2). Pure. */

/**
 * The address family, `4` or `6`, then the bits that all addresses of a network share: network A contains network B
 * if B's prefix starts with A's.
 */
type Prefix = string;

/** First 96 bits of an IPv4 address in IPv6 notation, `::ffff:192.0.2.1` (RFC 4291, section 2.5.5.2). */
const MAPPED = "0".repeat(80) + "1".repeat(16);

/** Of `192.0.2.0/24` or `2001:db8::/32`; a single address is a network of one. The caller has validated the text. */
function prefixOf(network: string): Prefix {
  const [address = "", length = "128"] = network.split("/");
  if (!address.includes(":")) return `4${bits(address.split("."), 10, 8).slice(0, Number(length))}`;
  // The URL parser normalizes the address: no dotted part, at most one "::".
  const [head = "", tail = ""] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const first = bits(head.split(":"), 16, 16);
  const last = bits(tail.split(":"), 16, 16);
  const prefix = (first + last.padStart(128 - first.length, "0")).slice(0, Number(length));
  return prefix.startsWith(MAPPED) ? `4${prefix.slice(MAPPED.length)}` : `6${prefix}`;
}

const bits = (numbers: readonly string[], radix: number, width: number): string =>
  numbers
    .filter((number) => number !== "")
    .map((number) => parseInt(number, radix).toString(2).padStart(width, "0"))
    .join("");

/** Whether a port bound to the address is reachable on all interfaces: `0.0.0.0`, `::` and their other spellings. */
export const isEveryInterface = (address: string): boolean => /^.0+$/.test(prefixOf(address));

export const sameAddress = (one: string, other: string): boolean =>
  prefixOf(one) === prefixOf(other);

/** Loopback addresses: RFC 1122, section 3.2.1.3; RFC 4291, section 2.5.3. */
const LOOPBACK = ["127.0.0.0/8", "::1"];

/** Whether only the host itself reaches the address. */
export const isLoopback = (address: string): boolean =>
  notCoveredBy([address], LOOPBACK).length === 0;

/**
 * Whether everybody who reaches a port bound to `address` would also reach it bound to `other`. `0.0.0.0` stands for all
 * of IPv4, `::` for both families, because older Docker engines listen on both there.
 */
export const reachesNoFurther = (address: string, other: string): boolean =>
  isLoopback(address) || notCoveredBy(boundNetworks(address), boundNetworks(other)).length === 0;

function boundNetworks(address: string): readonly string[] {
  if (!isEveryInterface(address)) return [address];
  return prefixOf(address).startsWith("4") ? ["0.0.0.0/0"] : ["::/0", "0.0.0.0/0"];
}

/** Whether a network is wider than any private one: than 10.0.0.0/8 (RFC 1918) or fc00::/7 (RFC 4193). */
export function isTooWide(network: string): boolean {
  const [family, ...bits] = prefixOf(network);
  return bits.length < (family === "4" ? 8 : 7);
}

/** The networks with at least one address that is in none of the others. */
export function notCoveredBy(networks: readonly string[], others: readonly string[]): string[] {
  const known = others.map(prefixOf);
  return networks.filter((network) => !isCovered(prefixOf(network), known));
}

/** Several smaller networks may cover a larger one together. */
function isCovered(prefix: Prefix, known: readonly Prefix[]): boolean {
  if (known.some((other) => prefix.startsWith(other))) return true;
  const inside = known.filter((other) => other.startsWith(prefix));
  return inside.length > 0 && ["0", "1"].every((bit) => isCovered(prefix + bit, inside));
}
