import assert from "node:assert/strict";

import fc from "fast-check";

import { grantedRepositories, parseChallenges, parseToken } from "../../images/registry/auth";
import { retryAfterMs, waitMs } from "../../images/registry/retry";
import { assertQuick, holds, LONG_INPUTS } from "./check";

const token = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,10}$/);
const quoted = fc
  .string({ maxLength: 20 })
  .map((value) => ({ value, written: `"${value.replace(/["\\]/g, "\\$&")}"` }));
const parameter = fc.tuple(
  token,
  fc.oneof(
    quoted,
    token.map((value) => ({ value, written: value })),
  ),
);
const challenge = fc.record({
  scheme: token,
  parameters: fc.uniqueArray(parameter, {
    maxLength: 4,
    selector: ([name]) => name.toLowerCase(),
  }),
});
const gap = fc.constantFrom(",", ", ", " , ", ",, ", "\t,\t");

/** Near enough to a header to get past the first characters. */
const nearly = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...'" \\ = , \n \0 é Bearer Basic realm=" https:// ,, =='.split(" "),
        " ",
        "\t",
      ),
      token,
      fc.string({ maxLength: 5 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(""));

describe("every challenge", () => {
  it("that is well formed is read with each of its values", () => {
    holds(
      fc.property(
        fc.array(fc.tuple(challenge, gap), { minLength: 1, maxLength: 3 }),
        fc.constantFrom("=", " = ", "= "),
        (list, equals) => {
          const header = list
            .map(([{ scheme, parameters }, comma], n) => {
              const words = parameters.map(([name, { written }]) => `${name}${equals}${written}`);
              return `${n === 0 ? "" : comma}${scheme} ${words.join(comma)}`.trimEnd();
            })
            .join("");
          assert.deepEqual(
            parseChallenges(header),
            list.map(([{ scheme, parameters }]) => ({
              scheme: scheme.toLowerCase(),
              parameters: Object.fromEntries(
                parameters.map(([name, { value }]) => [name.toLowerCase(), value]),
              ),
            })),
            header,
          );
        },
      ),
    );
  });

  it("is read or given up, and never throws", () => {
    holds(
      fc.property(nearly, (header) => {
        const list = parseChallenges(header);
        assert.ok(list === undefined || list.length > 0);
        for (const { scheme, parameters } of list ?? []) {
          assert.match(scheme, /^[^\s",=]+$/);
          assert.equal(scheme, scheme.toLowerCase());
          for (const value of Object.values(parameters)) assert.equal(typeof value, "string");
        }
      }),
      1000,
    );
  });

  it("is read in time that grows with its length", () => {
    for (const text of LONG_INPUTS)
      for (const header of [text, text.slice(0, 8_000), `Bearer ${text.slice(0, 8_000)}`])
        assertQuick(JSON.stringify(header.slice(0, 12)), () => parseChallenges(header));
  });
});

describe("every answer of a token service", () => {
  it("is a token that fits into a header, or none", () => {
    const body = fc.oneof(
      fc.constantFrom("", "null", "5", '"text"', "[]", '[{"token":"a"}]', "{", '{"token":{}}'),
      fc.string({ maxLength: 40 }),
      fc
        .record({
          token: fc.oneof(fc.string({ unit: "binary-ascii" }), fc.constantFrom(null, 5, [], {})),
          access_token: fc.oneof(fc.string(), fc.constantFrom(null, true, "")),
          expires_in: fc.oneof(fc.double(), fc.string(), fc.constant(null)),
        })
        .map((answer) => JSON.stringify(answer)),
    );
    holds(
      fc.property(body, (text) => {
        const answer = parseToken(Buffer.from(text));
        if (answer === undefined) return;
        assert.match(answer.text, /^[\x21-\x7e]{1,12288}$/);
        assert.ok(answer.seconds >= 60);
      }),
      300,
    );
  });

  it("tells what it is good for, or does not, and never throws", () => {
    const encode = (text: string): string => Buffer.from(text).toString("base64url");
    const payload = fc.oneof(
      fc.constantFrom("", "null", "5", "[]", "{", '{"access":{}}').map(encode),
      fc
        .array(fc.oneof(fc.jsonValue(), fc.record({ type: fc.string(), name: fc.jsonValue() })))
        .map((access) => encode(JSON.stringify({ access }))),
      fc.string(),
    );
    holds(
      fc.property(payload, (middle) => {
        const granted = grantedRepositories({ text: `a.${middle}.b`, seconds: 60 });
        for (const name of granted ?? []) assert.equal(typeof name, "string");
      }),
      300,
    );
  });
});

describe("every time a registry asks to wait", () => {
  it("is a number of milliseconds from now on, or unreadable", () => {
    const header = fc.oneof(
      fc.string(),
      fc.integer().map(String),
      fc.double().map(String),
      fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    );
    holds(
      fc.property(
        header,
        fc.nat(5),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (text, retry, chance) => {
          const asked = retryAfterMs(text, 1_700_000_000_000);
          assert.ok(asked === undefined || (Number.isFinite(asked) && asked >= 0), text);
          assert.ok(waitMs(retry, 250, asked, chance) >= (asked ?? 0));
        },
      ),
      1000,
    );
  });
});
