/** Where registries may send the client, against a list of addresses written a second time and in another way. */

import assert from "node:assert/strict";

import fc from "fast-check";

import { refusal } from "../../images/registry/origin";
import { holds } from "./check";

const ipv4 = (text: string): number =>
  text.split(".").reduce((value, part) => value * 256 + Number(part), 0);

/** First and last address of what is not for the public internet. */
const INTERNAL: readonly (readonly [number, number])[] = [
  "0.0.0.0-0.255.255.255 10.0.0.0-10.255.255.255 100.64.0.0-100.127.255.255 127.0.0.0-127.255.255.255",
  "169.254.0.0-169.254.255.255 172.16.0.0-172.31.255.255 192.0.0.0-192.0.0.255 192.88.99.0-192.88.99.255",
  "192.168.0.0-192.168.255.255 198.18.0.0-198.19.255.255 224.0.0.0-255.255.255.255",
].flatMap((line) =>
  line.split(" ").map((range) => {
    const [first = "", last = ""] = range.split("-");
    return [ipv4(first), ipv4(last)] as const;
  }),
);
const isInternal = (address: number): boolean =>
  INTERNAL.some(([first, last]) => address >= first && address <= last);

/** Half of them next to the ends of the ranges, where a wrong prefix shows. */
const address = fc.oneof(
  fc.nat(2 ** 32 - 1),
  fc
    .tuple(fc.constantFrom(...INTERNAL.flat()), fc.constantFrom(-1, 0, 1))
    .map(([end, step]) => Math.min(Math.max(end + step, 0), 2 ** 32 - 1)),
);
const bytesOf = (n: number): readonly number[] => [24, 16, 8, 0].map((bits) => (n >>> bits) & 255);
const dotted = (n: number, spell: (part: number) => string = String): string =>
  bytesOf(n).map(spell).join(".");
const groupsOf = (n: number): string => `${(n >>> 16).toString(16)}:${(n & 0xffff).toString(16)}`;

/** The spellings of one IPv4 address that a URL may have. */
const SPELLINGS: readonly ((n: number) => string)[] = [
  (n) => dotted(n),
  (n) => `${dotted(n)}.`,
  (n) => String(n),
  (n) => `0x${n.toString(16)}`,
  (n) => dotted(n, (part) => `0${part.toString(8)}`),
  (n) => {
    const [a = 0, ...rest] = bytesOf(n);
    return `0x${a.toString(16)}.${rest.reduce((sum, part) => sum * 256 + part, 0)}`;
  },
  (n) => encodeURIComponent(dotted(n)).replace(/\d/g, (digit) => `%3${digit}`),
  (n) => bytesOf(n).join("。"),
  (n) => dotted(n).replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
  (n) => `[::ffff:${dotted(n)}]`,
  (n) => `[::ffff:${groupsOf(n)}]`,
  (n) => `[0:0:0:0:0:FFFF:${groupsOf(n)}]`,
];

/** Ways through which an IPv6 address reaches an IPv4 one; none of them leads to a registry. */
const TUNNELS: readonly ((n: number) => string)[] = [
  (n) => `[64:ff9b::${groupsOf(n)}]`,
  (n) => `[64:ff9b:1::${groupsOf(n)}]`,
  (n) => `[::${groupsOf(n)}]`,
  (n) => `[2002:${groupsOf(n)}::1]`,
];

const REASON = "it is an internal address that is not listed under registries";
const HOME = new URL("https://registry.example");
const why = (host: string, home = HOME): string | undefined =>
  refusal(new URL(`https://${host}/token`), { origin: home, registries: {} });

describe("a place that a registry points to", () => {
  it("is refused exactly where its address is internal, in every spelling", () => {
    holds(
      fc.property(address, fc.constantFrom(...SPELLINGS), (n, spell) => {
        assert.equal(why(spell(n)), isInternal(n) ? REASON : undefined, spell(n));
      }),
      1000,
    );
  });

  it("is refused where an IPv4 address is wrapped into another", () => {
    holds(
      fc.property(address, fc.constantFrom(...TUNNELS), (n, spell) => {
        assert.equal(why(spell(n)), REASON, spell(n));
      }),
    );
  });

  it("is refused where it is internal in IPv6", () => {
    const group = fc.nat(0xffff).map((part) => part.toString(16));
    const rest = fc.array(group, { minLength: 7, maxLength: 7 }).map((parts) => parts.join(":"));
    const between = (first: number, last: number) =>
      fc.integer({ min: first, max: last }).map((part) => part.toString(16));
    const inside = fc.oneof(
      between(0xfc00, 0xfdff),
      between(0xfe80, 0xfebf),
      between(0xfec0, 0xfeff),
      between(0xff00, 0xffff),
    );
    holds(
      fc.property(inside, rest, (first, others) => {
        assert.equal(why(`[${first}:${others}]`), REASON);
      }),
    );
    holds(
      fc.property(fc.constantFrom("2001:4860", "2606:4700", "2a00:1450"), rest, (net, others) => {
        assert.equal(why(`[${net}:${others.split(":").slice(1).join(":")}]`), undefined);
      }),
    );
  });

  it("is refused as a local name, however it is written", () => {
    const name = fc
      .tuple(
        fc.constantFrom("", "a.", "x.y."),
        fc.constantFrom("localhost", "LocalHost"),
        fc.constantFrom("", "."),
      )
      .map((parts) => parts.join(""));
    holds(
      fc.property(name, (host) => {
        assert.equal(why(host), REASON);
      }),
    );
  });

  it("is never plain http from a registry with https, nor on a host that was not named", () => {
    const host = fc.constantFrom("registry.example", "other.example", "127.0.0.1", "[::1]:5000");
    holds(
      fc.property(host, host, fc.boolean(), (target, own, secure) => {
        const home = new URL(`${secure ? "https" : "http"}://${own}`);
        const registries = { [own]: { insecure: true } };
        const refused = refusal(new URL(`http://${target}/`), { origin: home, registries });
        const loopback = /^[[\d]/;
        const allowed =
          !secure && (target === own || (loopback.test(target) && loopback.test(own)));
        assert.equal(refused === undefined, allowed);
      }),
    );
  });

  it("is a web address without a login, or refused", () => {
    const scheme = fc.constantFrom("ftp", "file", "gopher", "ws", "data", "javascript", "unix");
    holds(
      fc.property(scheme, fc.constantFrom("", "/", "/token"), (protocol, path) => {
        const url = `${protocol}://registry.example${path}`;
        assert.equal(
          refusal(new URL(url), { origin: HOME, registries: {} }),
          "it is not an http or https URL",
        );
      }),
    );
    holds(
      fc.property(fc.stringMatching(/^[a-z]{1,5}$/), fc.boolean(), (user, password) => {
        const url = new URL(`https://${password ? `:${user}` : user}@registry.example/`);
        assert.equal(refusal(url, { origin: HOME, registries: {} }), "it contains a user name");
      }),
    );
  });
});
