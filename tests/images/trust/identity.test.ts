import assert from "node:assert/strict";

import fc from "fast-check";

import { identityProblem, matchesIdentity, repositoryOf } from "../../../images/trust/identity";

const EXACT = "https://github.com/team/app/.github/workflows/release.yml@refs/heads/main";
const PATTERN = String.raw`^https://github\.com/team/app/\.github/workflows/release\.yml@refs/tags/v[0-9]+$`;

describe("an expected identity", () => {
  it("matches itself, exactly or as a whole", () => {
    assert.ok(matchesIdentity(EXACT, EXACT));
    assert.ok(matchesIdentity("me@example.com", "me@example.com"));
    assert.ok(
      matchesIdentity(
        PATTERN,
        "https://github.com/team/app/.github/workflows/release.yml@refs/tags/v12",
      ),
    );
  });

  it("matches nothing around itself, and no part of itself", () => {
    const good = "https://github.com/team/app/.github/workflows/release.yml@refs/tags/v12";
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        fc.pre(before !== "" || (after !== "" && !/^\d+$/.test(after)));
        assert.ok(!matchesIdentity(EXACT, `${before}${EXACT}${after}`));
        assert.ok(!matchesIdentity(PATTERN, `${before}${good}${after}`));
      }),
    );
    assert.ok(!matchesIdentity(EXACT, EXACT.slice(0, -1)));
    assert.ok(!matchesIdentity(PATTERN, `${good}\n`));
    assert.ok(!matchesIdentity(PATTERN, `x\n${good}`));
  });

  it("matches no identity with a line break or a control character", () => {
    const pattern = String.raw`^https://github\.com/team/app/[^@]+@refs/heads/main$`;
    assert.ok(matchesIdentity(pattern, "https://github.com/team/app/x@refs/heads/main"));
    for (const one of ["\n", " ", "\u0000", "\u001b", "\u202e"])
      assert.ok(!matchesIdentity(pattern, `https://github.com/team/app/x${one}@refs/heads/main`));
  });

  const unusable: readonly (readonly [string, RegExp])[] = [
    ["", /without spaces/],
    ["two words", /without spaces/],
    [`https://github.com/${"x".repeat(2048)}`, /without spaces/],
    ["^https://github\\.com/team/", /begins with \^ and ends with \$/],
    ["https://github\\.com/team/.*$", /begins with \^ and ends with \$/],
    ["^https://github\\.com/team/\\$", /begins with \^ and ends with \$/],
    ["^https://github.com/team/.*$", /backslash before each dot/],
    ["^.*$", /literal host/],
    ["^https://.*/team$", /literal host/],
    ["^https://github\\.com/a|https://evil\\.test/.*$", /without "\|"/],
    ["^https://github\\.com/?.*$", /literal host/],
    ["^https://github\\.com/*evil$", /literal host/],
    ["^https://github\\.com/{0}.evil\\.test$", /literal host/],
    ["^https://github\\.com/(a+)+$", /repeats a group/],
    ["^https://github\\.com/(.*a)*$", /repeats a group/],
    ["^https://github\\.com/(.*a){9}$", /repeats a group/],
    ["^https://github\\.com/(a$", /valid regular expression/],
  ];
  for (const [text, problem] of unusable)
    it(`is not ${JSON.stringify(text).slice(0, 60)}`, () => {
      assert.match(identityProblem(text) ?? "", problem);
      assert.ok(!matchesIdentity(text, "https://github.com/team/app"));
    });

  it("may have alternatives in brackets, and a bar in a class", () => {
    for (const text of ["^https://github\\.com/(a|b)$", "^https://github\\.com/[|]$"])
      assert.equal(identityProblem(text), undefined);
  });

  it("belongs to a repository if it is a workflow of GitHub", () => {
    assert.equal(repositoryOf(EXACT), "https://github.com/team/app");
    assert.equal(repositoryOf("me@example.com"), undefined);
    assert.equal(repositoryOf("https://github.com.evil.test/team/app/x"), undefined);
  });
});
