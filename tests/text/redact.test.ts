import assert from "node:assert/strict";
import fc from "fast-check";
import { ServerText } from "../../text/redact";

describe("text of a server in a message", () => {
  const table: readonly [title: string, text: string, clean: string][] = [
    ["keeps plain words", "manifest unknown", "manifest unknown"],
    [
      "keeps other scripts",
      "Manifest nicht gefunden: größe 日本",
      "Manifest nicht gefunden: größe 日本",
    ],
    ["takes terminal sequences apart", "\u001b[31mred\u001b[0m\u0007", "[31mred [0m"],
    ["is one line", "a\r\nb\u2028c\td", "a b c d"],
    ["loses what turns or hides text", "a\u202eb\u200bc\ufeffd\u0000", "a b c d"],
    ["is cut after 120 characters", "x".repeat(1000), `${"x".repeat(117)}...`],
  ];
  for (const [title, text, clean] of table)
    it(title, () => {
      assert.equal(new ServerText().clean(text), clean);
    });

  it("hides secrets, URL-encoded ones and those that are part of others too", () => {
    const text = new ServerText();
    text.hide("pass/word");
    text.hide("pass/word and more");
    text.hide("");
    assert.equal(
      text.quote("pass/word, pass%2Fword, pass/word and more"),
      '"[hidden], [hidden], [hidden]"',
    );
  });

  it("hides a secret that is no well-formed text", () => {
    const text = new ServerText();
    text.hide("half \ud800 of a pair");
    assert.equal(text.clean("got half%20%EF%BF%BD%20of%20a%20pair"), "got [hidden]");
  });

  it("never has a secret, wherever it stands and whatever it is", () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[\x21-\x7e]{12,40}$/),
        fc.string({ maxLength: 150 }),
        fc.string({ maxLength: 150 }),
        (secret, before, after) => {
          const text = new ServerText();
          text.hide(secret);
          const clean = text.clean(before + secret + after);
          assert.ok(!clean.includes(secret.slice(0, 12)));
          assert.ok(clean.length <= 120);
        },
      ),
    );
  });
});
