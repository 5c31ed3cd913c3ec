import assert from "node:assert/strict";
import { registryOrigin, whyNotTo } from "../../../images/registry/origin";

describe("the origin of a registry", () => {
  const table: readonly [registry: string, insecure: boolean | undefined, origin: string][] = [
    ["docker.io", undefined, "https://registry-1.docker.io"],
    ["ghcr.io", undefined, "https://ghcr.io"],
    ["ghcr.io", false, "https://ghcr.io"],
    ["127.0.0.1:5000", undefined, "https://127.0.0.1:5000"],
    ["localhost:5000", undefined, "https://localhost:5000"],
    ["127.0.0.1:5000", true, "http://127.0.0.1:5000"],
    ["[::1]:5000", true, "http://[::1]:5000"],
  ];
  for (const [registry, insecure, origin] of table)
    it(`is ${origin} for ${registry}, insecure ${insecure ?? "not said"}`, () => {
      const settings = insecure === undefined ? undefined : { insecure };
      assert.equal(registryOrigin(registry, settings).origin, origin);
    });
});

describe("where a registry may send the client", () => {
  const allowed: readonly [home: string, target: string][] = [
    ["https://registry-1.docker.io", "https://auth.docker.io/token"],
    ["https://registry.example:5000", "https://registry.example:5001/token"],
    ["https://registry.example", "https://8.8.8.8/token"],
    ["https://10.0.0.5:5000", "https://10.0.0.5:5001/token"],
    ["https://127.0.0.1:5000", "https://127.0.0.1:5001/token"],
    ["https://localhost:5000", "https://127.0.0.1:5001/token"],
    ["http://127.0.0.1:5000", "http://127.0.0.1:5001/token"],
    ["http://127.0.0.1:5000", "http://[::1]:5001/token"],
    ["http://10.0.0.5:5000", "http://10.0.0.5:5001/token"],
    ["http://10.0.0.5:5000", "https://auth.example/token"],
    ["http://10.0.0.5:5000", "http://trusted.example:80/token"],
    ["http://10.0.0.5:5000", "http://10.0.0.6:5001/token"],
    ["https://ghcr.io", "https://10.0.0.7/token"],
  ];
  for (const [home, target] of allowed)
    it(`lets ${home} send it to ${target}`, () => {
      const registries = {
        "trusted.example": { insecure: true },
        "10.0.0.6:5001": { insecure: true },
        "10.0.0.7": {},
      };
      assert.equal(whyNotTo(new URL(target), new URL(home), registries), undefined);
    });

  const PLAIN = "it is plain http, and the registry is not";
  const UNCONFIGURED = "it is plain http on a host that is not configured as insecure";
  const INTERNAL = "it is an internal address that no line of registries names";
  const refused: readonly [home: string, target: string, why: string][] = [
    ["https://ghcr.io", "http://ghcr.io/token", PLAIN],
    ["https://127.0.0.1:5000", "http://127.0.0.1:5001/token", PLAIN],
    ["http://10.0.0.5:5000", "http://auth.example/token", UNCONFIGURED],
    ["http://10.0.0.5:5000", "http://10.0.0.6:5000/token", UNCONFIGURED],
    ["https://ghcr.io", "https://user@auth.example/token", "it has a user name in it"],
    ["https://ghcr.io", "https://:pass@auth.example/token", "it has a user name in it"],
    ["https://ghcr.io", "file:///etc/passwd", "it is no web address"],
    ["https://ghcr.io", "ftp://auth.example/token", "it is no web address"],
    ["https://10.0.0.5:5000", "https://10.0.0.6/token", INTERNAL],
    ["https://10.0.0.5:5000", "https://127.0.0.1/token", INTERNAL],
    ["https://127.0.0.1:5000", "https://10.0.0.1/token", INTERNAL],
    ...[
      "localhost",
      "LOCALHOST",
      "localhost.",
      "registry.localhost",
      "127.0.0.1",
      "127.8.8.8",
      "127.1",
      "2130706433",
      "0x7f.0.0.1",
      "0177.0.0.1",
      "0.0.0.0",
      "10.1.2.3",
      "100.64.0.1",
      "169.254.169.254",
      "172.16.0.1",
      "172.31.255.255",
      "192.168.1.1",
      "224.0.0.1",
      "255.255.255.255",
      "[::]",
      "[::1]",
      "[0:0:0:0:0:0:0:1]",
      "[::ffff:127.0.0.1]",
      "[::ffff:10.0.0.1]",
      "[fd00::1]",
      "[fe80::1]",
      "[64:ff9b::a00:1]",
      "[::ffff:0:a9fe:a9fe]",
      "[2001:0:a9fe:a9fe::]",
      "[100::1]",
      "192.88.99.1",
    ].map((host): [string, string, string] => ["https://ghcr.io", `https://${host}/`, INTERNAL]),
  ];
  for (const [home, target, why] of refused)
    it(`does not let ${home} send it to ${target}`, () => {
      assert.equal(whyNotTo(new URL(target), new URL(home), {}), why);
    });

  it("takes public neighbours of internal addresses for what they are", () => {
    for (const host of ["11.0.0.1", "172.32.0.1", "192.169.0.1", "100.128.0.1", "[2606:4700::1]"])
      assert.equal(
        whyNotTo(new URL(`https://${host}/`), new URL("https://ghcr.io"), {}),
        undefined,
      );
  });
});
