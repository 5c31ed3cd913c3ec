import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";

import { selfSignedScript, selfSignedTriggers } from "../../host/self-signed";
import { run, succeeded } from "../support/run";

const HOSTS = [
  "example.test",
  "n8n.example.test",
  `${"a".repeat(60)}.${"b".repeat(60)}.example.test`,
];

describe("a self-signed certificate", () => {
  it("is for all host names of the stack, and fits its key", async function () {
    if ((await run("openssl", ["version"])).code !== 0) {
      console.log("skipped: no openssl");
      this.skip();
    }
    const input = `set -eu\n${selfSignedScript(HOSTS)}`;
    const { stdout } = succeeded("the script", await run("sh", ["-s"], { input }));
    const certificate = new X509Certificate(
      /-----BEGIN CERT[^]*?-----END CERTIFICATE-----/.exec(stdout)?.[0] ?? assert.fail(stdout),
    );
    assert.ok(certificate.checkPrivateKey(createPrivateKey(stdout)));
    for (const host of HOSTS) assert.equal(certificate.checkHost(host), host);
    assert.equal(certificate.checkHost("example.com"), undefined);
    // Whoever trusts it trusts it for these names only.
    assert.equal(certificate.ca, false);
    const days = (Date.parse(certificate.validTo) - Date.now()) / 86_400_000;
    assert.ok(days > 824 && days <= 825, String(days));
  }).timeout(20_000);

  it("is made on a host with openssl only, and says so", async () => {
    const input = `set -eu\nPATH=/nonexistent\n${selfSignedScript(HOSTS)}`;
    const { code, stdout, stderr } = await run("/bin/sh", ["-s"], { input });
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^tls\.mode: selfSigned needs openssl on the host, .*; install it there/);
  });

  it("is another one for other names, and from time to time", () => {
    const at = (day: string, hosts = ["a.test"]) => selfSignedTriggers(hosts, new Date(day));
    assert.deepEqual(at("2026-01-01"), at("2027-12-31"));
    assert.notDeepEqual(at("2027-12-31"), at("2028-01-01"));
    assert.notDeepEqual(at("2026-01-01"), at("2026-01-01", ["a.test", "b.test"]));
  });
});
