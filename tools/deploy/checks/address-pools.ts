/** How many networks still fit into Docker's address pools. IPv4 only: the stack's networks have no other. Pure. */
import { z } from "zod";

export interface AddressPool {
  /** `172.20.0.0/14` */
  readonly base: string;
  /** Prefix length of each network in it. */
  readonly size: number;
}

/** Of an engine without `default-address-pools`: 31 networks (moby, daemon/libnetwork/ipamutils). */
export const DEFAULT_POOLS: readonly AddressPool[] = [
  ...["172.17.0.0/16", "172.18.0.0/16", "172.19.0.0/16"].map((base) => ({ base, size: 16 })),
  ...["172.20.0.0/14", "172.24.0.0/14", "172.28.0.0/14"].map((base) => ({ base, size: 16 })),
  { base: "192.168.0.0/16", size: 20 },
];

const pools = z.array(z.object({ Base: z.string(), Size: z.number() }));

/** @param json `DefaultAddressPools` of `docker info`: null if none are configured */
export function addressPools(json: string | undefined): readonly AddressPool[] {
  try {
    return pools
      .parse(JSON.parse(json ?? ""))
      .map(({ Base, Size }) => ({ base: Base, size: Size }));
  } catch {
    return DEFAULT_POOLS;
  }
}

interface Range {
  readonly first: number;
  readonly last: number;
}

function rangeOf(network: string): Range | undefined {
  const [, a = "", b = "", c = "", d = "", length = "32"] =
    /^(\d+)\.(\d+)\.(\d+)\.(\d+)(?:\/(\d+))?$/.exec(network) ?? [];
  if (a === "") return undefined;
  const address = [a, b, c, d].reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const size = 2 ** (32 - Number(length));
  const first = address - (address % size);
  return { first, last: first + size - 1 };
}

/**
 * Counts up to `enough`. Docker takes no network that overlaps another one or a route of the host.
 *
 * @param taken networks such as `172.17.0.0/16`
 */
export function freeNetworks(
  from: readonly AddressPool[],
  taken: readonly string[],
  enough: number,
): number {
  const used = taken.flatMap((network) => rangeOf(network) ?? []);
  let free = 0;
  for (const { base, size } of from) {
    const pool = rangeOf(base);
    if (pool === undefined) continue;
    const step = 2 ** (32 - size);
    for (let first = pool.first; first <= pool.last && free < enough; first += step)
      if (!used.some((range) => range.first < first + step && first <= range.last)) free++;
  }
  return free;
}

/** A row of /proc/net/route, `destination gateway mask` in little-endian hexadecimal, that leads to no gateway. */
export function routedNetwork(row: string): string | undefined {
  const [, destination = "", gateway = "", mask = ""] =
    /^([0-9A-F]{8}) ([0-9A-F]{8}) ([0-9A-F]{8})$/.exec(row) ?? [];
  if (destination === "" || /[^0]/.test(gateway) || !/[^0]/.test(mask)) return undefined;
  const bytes = [6, 4, 2, 0].map((at) => parseInt(destination.slice(at, at + 2), 16));
  const length = parseInt(mask, 16).toString(2).replaceAll("0", "").length;
  return `${bytes.join(".")}/${length}`;
}
