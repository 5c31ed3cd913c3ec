import assert from "node:assert/strict";

import {
  notCoveredBy,
  isTooWide,
  isEveryInterface,
  reachesNoFurther,
  sameAddress,
  isIPv6,
  overlapsPrivate,
} from "../../host/ip-ranges";

describe("the address of a published port", () => {
  const cases: readonly (readonly [every: boolean, addresses: string])[] = [
    [true, "0.0.0.0 :: ::0 0:: 0:0:0:0:0:0:0:0 0000:0000:0000:0000:0000:0000:0000:0000"],
    [true, "::0.0.0.0 ::ffff:0.0.0.0 ::ffff:0:0"],
    [false, "127.0.0.1 0.0.0.1 ::1 1:: ::ffff:127.0.0.1 fe80::1"],
  ];
  for (const [every, addresses] of cases)
    for (const address of addresses.split(" "))
      it(`is ${every ? "every interface" : "one interface"} as ${address}`, () => {
        assert.equal(isEveryInterface(address), every);
      });
});

describe("an address to publish on, after another", () => {
  // The address before, the one after, and whether the new one gives nobody more.
  const cases: readonly (readonly [string, string, boolean])[] = [
    ["0.0.0.0", "0.0.0.0", true],
    ["0.0.0.0", "203.0.113.5", true],
    ["0.0.0.0", "::", false],
    ["0.0.0.0", "2001:db8::5", false],
    ["::", "0.0.0.0", true],
    ["::", "203.0.113.5", true],
    ["::", "2001:db8::5", true],
    ["203.0.113.5", "0.0.0.0", false],
    ["2001:db8::5", "::", false],
    ["192.168.1.5", "192.168.1.6", false],
    ["192.168.1.5", "::ffff:192.168.1.5", true],
    ["192.168.1.5", "127.0.0.1", true],
    ["192.168.1.5", "::1", true],
    ["127.0.0.1", "192.168.1.5", false],
    ["127.0.0.1", "0.0.0.0", false],
    ["127.0.0.1", "127.255.255.254", true],
    ["127.0.0.1", "128.0.0.0", false],
    ["127.0.0.1", "::1", true],
    ["::1", "::2", false],
    ["::1", "127.0.0.1", true],
  ];
  for (const [was, is, expected] of cases)
    it(`reaches ${expected ? "no further" : "further"} as ${is} after ${was}`, () => {
      assert.equal(reachesNoFurther(is, was), expected);
    });

  it("is the same by its value", () => {
    assert.equal(sameAddress("::1", "0:0:0:0:0:0:0:1"), true);
    assert.equal(sameAddress("192.0.2.1", "::ffff:c000:201"), true);
    assert.equal(sameAddress("192.0.2.1", "::192.0.2.1"), false);
    assert.equal(sameAddress("0.0.0.0", "::"), false);
  });
});

describe("a network", () => {
  const cases: readonly (readonly [wide: boolean, networks: string])[] = [
    [true, "0.0.0.0/0 0.0.0.0/1 10.0.0.0/7 ::/0 2000::/3 fc00::/6 ::ffff:0:0/96"],
    [false, "10.0.0.0/8 192.0.2.7 fc00::/7 2001:db8::/32 ::1"],
  ];
  for (const [wide, networks] of cases)
    for (const network of networks.split(" "))
      it(`is ${wide ? "too wide" : "no wider than private ones"} as ${network}`, () => {
        assert.equal(isTooWide(network), wide);
      });
});

describe("a network of administrators", () => {
  it("may overlap the private networks, which Docker uses", () => {
    for (const network of [
      "10.1.2.3",
      "172.16.0.0/12",
      "172.0.0.0/8",
      "192.168.1.0/24",
      "0.0.0.0/0",
    ])
      assert.ok(overlapsPrivate(network), network);
    for (const network of ["192.0.2.0/24", "172.32.0.0/16", "100.64.0.0/10", "fd00::/8", "::/0"])
      assert.ok(!overlapsPrivate(network), network);
    assert.ok(overlapsPrivate("::ffff:10.0.0.0/104"));
  });

  it("is of IPv6 unless it is an IPv4-mapped one", () => {
    for (const network of ["::", "fd00::/8", "2001:db8::1"]) assert.ok(isIPv6(network), network);
    for (const network of ["0.0.0.0", "::ffff:192.0.2.1"]) assert.ok(!isIPv6(network), network);
  });
});

describe("networks compared with others", () => {
  // Networks, the others, and those not covered.
  const cases: readonly (readonly [string, string, string])[] = [
    ["192.0.2.0/24", "192.0.2.0/24", ""],
    ["192.0.2.0/24", "", "192.0.2.0/24"],
    ["", "192.0.2.0/24", ""],
    ["192.0.2.128/25", "192.0.2.0/24", ""],
    ["0.0.0.0/0", "192.0.2.0/24", "0.0.0.0/0"],
    ["192.0.2.7/24", "192.0.2.0/24", ""],
    ["10.0.0.0/8", "10.128.0.0/9 10.0.0.0/9", ""],
    ["10.0.0.0/8", "10.0.0.0/9 10.128.0.0/10", "10.0.0.0/8"],
    ["10.0.0.0/9 172.16.0.0/12 10.128.0.0/9", "10.0.0.0/8", "172.16.0.0/12"],
    ["10.1.0.0/16", "10.0.0.0/8 10.0.0.0/16", ""],
    ["2001:db8::/48", "2001:DB8:0::/32", ""],
    ["2001:db8::/32", "2001:db8::/33 2001:db8:8000::/33", ""],
    ["0.0.0.0/0", "::/0", "0.0.0.0/0"],
    ["::/0", "0.0.0.0/0", "::/0"],
    ["::ffff:192.0.2.0/120", "192.0.2.0/24", ""],
    ["255.255.255.255/32", "0.0.0.0/0", ""],
  ];
  const list = (text: string): string[] => text.split(" ").filter(Boolean);
  for (const [networks, others, expected] of cases)
    it(`finds "${expected}" of "${networks}" not covered by "${others}"`, () => {
      assert.deepEqual(notCoveredBy(list(networks), list(others)), list(expected));
    });
});
