/** IP addresses and networks by their value, because one has many spellings (RFC 4291, section 2.2). Pure. */

interface IpRange {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

/** Whether a port that is bound to the address can be reached on all interfaces: `0.0.0.0`, `::` and how else they are written. */
export const isEveryInterface = (address: string): boolean => ipRange(address).first === 0n;

export function sameAddress(one: string, other: string): boolean {
  const [a, b] = [ipRange(one), ipRange(other)];
  return a.family === b.family && a.first === b.first && a.last === b.last;
}

/**
 * Whether a port that is bound to an address can be reached by nobody who could not reach it at the other one. Only the host
 * reaches a loopback address, and it reaches all its others. `0.0.0.0` is all of IPv4; `::` counts as both families, since
 * older engines listen on both there.
 */
export const reachesNoFurther = (address: string, other: string): boolean =>
  isLoopback(address) || beyond(reach(address), reach(other)).length === 0;

/** Whether an address is the host's own, which nobody else reaches. */
export const isLoopback = (address: string): boolean => beyond([address], LOOPBACK).length === 0;

/** RFC 1122, section 3.2.1.3; RFC 4291, section 2.5.3. */
const LOOPBACK = ["127.0.0.0/8", "::1"];

function reach(address: string): readonly string[] {
  if (!isEveryInterface(address)) return [address];
  return ipRange(address).family === 4 ? ["0.0.0.0/0"] : ["::/0", "0.0.0.0/0"];
}

/**
 * Whether a network holds more addresses than anybody has: it is wider than the widest private ones, 10.0.0.0/8 (RFC 1918)
 * and fc00::/7 (RFC 4193).
 */
export function holdsStrangers(network: string): boolean {
  const { family, first, last } = ipRange(network);
  return last - first >= 1n << (family === 4 ? 24n : 121n);
}

/** Those networks that hold an address which none of the others holds. */
export function beyond(networks: readonly string[], others: readonly string[]): string[] {
  const known = merged(others.map(ipRange));
  return networks.filter((text) => {
    const { family, first, last } = ipRange(text);
    return !known.some(
      (range) => range.family === family && range.first <= first && last <= range.last,
    );
  });
}

/** The first 96 bits of an IPv4 address that is written as an IPv6 one (RFC 4291, section 2.5.5.2). */
const MAPPED = 0xffffn;

/** `192.0.2.0/24`, `2001:db8::/32`; an address alone is a network of one. The text has been checked before. */
function ipRange(text: string): IpRange {
  const [address = "", prefix] = text.split("/");
  const short = !address.includes(":");
  const value = short ? (MAPPED << 32n) | v4(address) : v6(address);
  const kept = prefix === undefined ? 128 : Number(prefix) + (short ? 96 : 0);
  const open = BigInt(128 - kept);
  const first = (value >> open) << open;
  const last = first | ((1n << open) - 1n);
  return first >> 32n === MAPPED && last >> 32n === MAPPED
    ? { family: 4, first: first & 0xffffffffn, last: last & 0xffffffffn }
    : { family: 6, first, last };
}

const v4 = (address: string): bigint =>
  address.split(".").reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);

function v6(address: string): bigint {
  const [head = "", tail] = address.split("::");
  const [left, right] = [groups(head), groups(tail ?? "")];
  const zeros = Array<bigint>(Math.max(0, 8 - left.length - right.length)).fill(0n);
  return [...left, ...zeros, ...right].reduce((value, group) => (value << 16n) | group, 0n);
}

/** Sixteen bits each; the last two may be an IPv4 address. */
const groups = (text: string): bigint[] =>
  text === ""
    ? []
    : text
        .split(":")
        .flatMap((part) =>
          part.includes(".") ? [v4(part) >> 16n, v4(part) & 0xffffn] : [BigInt(`0x${part}`)],
        );

/** Neighbours and those that overlap as one. */
function merged(ranges: readonly IpRange[]): IpRange[] {
  const sorted = [...ranges].sort((a, b) =>
    a.family === b.family ? (a.first < b.first ? -1 : 1) : a.family - b.family,
  );
  return sorted.reduce<IpRange[]>((all, range) => {
    const before = all.at(-1);
    if (before?.family !== range.family || range.first > before.last + 1n) return [...all, range];
    const last = range.last > before.last ? range.last : before.last;
    return [...all.slice(0, -1), { ...before, last }];
  }, []);
}
