import assert from "node:assert/strict";

import {
  addressPools,
  DEFAULT_POOLS,
  freeNetworks,
  routedNetwork,
} from "../../../../tools/deploy/checks/address-pools";

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
    it(`reads ${row} of /proc/net/route`, () => {
      assert.equal(routedNetwork(row), network);
    });
});
