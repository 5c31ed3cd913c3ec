/** Compares IP addresses and networks by value: an address has many spellings (RFC 4291, section 2.2). Pure. */

/**
 * The address family, `4` or `6`, followed by the network prefix in binary digits. Network A contains network B if the
 * prefix of B starts with that of A.
 */
type Prefix = string;

/** First 96 bits of an IPv4-mapped IPv6 address, `::ffff:192.0.2.1` (RFC 4291, section 2.5.5.2). */
const MAPPED = "0".repeat(80) + "1".repeat(16);

/** The prefix of `192.0.2.0/24` or `2001:db8::/32`; an address is a network of one. The text must be valid. */
function prefixOf(network: string): Prefix {
  const [address = "", length = "128"] = network.split("/");
  if (!address.includes(":")) return `4${bits(address.split("."), 10, 8).slice(0, Number(length))}`;
  // The URL parser normalizes the address: no dotted IPv4 part, at most one "::".
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

/** Whether a port bound to the address listens on all interfaces: `0.0.0.0`, `::` and their other spellings. */
export const isEveryInterface = (address: string): boolean => /^.0+$/.test(prefixOf(address));

export const sameAddress = (one: string, other: string): boolean =>
  prefixOf(one) === prefixOf(other);

/** Loopback addresses: RFC 1122, section 3.2.1.3; RFC 4291, section 2.5.3. */
const LOOPBACK = ["127.0.0.0/8", "::1"];

/** Whether the address is reachable only from the host itself. */
export const isLoopback = (address: string): boolean =>
  notCoveredBy([address], LOOPBACK).length === 0;

/**
 * Whether a port bound to `address` is reachable by no more clients than one bound to `other`. `0.0.0.0` covers all of
 * IPv4. `::` covers both families, because older Docker engines then listen on both.
 */
export const reachesNoFurther = (address: string, other: string): boolean =>
  isLoopback(address) || notCoveredBy(boundNetworks(address), boundNetworks(other)).length === 0;

function boundNetworks(address: string): readonly string[] {
  if (!isEveryInterface(address)) return [address];
  return prefixOf(address).startsWith("4") ? ["0.0.0.0/0"] : ["::/0", "0.0.0.0/0"];
}

/** Whether a network is wider than the largest private one: 10.0.0.0/8 (RFC 1918) or fc00::/7 (RFC 4193). */
export function isTooWide(network: string): boolean {
  const [family, ...bits] = prefixOf(network);
  return bits.length < (family === "4" ? 8 : 7);
}

/** An IPv6 network or address that is not an IPv4-mapped one. */
export const isIPv6 = (network: string): boolean => prefixOf(network).startsWith("6");

/** RFC 1918. Docker takes the addresses of its networks from these. */
const PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].map(prefixOf);

/** Whether the network has an address in common with a private IPv4 network. */
export function overlapsPrivate(network: string): boolean {
  const prefix = prefixOf(network);
  return PRIVATE.some((other) => other.startsWith(prefix) || prefix.startsWith(other));
}

const BYTE = "(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)";
const NETWORK = new RegExp(`^${BYTE}(?:\\.${BYTE}){3}/\\d{1,2}$`);

/** Whether any text is a private IPv4 network of 16 to 24 bits with nothing after those bits: `10.201.0.0/16`. */
export function isPrivatePool(network: string): boolean {
  if (!NETWORK.test(network)) return false;
  const prefix = prefixOf(network);
  const length = prefix.length - 1;
  const [address = ""] = network.split("/");
  return (
    length >= 16 &&
    length <= 24 &&
    PRIVATE.some((other) => prefix.startsWith(other)) &&
    /^0*$/.test(prefixOf(address).slice(prefix.length))
  );
}

/** The networks that contain at least one address which is in none of the others. */
export function notCoveredBy(networks: readonly string[], others: readonly string[]): string[] {
  const known = others.map(prefixOf);
  return networks.filter((network) => !isCovered(prefixOf(network), known));
}

/** Several smaller networks together can cover a larger one. */
function isCovered(prefix: Prefix, known: readonly Prefix[]): boolean {
  if (known.some((other) => prefix.startsWith(other))) return true;
  const inside = known.filter((other) => other.startsWith(prefix));
  return inside.length > 0 && ["0", "1"].every((bit) => isCovered(prefix + bit, inside));
}
