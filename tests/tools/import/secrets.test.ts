import assert from "node:assert/strict";

import { Variables } from "../../../tools/import/compose/variables";
import { camelCase, isSecretName, looksRandom, Secrets } from "../../../tools/import/secrets";

const secretsWith = (
  values: Readonly<Record<string, string>> = {},
  reserved: readonly string[] = [],
) => {
  const variables = new Variables(new Map(Object.entries(values)));
  const secrets = new Secrets(variables, reserved, "");
  return {
    secrets,
    parts: (key: string, template: string, service = "app") =>
      secrets.parts(key, variables.pieces(template), service),
  };
};

describe("secrets of a Compose file", () => {
  it("are told by the names of their variables", () => {
    const names = [
      "DB_PASSWORD",
      "POSTGRES_PASS",
      "DBPASS",
      "API_KEY",
      "APP_SECRET",
      "--requirepass",
      "jwtSecret",
      "TOKEN",
      "SMTP_PWD",
      "SECRET_KEY_BASE",
      "MASTER_KEYS",
    ];
    assert.deepEqual(
      names.filter((name) => !isSecretName(name)),
      [],
    );
    const others = [
      "DB_USER",
      "TOKEN_EXPIRY",
      "PASSWORD_MIN_LENGTH",
      "POSTGRES_PASSWORD_FILE",
      "SECRET_NAME",
      "PUBLIC_KEY",
      "MYSQL_ALLOW_EMPTY_PASSWORD",
      "BYPASS",
      "COMPASS_URL",
      "KEYCLOAK_URL",
      "API_KEY_HEADER",
      "PASSWORD_RESET",
    ];
    assert.deepEqual(others.filter(isSecretName), []);
  });

  it("are told by their values, if these are long and random", () => {
    for (const text of [
      "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
      "Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3A=",
    ])
      assert.ok(looksRandom(text), text);
    for (const text of [
      "some-quite-long-name-of-a-host-1234567",
      "550e8400-e29b-41d4-a716-446655440000",
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      "short1",
      "/a/path/that/is/long/enough/to/count/123",
    ])
      assert.ok(!looksRandom(text), text);
  });

  const cases: readonly (readonly [key: string, template: string, parts: readonly unknown[]])[] = [
    ["DB_PASSWORD", "${DB_PASSWORD}", [{ secret: "dbPassword" }]],
    ["POSTGRES_PASSWORD", "${DB_PASSWORD}", [{ secret: "dbPassword" }]],
    ["POSTGRES_PASSWORD", "literal", [{ secret: "postgresPassword" }]],
    ["URL", "pg://app:${DB_PASSWORD}@db/app", ["pg://app:", { secret: "dbPassword" }, "@db/app"]],
    ["URL", "pg://app:hunter2@db/app", ["pg://app:", { secret: "urlPassword" }, "@db/app"]],
    [
      "DSN_",
      "Server=db;Password=x1;Port=1",
      ["Server=db;Password=", { secret: "dsnPassword" }, ";Port=1"],
    ],
    ["API_KEY", "${UNSET_KEY}", [{ secret: "unsetKey" }]],
    ["API_KEY", "", []],
    ["SSL_KEY", "/certs/x.key", ["/certs/x.key"]],
    ["PASSWORD_LOGIN", "true", ["true"]],
    ["NAME", "${USER}", ["someone"]],
  ];
  for (const [key, template, expected] of cases)
    it(`are named in ${key}: ${template}`, () => {
      const { parts } = secretsWith({ DB_PASSWORD: "x", USER: "someone" });
      assert.deepEqual(parts(key, template), expected);
    });

  it("are the same where a variable or a text is the same, and others where they differ", () => {
    const { secrets, parts } = secretsWith({ DB_PASSWORD: "x" }, ["token"]);
    assert.deepEqual(parts("A_PASSWORD", "one", "a"), [{ secret: "aPassword" }]);
    assert.deepEqual(parts("B_PASSWORD", "one", "b"), [{ secret: "aPassword" }]);
    assert.deepEqual(parts("A_PASSWORD", "two", "b"), [{ secret: "bAPassword" }]);
    assert.deepEqual(parts("A_PASSWORD", "three", "b"), [{ secret: "bAPassword2" }]);
    assert.deepEqual(parts("TOKEN", "four", "b"), [{ secret: "bToken" }]);
    assert.deepEqual(
      secrets.all.map(({ name, value, readers }) => [name, value, [...readers]]),
      [
        ["aPassword", "one", ["a", "b"]],
        ["bAPassword", "two", ["b"]],
        ["bAPassword2", "three", ["b"]],
        ["bToken", "four", ["b"]],
      ],
    );
  });

  it("are what a key with such a name takes whole, wherever else it is used", () => {
    const { secrets, parts } = secretsWith({ DBROOT: "x" });
    assert.deepEqual(parts("URL", "pg://${DBROOT}"), ["pg://x"]);
    secrets.taint("DBROOT");
    assert.deepEqual(parts("URL", "pg://${DBROOT}"), ["pg://", { secret: "dbroot" }]);
  });

  it("have names that a stack accepts", () => {
    assert.deepEqual(
      ["DB_PASSWORD", "db-password", "dbPassword", "2FA_KEY", "GF_X__Y"].map(camelCase),
      ["dbPassword", "dbPassword", "dbPassword", "n2faKey", "gfXY"],
    );
  });
});
