import assert from "node:assert/strict";

import {
  addressPools,
  DEFAULT_POOLS,
  freeNetworks,
  hostNetworks,
  subnetsFor,
  takenNetworks,
} from "../../host/address-pools";

describe("Docker's address pools", () => {
  it("have room for 31 networks by default", () => {
    assert.equal(freeNetworks(DEFAULT_POOLS, [], 100), 31);
    assert.deepEqual(addressPools("null"), DEFAULT_POOLS);
    assert.deepEqual(addressPools(undefined), DEFAULT_POOLS);
  });

  for (const [what, taken, free] of [
    ["its first network", ["172.17.0.0/16"], 30],
    ["a part of one", ["172.18.3.0/24", "fd00::/64", "10.0.0.0/8"], 30],
    ["the network of the host", ["192.168.1.7/24"], 30],
    ["a wide one", ["172.16.0.0/12"], 16],
    ["the same one twice", ["192.168.0.0/20", "192.168.0.0/16"], 15],
    ["all", ["0.0.0.0/0"], 0],
  ] as const)
    it(`have no room where something overlaps: ${what}`, () => {
      assert.equal(freeNetworks(DEFAULT_POOLS, taken, 100), free);
    });

  it("may be configured, and are counted as far as needed", () => {
    const pools = addressPools('[{"Base":"10.0.0.0/8","Size":24},{"Base":"fd00::/8","Size":64}]');
    assert.equal(freeNetworks(pools, [], 20), 20);
    assert.equal(freeNetworks(addressPools('[{"Base":"10.1.0.0/24","Size":26}]'), [], 20), 4);
  });

  for (const [row, network] of [
    ["000011AC 00000000 0000FFFF", "172.17.0.0/16"],
    ["0050A8C0 00000000 00F0FFFF", "192.168.80.0/20"],
    ["00000000 010200C0 00000000", undefined],
    ["0000100A 010200C0 0000FFFF", undefined],
    ["Destination Gateway Mask", undefined],
  ] as const)
    it(`cannot use what the host is a member of: ${row} of /proc/net/route`, () => {
      assert.deepEqual(
        takenNetworks(hostNetworks(`route=${row}`)),
        network === undefined ? [] : [network],
      );
    });
});

describe("the subnets of a stack's networks", () => {
  const POOL = "10.201.0.0/24";
  const WANTED = ["s-edge", "s-a-b"];
  const subnets = (facts: string, wanted: readonly string[] = WANTED, pool = POOL) =>
    subnetsFor(pool, wanted, hostNetworks(facts));

  it("are the first parts of the pool, in the order of their names", () => {
    assert.deepEqual(subnets("network=bridge|172.17.0.0/16 \nnetwork=host|\n"), {
      subnets: { "s-a-b": "10.201.0.0/28", "s-edge": "10.201.0.16/28" },
    });
  });

  it("stay when others come and go, and are not those of networks that this deployment removes", () => {
    const facts = `network=s-edge|10.201.0.16/28
network=s-gone|10.201.0.0/28
network=other-edge|10.201.0.32/28
route=1000C90A 00000000 F0FFFFFF
`;
    assert.deepEqual(subnets(facts, ["s-edge", "s-a-b", "s-z"]), {
      subnets: { "s-edge": "10.201.0.16/28", "s-a-b": "10.201.0.48/28", "s-z": "10.201.0.64/28" },
    });
  });

  it("are kept out of a larger network and of a network with several subnets", () => {
    assert.deepEqual(subnets("network=x|10.201.0.0/26 fd00::/64 10.201.0.64/27 \n", ["s-a"]), {
      subnets: { "s-a": "10.201.0.96/28" },
    });
  });

  it("are there for 60 services in the default pool", () => {
    const names = Array.from({ length: 400 }, (_, index) => `s-${index}`);
    const found = subnets("", names, "10.201.0.0/16");
    assert.ok("subnets" in found);
    const all = Object.values(found.subnets);
    assert.deepEqual([all.length, new Set(all).size], [400, 400]);
  });

  for (const [what, facts, problem] of [
    [
      "a route through a gateway",
      "route=0000000A 010200C0 000000FF",
      "10.201.0.0/24 overlaps 10.0.0.0/8, to which this host has a route",
    ],
    [
      "a route to a part of it",
      "route=4000C90A 00000000 E0FFFFFF",
      "10.201.0.0/24 overlaps 10.201.0.64/27, to which this host has a route",
    ],
    [
      "no room",
      "network=x|10.201.0.0/25 \nnetwork=y|10.201.0.128/26 \nnetwork=z|10.201.0.192/27 \nnetwork=w|10.201.0.224/28 ",
      "10.201.0.0/24 has room for 1 more network, but this stack needs 2",
    ],
  ] as const)
    it(`are refused for ${what}, unless all networks exist`, () => {
      const found = subnets(facts);
      assert.ok("problem" in found);
      assert.equal(found.problem, `networkPool: ${problem}`);
      assert.match(found.fix, /^set pinned-stack:networkPool to /);
      const existing = "network=s-edge|172.18.0.0/16 \nnetwork=s-a-b|172.19.0.0/16 \n";
      assert.ok("subnets" in subnets(`${existing}${facts}`));
    });

  it("may overlap the routes of a VPN that takes all traffic", () => {
    assert.ok("subnets" in subnets("route=00000000 0100080A 00000080"));
  });
});
