import assert from "node:assert/strict";

import { publicUrl, Tls } from "../../components/ingress";

describe("the address of a host name behind Traefik", () => {
  const rows: readonly (readonly [Tls["mode"], number, number, string])[] = [
    ["none", 80, 443, "http://a.test/"],
    ["none", 8080, 443, "http://a.test:8080/"],
    ["none", 443, 8443, "http://a.test:443/"],
    ["selfSigned", 8080, 443, "https://a.test/"],
    ["acme", 80, 8443, "https://a.test:8443/"],
    ["acme", 443, 80, "https://a.test:80/"],
  ];
  for (const [mode, http, https, url] of rows)
    it(`is ${url} with tls mode ${mode} on ports ${http} and ${https}`, () => {
      const tls: Tls =
        mode === "acme" ? { mode, email: "a@a.test", dnsProvider: "desec" } : { mode };
      const publish = { address: "127.0.0.1", http, https };
      assert.equal(publicUrl({ tls, publish }, "a.test"), url);
    });
});
