import assert from "node:assert/strict";
import {
  grantedRepositories,
  parseChallenges,
  parseToken,
  readScheme,
  tokenUrl,
} from "../../../images/registry/auth";
import { Redactor } from "../../../text/redact";

describe("the parser of WWW-Authenticate", () => {
  const good: readonly [header: string, ...challenges: [string, Record<string, string>][]][] = [
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/traefik:pull"',
      [
        "bearer",
        {
          realm: "https://auth.docker.io/token",
          service: "registry.docker.io",
          scope: "repository:library/traefik:pull",
        },
      ],
    ],
    ['Basic realm="Registry Realm"', ["basic", { realm: "Registry Realm" }]],
    ["  Basic  ", ["basic", {}]],
    ["bEARER REALM=x", ["bearer", { realm: "x" }]],
    ['Bearer realm = "x" , service = y', ["bearer", { realm: "x", service: "y" }]],
    ['Bearer realm="a \\"quoted\\", \\\\ part"', ["bearer", { realm: 'a "quoted", \\ part' }]],
    ['Bearer scope="a,b",realm="x"', ["bearer", { scope: "a,b", realm: "x" }]],
    ["Negotiate   YII==", ["negotiate", {}]],
    ["Negotiate abc=== , Basic   realm=x", ["negotiate", {}], ["basic", { realm: "x" }]],
    [
      'Negotiate, Basic realm="a", Bearer realm="b", service="c"',
      ["negotiate", {}],
      ["basic", { realm: "a" }],
      ["bearer", { realm: "b", service: "c" }],
    ],
    [', ,Negotiate YII=,Basic realm="a",', ["negotiate", {}], ["basic", { realm: "a" }]],
    // A word and an equals sign is a token68, which a challenge may have instead of parameters.
    ["Bearer realm=", ["bearer", {}]],
    ["Bearer realm=,", ["bearer", {}]],
    [`Basic realm="${"x".repeat(8192 - 14)}"`, ["basic", { realm: "x".repeat(8192 - 14) }]],
  ];
  for (const [header, ...challenges] of good)
    it(`reads ${header.slice(0, 60)}`, () => {
      assert.deepEqual(
        parseChallenges(header),
        challenges.map(([scheme, parameters]) => ({ scheme, parameters })),
      );
    });

  const bad: readonly [title: string, header: string][] = [
    ["an empty header", ""],
    ["only commas", ", ,"],
    ["an open quote", 'Bearer realm="x'],
    ["text after a value", 'Bearer realm="x"y'],
    ["parameters without a comma", 'Bearer realm="x" service="y"'],
    ["challenges without a comma", 'Bearer realm="x" Basic'],
    ["a parameter twice", 'Bearer realm="x",realm="y"'],
    ["a parameter without value", "Bearer realm=,service=x"],
    ["no scheme", '="x"'],
    ["more than 8 KiB", `Basic realm="${"x".repeat(8192 - 13)}"`],
  ];
  for (const [title, header] of bad)
    it(`refuses ${title}`, () => {
      assert.equal(parseChallenges(header), undefined);
    });
});

describe("the authentication scheme of a 401", () => {
  const origin = new URL("https://registry.example");
  const redactor = new Redactor();
  redactor.hide("canary-token");
  const scheme = (header?: string, url = origin) =>
    readScheme(
      {
        status: 401,
        headers: header === undefined ? {} : { "www-authenticate": header },
        body: Buffer.from(""),
        url,
        redactor,
      },
      { origin, registries: {}, redactor },
    );

  it("is the one that is known among others, bearer first", () => {
    assert.deepEqual(scheme("Negotiate, Basic"), { kind: "basic" });
    assert.deepEqual(scheme('Basic, Bearer realm="https://auth.example/",service=s'), {
      kind: "bearer",
      service: { realm: new URL("https://auth.example/"), service: "s" },
    });
    assert.deepEqual(scheme("Bearer, Basic"), { kind: "basic" });
  });

  const SCHEME = "registry.example answered 401 without a known authentication scheme";
  const refused: readonly [header: string | undefined, message: string][] = [
    [undefined, SCHEME],
    ["Negotiate", `${SCHEME}: "Negotiate"`],
    ['Bearer realm="x', `${SCHEME}: "Bearer realm="x"`],
    [
      'Bearer realm="https://canary-TOKEN.example/"',
      'registry.example names the token service "https://[hidden].example", which is refused: its host name contains a secret',
    ],
    [
      'Bearer realm="not an address"',
      'registry.example names the token service "not an address", which is refused: it is not an http or https URL',
    ],
  ];
  for (const [header, message] of refused)
    it(`is refused for ${header ?? "no header"}`, () => {
      assert.throws(() => scheme(header), { name: "ExchangeError", message });
    });

  it("is not read from a server that the registry redirected to", () => {
    assert.throws(() => scheme("Basic", new URL("https://other.example")), { code: "denied" });
  });
});

describe("the URL of a token", () => {
  const SCOPE = "scope=repository%3Alibrary%2Ftraefik%3Apull";
  const table: readonly [title: string, realm: string, service: string | undefined, url: string][] =
    [
      [
        "names service and repository",
        "https://auth.docker.io/token",
        "registry.docker.io",
        `https://auth.docker.io/token?service=registry.docker.io&${SCOPE}`,
      ],
      [
        "omits a service that is not named",
        "https://ghcr.io/token",
        undefined,
        `https://ghcr.io/token?${SCOPE}`,
      ],
      [
        "keeps the realm's query, but not its fragment",
        "https://git.example/jwt/auth?client=docker#x",
        "container registry",
        `https://git.example/jwt/auth?client=docker&service=container+registry&${SCOPE}`,
      ],
    ];
  for (const [title, realm, service, url] of table)
    it(title, () => {
      const challenge = { realm: new URL(realm), ...(service !== undefined && { service }) };
      assert.equal(tokenUrl(challenge, ["library/traefik"]).href, url);
    });

  it("has one scope per repository", () => {
    const url = tokenUrl({ realm: new URL("https://auth.example/token") }, ["a/b", "c"]);
    const scopes = ["repository:a/b:pull", "repository:c:pull"];
    assert.deepEqual(url.searchParams.getAll("scope"), scopes);
  });
});

describe("the answer of a token service", () => {
  const LONGEST = "x".repeat(12 * 1024);
  const table: readonly [title: string, body: string, token?: string, seconds?: number][] = [
    ["token", '{"token":"abc"}', "abc", 60],
    ["access_token", '{"access_token":"abc","expires_in":300}', "abc", 300],
    ["both", '{"token":"abc","access_token":"def","expires_in":"x"}', "abc", 60],
    ["an empty token beside an access_token", '{"token":"","access_token":"d"}', "d", 60],
    ["a shorter lifetime than guaranteed", '{"token":"abc","expires_in":1}', "abc", 60],
    ["the longest token", JSON.stringify({ token: LONGEST }), LONGEST, 60],
    ["no JSON", "<html>"],
    ["no object", "[]"],
    ["nothing", ""],
    ["no token", "{}"],
    ["a token that is no text", '{"token":7}'],
    ["a token that would start a new header", '{"token":"abc\\r\\nx: y"}'],
    ["a token longer than 12 KiB", JSON.stringify({ token: `${LONGEST}x` })],
  ];
  for (const [title, body, text, seconds] of table)
    it(`${text === undefined ? "has no token" : "is read"} with ${title}`, () => {
      const token = text === undefined ? undefined : { text, seconds };
      assert.deepEqual(parseToken(Buffer.from(body)), token);
    });
});

describe("the repositories that a token grants", () => {
  const jwt = (payload: unknown): string =>
    `e30.${Buffer.from(JSON.stringify(payload)).toString("base64url")}.c2ln`;

  it("are those it lets pull", () => {
    const access = [
      { type: "repository", name: "a", actions: ["pull"] },
      { type: "repository", name: "b", actions: ["*"] },
      { type: "repository", name: "c", actions: [] },
      { type: "registry", name: "catalog", actions: ["*"] },
      { type: "repository", name: 7, actions: ["pull"] },
      null,
    ];
    const granted = grantedRepositories({ text: jwt({ access }), seconds: 60 });
    assert.deepEqual(granted, new Set(["a", "b"]));
  });

  for (const text of ["djE6b3BhcXVl", "a.b.c", jwt({ sub: "x" }), jwt({ access: "all" })])
    it(`are unknown for ${text}`, () => {
      assert.equal(grantedRepositories({ text, seconds: 60 }), undefined);
    });
});
