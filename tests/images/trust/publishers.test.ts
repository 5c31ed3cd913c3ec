import assert from "node:assert/strict";

import { parseReference } from "../../../images/reference";
import { PUBLISHERS, publisherOf } from "../../../images/trust/publishers";
import { trustPolicy } from "../../../images/trust/schema";

describe("the known publishers", () => {
  for (const { repositories, policy, source, date, known } of PUBLISHERS)
    it(`has a policy that a stack's file could have, with its source: ${repositories.join(", ")}`, () => {
      assert.deepEqual(trustPolicy.parse(policy), policy);
      assert.match(date, /^20\d\d-\d\d-\d\d$/);
      assert.ok(source.length > 10);
      // Nothing was verified against the published images yet.
      assert.equal(known, "read");
    });

  it("are found by registry and repository, from the version on that has signatures", () => {
    const of = (text: string): string | undefined => publisherOf(parseReference(text))?.source;
    assert.match(of("traefik:v3.7.14") ?? "", /docker-library/);
    assert.match(of("n8nio/n8n:2.42.4") ?? "", /n8n-io/);
    assert.equal(of("n8nio/n8n:1.64.2"), undefined);
    assert.equal(of("ghcr.io/evil/n8n:2.42.4"), undefined);
    assert.equal(of("127.0.0.1:5000/library/traefik:v3.7.14"), undefined);
    assert.match(of("wollomatic/socket-proxy:1.13.1") ?? "", /cosign\.pub/);
    assert.equal(of("wollomatic/socket-proxy:1.5.0"), undefined);
  });
});
