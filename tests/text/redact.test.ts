import assert from "node:assert/strict";
import fc from "fast-check";
import { redactCredentials, Redactor } from "../../text/redact";
import { assertOneLine, assertQuick, holds } from "../properties/check";

describe("text of a server in a message", () => {
  const table: readonly [title: string, text: string, clean: string][] = [
    ["keeps plain words", "manifest unknown", "manifest unknown"],
    ["keeps other scripts", "nicht gefunden: größe 日本", "nicht gefunden: größe 日本"],
    ["loses terminal sequences", "\u001b[31mred\u001b[0m\u0007", "[31mred [0m"],
    ["is one line", "a\r\nb\u2028c\td", "a b c d"],
    ["loses what reorders or hides text", "a\u202eb\u200bc\ufeffd\u0000", "a b c d"],
    ["has up to 120 characters", "x".repeat(120), "x".repeat(120)],
    ["is cut after 120 characters", "x".repeat(121), `${"x".repeat(117)}...`],
  ];
  for (const [title, text, clean] of table)
    it(title, () => {
      assert.equal(new Redactor().clean(text), clean);
    });

  it("hides secrets, URL-encoded ones and those that are part of others too", () => {
    const redactor = new Redactor();
    for (const secret of ["pass/word", "pass/word and more", ""]) redactor.hide(secret);
    assert.equal(
      redactor.quote("PASS/word, pass%2Fword, pass/word and more"),
      '"[hidden], [hidden], [hidden]"',
    );
  });

  it("hides a secret that is not well-formed Unicode", () => {
    const redactor = new Redactor();
    redactor.hide("half \ud800 of a pair");
    assert.equal(redactor.clean("got half%20%EF%BF%BD%20of%20a%20pair"), "got [hidden]");
  });

  it("never contains a secret, and is one short printable line, whatever it is", () => {
    const secret = fc.stringMatching(/^[\x21-\x7e]{12,40}$/);
    const text = fc.string({ unit: "binary", maxLength: 150 });
    holds(
      fc.property(secret, text, text, (hidden, before, after) => {
        const redactor = new Redactor();
        redactor.hide(hidden);
        const clean = redactor.clean(before + hidden + after);
        assert.ok(!clean.includes(hidden.slice(0, 12)));
        assertOneLine(clean, 120);
        assert.doesNotMatch(clean, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }),
      1000,
    );
  });
});

describe("a text without credentials", () => {
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
      assert.equal(redactCredentials(text), shown);
    });

  it("is found in time that grows with its length", () => {
    for (const part of ["a:", "//", "@", "//a:", " ", ":@"])
      assertQuick(part, () => redactCredentials(part.repeat(200_000)));
  });
});
