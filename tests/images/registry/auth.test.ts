import assert from "node:assert/strict";
import fc from "fast-check";
import { parseChallenges } from "../../../images/registry/auth";

describe("the parser of WWW-Authenticate", () => {
  const good: readonly [header: string, challenges: unknown][] = [
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/traefik:pull"',
      [
        {
          scheme: "bearer",
          parameters: {
            realm: "https://auth.docker.io/token",
            service: "registry.docker.io",
            scope: "repository:library/traefik:pull",
          },
        },
      ],
    ],
    [
      'Basic realm="Registry Realm"',
      [{ scheme: "basic", parameters: { realm: "Registry Realm" } }],
    ],
    ["Basic", [{ scheme: "basic", parameters: {} }]],
    ["bEARER REALM=x", [{ scheme: "bearer", parameters: { realm: "x" } }]],
    [
      'Bearer realm = "x" , service = y',
      [{ scheme: "bearer", parameters: { realm: "x", service: "y" } }],
    ],
    [
      'Bearer realm="a \\"quoted\\", \\\\ part"',
      [{ scheme: "bearer", parameters: { realm: 'a "quoted", \\ part' } }],
    ],
    [
      'Bearer scope="a,b",realm="x"',
      [{ scheme: "bearer", parameters: { scope: "a,b", realm: "x" } }],
    ],
    ["Negotiate YII=", [{ scheme: "negotiate", parameters: {} }]],
    [
      'Negotiate, Basic realm="a", Bearer realm="b", service="c"',
      [
        { scheme: "negotiate", parameters: {} },
        { scheme: "basic", parameters: { realm: "a" } },
        { scheme: "bearer", parameters: { realm: "b", service: "c" } },
      ],
    ],
    [
      ', ,Negotiate YII=,Basic realm="a",',
      [
        { scheme: "negotiate", parameters: {} },
        { scheme: "basic", parameters: { realm: "a" } },
      ],
    ],
  ];
  for (const [header, challenges] of good)
    it(`reads ${header}`, () => {
      assert.deepEqual(parseChallenges(header), challenges);
    });

  const bad: readonly [title: string, header: string][] = [
    ["an empty header", ""],
    ["commas alone", ", ,"],
    ["an open quote", 'Bearer realm="x'],
    ["text behind a value", 'Bearer realm="x"y'],
    ["parameters without a comma", 'Bearer realm="x" service="y"'],
    ["a parameter twice", 'Bearer realm="x",realm="y"'],
    ["a parameter without value", "Bearer realm=,service=x"],
    ["no scheme", '="x"'],
    ["more than 8 KiB", `Bearer realm="${"x".repeat(8192)}"`],
  ];
  for (const [title, header] of bad)
    it(`refuses ${title}`, () => {
      assert.equal(parseChallenges(header), undefined);
    });

  it("reads back what it is given, whatever the values are", () => {
    const name = fc.stringMatching(/^[a-z]{1,8}$/);
    const parameters = fc.dictionary(name, fc.string(), { minKeys: 1, noNullPrototype: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(name, parameters), { minLength: 1, maxLength: 4 }), (list) => {
        const header = list
          .map(([scheme, values]) => {
            const pairs = Object.entries(values).map(
              ([key, value]) => `${key}="${value.replaceAll(/["\\]/g, "\\$&")}"`,
            );
            return `${scheme} ${pairs.join(", ")}`;
          })
          .join(", ");
        assert.deepEqual(
          parseChallenges(header),
          list.map(([scheme, values]) => ({ scheme, parameters: values })),
        );
      }),
    );
  });

  it("answers to any text at once", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (header) => {
        parseChallenges(header);
      }),
    );
    const started = performance.now();
    parseChallenges(`Bearer ${'a="b" '.repeat(1300)}`);
    parseChallenges(`Bearer a="${"\\".repeat(8000)}`);
    parseChallenges(", ".repeat(4000));
    assert.ok(performance.now() - started < 500);
  });
});
