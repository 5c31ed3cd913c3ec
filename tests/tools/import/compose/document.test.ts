import assert from "node:assert/strict";

import { ComposeError, parseCompose } from "../../../../tools/import/compose/document";

const problemsOf = (text: string): readonly string[] => {
  try {
    parseCompose(text, "compose.yaml");
  } catch (error) {
    assert.ok(error instanceof ComposeError, String(error));
    return error.problems;
  }
  return [];
};

describe("a Compose file", function () {
  this.timeout(60_000);
  it("has its anchors and merge keys resolved", () => {
    const { services } = parseCompose(
      `x-base: &base
  restart: always
  environment: &env { A: one, B: two }
services:
  app:
    <<: *base
    image: app:1
    environment: { <<: *env, B: three }
  both:
    <<: [*base, { image: "both:1" }]
`,
      "compose.yaml",
    );
    assert.deepEqual(services, {
      app: { restart: "always", environment: { A: "one", B: "three" }, image: "app:1" },
      both: { restart: "always", environment: { A: "one", B: "two" }, image: "both:1" },
    });
  });

  it("keeps numbers as they are written, because variables are replaced before types are read", () => {
    const { services } = parseCompose(
      "services: { app: { cpus: 1.10, user: 0755, ports: [22:22], tty: true, image: ~ } }",
      "compose.yaml",
    );
    assert.deepEqual(services.app, {
      cpus: "1.10",
      user: "0755",
      ports: ["22:22"],
      tty: true,
      image: null,
    });
  });

  const bad: readonly (readonly [what: string, text: string, problems: readonly RegExp[]])[] = [
    ["a list", "- a", [/^expected a map with the key "services"$/]],
    ["no services", "volumes: {}", [/^has no "services"; is this a Compose file\?$/]],
    ["the format of Compose 1", "web: { image: nginx }", [/format of Compose 1.*"services:"$/]],
    ["no service", "services: {}", [/^services: is empty$/]],
    ["a list of services", "services: [web]", [/^services: expected a map$/]],
    [
      "several problems, all at once",
      "include: [a.yaml]\nservices: { a: { extends: b }, 'b c': {}, d: text }\nvolumes: [x]",
      [
        /^include: reads other files, .* --no-interpolate --no-path-resolution > resolved\.yaml"/,
        /^services\.a\.extends: takes over another service, .* import resolved\.yaml$/,
        /^services\."b c": expected a name of letters, digits/,
        /^services\.d: expected a map such as/,
        /^volumes: expected a map$/,
      ],
    ],
    [
      "a tag of an override file",
      "services:\n  a:\n    ports: !reset []",
      [/^line 3: has a tag such as !reset/],
    ],
    [
      "no YAML",
      "services: {a: [}",
      [/^line 1, column \d+: not valid YAML \(BAD_INDENT\): indent all entries/],
    ],
    [
      "the same key twice",
      "services: { a: {}, a: {} }",
      [/DUPLICATE_KEY\): a map has the same key twice/],
    ],
    [
      "two documents",
      "services: {}\n---\nservices: {}",
      [/MULTIPLE_DOCS\): there is more than one document/],
    ],
    [
      "itself",
      "services: &s { a: { x: *s } }",
      [/^an alias \(\*name\) contains itself or expands too far/],
    ],
    [
      "too many services",
      `services:\n${many(10_000)}`,
      [/^services: has 10000 services, expected at most 200;/],
    ],
    ["too much text", `services: {}\n# ${"x".repeat(512 * 1024)}`, [/^is larger than 512 KiB/]],
    [
      "too many items",
      `services: { a: { environment: [${"A=b,".repeat(1001)}] } }`,
      [/^services\.a\.environment: has 1001 items, expected at most 1000$/],
    ],
    [
      "an alias without an anchor",
      "services: { a: *b }",
      [/^an alias \(\*name\) has no anchor \(&name\) before it$/],
    ],
    [
      "a merge key of a text",
      "services: { a: { <<: text } }",
      [/^a merge key \(<<\) expects a map, or a list of maps$/],
    ],
    ["too deep a nesting", `services: ${"[".repeat(20_000)}`, [/not valid YAML|nested/]],
  ];
  for (const [what, text, expected] of bad)
    it(`is refused with ${what}`, () => {
      const problems = problemsOf(text);
      assert.equal(problems.length, expected.length, problems.join("\n"));
      expected.forEach((pattern, index) => {
        assert.match(problems[index] ?? "", pattern);
      });
    });

  it("may use a few anchors in each of many services", () => {
    const services = Array.from(
      { length: 80 },
      (_, index) => `  s${index}: { <<: [*base, *more], environment: { <<: *env } }`,
    );
    const text = `x-env: &env { A: b }
x-rest: &rest { restart: always }
x-base: &base { <<: *rest, image: "a:1" }
x-more: &more { <<: [*rest, *base], environment: *env }
services:
${services.join("\n")}
`;
    assert.equal(Object.keys(parseCompose(text, "compose.yaml").services).length, 80);
  });

  it("that expands without end is refused in no time", () => {
    const levels = Array.from({ length: 40 }, (_, index) => index + 1);
    const nested = levels.map(
      (n) =>
        `x${n}: &x${n} [${Array(9)
          .fill(`*x${n - 1}`)
          .join()}]`,
    );
    const merged = levels.map(
      (n) => `x${n}: &x${n}\n  <<: *x${n - 1}\n  y${n}: { <<: *x${n - 1} }`,
    );
    for (const lines of [nested, merged]) {
      const started = performance.now();
      const text = `x0: &x0 { a: b }\n${lines.join("\n")}\nservices: { a: { x: *x40 } }\n`;
      assert.match(problemsOf(text).join(), /expands too far/);
      assert.ok(performance.now() - started < 20_000);
    }
  });

  it("with ten thousand problems names a hundred of them", () => {
    const services = Array.from({ length: 150 }, (_, index) => `  s${index}: { extends: x }\n`);
    assert.throws(
      () => parseCompose(`services:\n${services.join("")}`, "compose.yaml"),
      (error: Error) =>
        error.message.split("\n").length === 101 && /and 50 more problems$/.test(error.message),
    );
  });

  it("never shows what it says in a message", () => {
    for (const text of ["services: {a: [canary}", "services: { a: { extends: canary } }", "canary"])
      assert.doesNotMatch(problemsOf(text).join("\n"), /canary/);
  });
});

function many(count: number): string {
  return Array.from({ length: count }, (_, index) => `  s${index}: { image: a }\n`).join("");
}
