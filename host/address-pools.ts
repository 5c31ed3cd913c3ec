/**
 * Addresses of Docker networks on a host: which subnets a stack's new networks get from its own range, and how many networks
 * still fit into Docker's pools. IPv4 only: the stack's networks have no other. Pure.
 */
import { z } from "zod";

import { counted } from "../text/one-line";
import { quote } from "./shell-quote";

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

/** Prints `network=` and `route=` lines for {@link hostNetworks}. */
export const NETWORKS_SCRIPT = `networks=$(docker network ls -q 2>/dev/null)
[ -z "$networks" ] || docker network inspect --format ${quote("network={{.Name}}|{{range .IPAM.Config}}{{.Subnet}} {{end}}")} $networks 2>/dev/null
awk 'NR > 1 { print "route=" $2, $3, $8 }' /proc/net/route 2>/dev/null
`;

export interface HostNetworks {
  /** Docker's networks. Those that use the host's have no subnet. */
  readonly networks: readonly { readonly name: string; readonly subnets: readonly string[] }[];
  /** Networks to which the host has a route, the default route left out. */
  readonly routes: readonly { readonly network: string; readonly gateway: boolean }[];
}

/** Reads the lines of {@link NETWORKS_SCRIPT} and skips all others. */
export function hostNetworks(text: string): HostNetworks {
  const lines = text.split("\n");
  return {
    networks: lines.flatMap((line) => {
      const [, name, subnets = ""] = /^network=([^|]+)\|(.*)$/.exec(line) ?? [];
      return name === undefined ? [] : [{ name, subnets: subnets.split(" ").filter(Boolean) }];
    }),
    routes: lines.flatMap((line) => route(/^route=(.*)$/.exec(line)?.[1] ?? "") ?? []),
  };
}

/** A row of /proc/net/route: `destination gateway mask` in little-endian hexadecimal. */
function route(row: string): HostNetworks["routes"][number] | undefined {
  const [, destination = "", gateway = "", mask = ""] =
    /^([0-9A-F]{8}) ([0-9A-F]{8}) ([0-9A-F]{8})$/.exec(row) ?? [];
  if (destination === "" || !/[^0]/.test(mask)) return undefined;
  const bytes = [6, 4, 2, 0].map((at) => parseInt(destination.slice(at, at + 2), 16));
  const length = parseInt(mask, 16).toString(2).replaceAll("0", "").length;
  return { network: `${bytes.join(".")}/${length}`, gateway: /[^0]/.test(gateway) };
}

/** What Docker's pools cannot use: other networks, and networks that the host is a member of. */
export const takenNetworks = ({ networks, routes }: HostNetworks): string[] => [
  ...networks.flatMap(({ subnets }) => subnets),
  ...routes.flatMap(({ network, gateway }) => (gateway ? [] : [network])),
];

/** Prefix length of each network of a stack: 14 addresses. It has two members, and their successors while they are replaced. */
const SUBNET_LENGTH = 28;

/** A VPN that takes all traffic has routes to 0.0.0.0/1 and 128.0.0.0/1, which are as good as a default route. */
const SHORTEST_ROUTE = 8;

/** The subnets of a stack's networks by their names in Docker, or why there are none for the new ones. */
export type Subnets =
  | { readonly subnets: Readonly<Record<string, string>> }
  | { readonly problem: string; readonly fix: string };

/**
 * A network that exists in the pool keeps its subnet. Each of the others gets the first part of the pool that no network
 * of this host has, in the order of their names. One that exists outside the pool gets one too, for the day on which it is
 * made again.
 *
 * @param pool `10.201.0.0/16`
 * @param wanted Docker's names
 */
export function subnetsFor(pool: string, wanted: readonly string[], host: HostNetworks): Subnets {
  const range = rangeOf(pool);
  if (range === undefined) throw new Error(`expected an IPv4 network, got ${pool}`);
  const existing = new Map(host.networks.map(({ name, subnets }) => [name, subnets]));
  const inPool = (network: string): boolean => {
    const own = rangeOf(network);
    return own !== undefined && range.first <= own.first && own.last <= range.last;
  };
  const kept = wanted.flatMap((name) => {
    const subnet = existing.get(name)?.find(inPool);
    return subnet === undefined ? [] : [[name, subnet] as const];
  });
  const others = wanted.filter((name) => !kept.some(([other]) => other === name)).sort();
  const added = others.filter((name) => !existing.has(name));
  const names = [...added, ...others.filter((name) => existing.has(name))];

  const own = new Set(host.networks.flatMap(({ subnets }) => subnets));
  const foreign = host.routes.find(
    ({ network }) =>
      !own.has(network) &&
      Number(network.split("/")[1]) >= SHORTEST_ROUTE &&
      overlap(rangeOf(network), range),
  );
  if (added.length > 0 && foreign !== undefined)
    return {
      problem: `networkPool: ${pool} overlaps ${foreign.network}, to which this host has a route`,
      fix: "set pinned-stack:networkPool to a private range that nothing else uses, such as 10.87.0.0/16; existing networks keep their addresses",
    };

  const used = [...own].flatMap((network) => rangeOf(network) ?? []);
  const step = 2 ** (32 - SUBNET_LENGTH);
  const free: string[] = [];
  for (let first = range.first; first <= range.last && free.length < names.length; first += step)
    if (!used.some((other) => overlap(other, { first, last: first + step - 1 })))
      free.push(`${addressOf(first)}/${SUBNET_LENGTH}`);
  if (free.length < added.length)
    return {
      problem: `networkPool: ${pool} has room for ${counted(free.length, "more network")}, but this stack needs ${added.length}`,
      fix: "set pinned-stack:networkPool to a larger range, such as 10.201.0.0/16; existing networks keep their addresses",
    };
  return {
    subnets: Object.fromEntries([
      ...kept,
      ...names.flatMap((name, index) => {
        const subnet = free[index];
        return subnet === undefined ? [] : [[name, subnet] as const];
      }),
    ]),
  };
}

const overlap = (one: Range | undefined, other: Range): boolean =>
  one !== undefined && one.first <= other.last && other.first <= one.last;

const addressOf = (value: number): string =>
  [24, 16, 8, 0].map((bits) => Math.floor(value / 2 ** bits) % 256).join(".");
