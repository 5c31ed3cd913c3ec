import assert from "node:assert/strict";
import { refusal, registryOrigin } from "../../../images/registry/origin";

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
    it(`is ${origin} for ${registry}, insecure ${insecure ?? "not set"}`, () => {
      const settings = insecure === undefined ? undefined : { insecure };
      assert.equal(registryOrigin(registry, settings).origin, origin);
    });
});

describe("where a registry may send the client", () => {
  const registries = {
    "trusted.example": { insecure: true },
    "10.0.0.6:5001": { insecure: true },
    "10.0.0.7": {},
  };
  const PLAIN = "it is plain http, the registry is https";
  const UNCONFIGURED = "it is plain http on a host that is not configured as insecure";
  const INTERNAL = "it is an internal address that is not listed under registries";
  const LOGIN = "it contains a user name";
  const LONG = "its host name is too long";
  const longName = (length: number) => `${"a.".repeat(130).slice(0, length - 1)}b`;

  const table: readonly [home: string, target: string, reason?: string][] = [
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
    ["https://ghcr.io", `https://${longName(253)}/`],
    ["https://ghcr.io", "https://localhost.example.com/"],
    ["https://ghcr.io", "https://mylocalhost/"],
    ["https://ghcr.io", `https://${longName(254)}/`, LONG],
    ["https://ghcr.io", "http://ghcr.io/token", PLAIN],
    ["https://127.0.0.1:5000", "http://127.0.0.1:5001/token", PLAIN],
    ["http://10.0.0.5:5000", "http://auth.example/token", UNCONFIGURED],
    ["http://10.0.0.5:5000", "http://10.0.0.6:5000/token", UNCONFIGURED],
    ["https://ghcr.io", "https://user@auth.example/token", LOGIN],
    ["https://ghcr.io", "https://:pass@auth.example/token", LOGIN],
    ["https://ghcr.io", "file:///etc/passwd", "it is not an http or https URL"],
    ["https://ghcr.io", "ftp://auth.example/token", "it is not an http or https URL"],
    ["https://10.0.0.5:5000", "https://10.0.0.8/token", INTERNAL],
    ["https://10.0.0.5:5000", "https://127.0.0.1/token", INTERNAL],
    ["https://127.0.0.1:5000", "https://10.0.0.1/token", INTERNAL],
  ];
  for (const [home, target, reason] of table)
    it(`is${reason === undefined ? "" : " not"} ${target.slice(0, 40)} from ${home}`, () => {
      assert.equal(refusal(new URL(target), { origin: new URL(home), registries }), reason);
    });

  // The properties in tests/properties/origins.test.ts try all spellings of all internal IPv4 addresses.
  const hosts: readonly [reason: string | undefined, hosts: string][] = [
    [INTERNAL, "localhost LOCALHOST localhost. registry.localhost 127.1 2130706433 0177.0.0.1"],
    [INTERNAL, "0.0.0.0 10.1.2.3 100.64.0.1 169.254.169.254 172.31.255.255 192.88.99.1"],
    [INTERNAL, "[::] [::1] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::ffff:10.0.0.1] [fd00::1]"],
    [INTERNAL, "[fe80::1] [64:ff9b::a00:1] [::ffff:0:a9fe:a9fe] [2001:0:a9fe:a9fe::] [100::1]"],
    [undefined, "11.0.0.1 172.32.0.1 192.169.0.1 100.128.0.1 [2606:4700::1] [::ffff:8.8.8.8]"],
  ];
  for (const [reason, list] of hosts)
    for (const host of list.split(" "))
      it(`is${reason === undefined ? "" : " not"} ${host}`, () => {
        const home = { origin: new URL("https://ghcr.io"), registries: {} };
        assert.equal(refusal(new URL(`https://${host}/`), home), reason);
      });
});
