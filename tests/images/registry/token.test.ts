import assert from "node:assert/strict";
import { grantedRepositories, parseToken, tokenUrl } from "../../../images/registry/token";

describe("the address of a token", () => {
  const table: readonly [title: string, realm: string, service: string | undefined, url: string][] =
    [
      [
        "names service and repository",
        "https://auth.docker.io/token",
        "registry.docker.io",
        "https://auth.docker.io/token?service=registry.docker.io&scope=repository%3Alibrary%2Ftraefik%3Apull",
      ],
      [
        "leaves out a service that is not named",
        "https://ghcr.io/token",
        undefined,
        "https://ghcr.io/token?scope=repository%3Alibrary%2Ftraefik%3Apull",
      ],
      [
        "keeps the realm's own query and drops its fragment",
        "https://git.example/jwt/auth?client=docker#x",
        "container registry",
        "https://git.example/jwt/auth?client=docker&service=container+registry&scope=repository%3Alibrary%2Ftraefik%3Apull",
      ],
    ];
  for (const [title, realm, service, url] of table)
    it(title, () => {
      const challenge = { realm: new URL(realm), ...(service !== undefined && { service }) };
      assert.equal(tokenUrl(challenge, ["library/traefik"]).href, url);
    });

  it("has one scope for each of several repositories", () => {
    const url = tokenUrl({ realm: new URL("https://auth.example/token") }, ["a/b", "c"]);
    assert.deepEqual(url.searchParams.getAll("scope"), [
      "repository:a/b:pull",
      "repository:c:pull",
    ]);
  });
});

describe("the answer of a token service", () => {
  const good: readonly [title: string, body: string, token: unknown][] = [
    ["token", '{"token":"abc"}', { text: "abc", seconds: 60 }],
    ["access_token", '{"access_token":"abc","expires_in":300}', { text: "abc", seconds: 300 }],
    ["both", '{"token":"abc","access_token":"def","expires_in":"x"}', { text: "abc", seconds: 60 }],
    [
      "an empty token beside an access_token",
      '{"token":"","access_token":"d"}',
      { text: "d", seconds: 60 },
    ],
    [
      "a shorter life than promised",
      '{"token":"abc","expires_in":1}',
      { text: "abc", seconds: 60 },
    ],
  ];
  for (const [title, body, token] of good)
    it(`is read with ${title}`, () => {
      assert.deepEqual(parseToken(Buffer.from(body)), token);
    });

  const bad: readonly [title: string, body: string][] = [
    ["no JSON", "<html>"],
    ["no object", "[]"],
    ["nothing", ""],
    ["no token", "{}"],
    ["a token that is no text", '{"token":7}'],
    ["a token that would start a new header", '{"token":"abc\\r\\nx: y"}'],
    ["a token longer than 12 KiB", JSON.stringify({ token: "x".repeat(12 * 1024 + 1) })],
  ];
  for (const [title, body] of bad)
    it(`has no token with ${title}`, () => {
      assert.equal(parseToken(Buffer.from(body)), undefined);
    });
});

describe("what a token says it is good for", () => {
  const jwt = (payload: unknown) => ({
    text: `e30.${Buffer.from(JSON.stringify(payload)).toString("base64url")}.c2ln`,
    seconds: 60,
  });

  it("is the repositories it lets pull", () => {
    const access = [
      { type: "repository", name: "a", actions: ["pull"] },
      { type: "repository", name: "b", actions: ["*"] },
      { type: "repository", name: "c", actions: [] },
      { type: "registry", name: "catalog", actions: ["*"] },
      { type: "repository", name: 7, actions: ["pull"] },
      null,
    ];
    assert.deepEqual(grantedRepositories(jwt({ access })), new Set(["a", "b"]));
  });

  const untold: readonly [title: string, token: { text: string; seconds: number }][] = [
    ["an opaque token", { text: "djE6b3BhcXVl", seconds: 60 }],
    ["dots around no JSON", { text: "a.b.c", seconds: 60 }],
    ["a JWT without access", jwt({ sub: "x" })],
    ["a JWT whose access is no list", jwt({ access: "all" })],
  ];
  for (const [title, token] of untold)
    it(`is not known of ${title}`, () => {
      assert.equal(grantedRepositories(token), undefined);
    });
});
