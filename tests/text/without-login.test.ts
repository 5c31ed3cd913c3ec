import assert from "node:assert/strict";

import { withoutLogin } from "../../text/without-login";

describe("a text without the login in it", () => {
  const rows: readonly (readonly [text: string, shown: string])[] = [
    ["", ""],
    ["example.com", "example.com"],
    ["admin@example.com", "admin@example.com"],
    ["ssh://deploy@host:22", "ssh://deploy@host:22"],
    ["ssh://deploy:canary@host", "ssh://...@host"],
    ["ssh://deploy:can@ary@host", "ssh://...@host"],
    ["ssh://deploy:my canary@host", "ssh://...@host"],
    ["deploy:canary@host", "...@host"],
    ["unix://deploy:canary@host", "unix://...@host"],
    ["https://canary@host/path", "https://...@host/path"],
    [" http://u:canary@host", " http://...@host"],
    ["nginx:1.27@sha256:00ff", "nginx:1.27@sha256:00ff"],
    ["u:canary@ghcr.io/x:1@sha256:00ff", "...@ghcr.io/x:1@sha256:00ff"],
    ["https://u:can@ary@ghcr.io/x:1", "https://...@ghcr.io/x:1"],
    ["fe80::1", "fe80::1"],
  ];
  for (const [text, shown] of rows)
    it(`is ${JSON.stringify(shown)} for ${JSON.stringify(text)}`, () => {
      assert.equal(withoutLogin(text), shown);
    });

  it("is found in time that grows with its length", () => {
    const started = performance.now();
    for (const part of ["a:", "//", "@", "//a:", " ", ":@"]) withoutLogin(part.repeat(200_000));
    assert.ok(performance.now() - started < 1000);
  });
});
