import assert from "node:assert/strict";

import { postgres } from "../../../components/services/postgres";
import { parseReference } from "../../../images/reference";
import { expectHardened } from "../../support/hardened";
import {
  containerOf,
  dataRefusal,
  fileOf,
  modelOf,
  realServices,
  service,
} from "../../support/small-stack";

const APPS = ["shop", "blog"].map((name) =>
  service(name, {}, { database: { name, password: `${name}Password` } }),
);
const stackWith = (tag: string) =>
  modelOf([...APPS, ...realServices("postgres")], { images: { postgres: `postgres:${tag}` } });

describe("PostgreSQL", () => {
  const container = containerOf(stackWith("16-alpine"), "postgres");

  it("runs as its own user from the start, with all passwords in files that it alone reads", () => {
    expectHardened(container, {
      controls: { user: "70:70", memoryMiB: 512, cpus: 1 },
      mounts: [
        "files postgres-initdb /docker-entrypoint-initdb.d: 10-databases.sql",
        "secrets postgres-passwords /run/secrets/postgres: superuser=postgresPassword shop=shopPassword blog=blogPassword",
        "data postgres-16-data /var/lib/postgresql/data",
      ],
      tmpfs: { "/var/run/postgresql": 1, "/tmp": 64 },
      networks: ["shop-postgres", "blog-postgres"],
      order: "stop-first",
    });
    assert.equal(container.environment.POSTGRES_PASSWORD_FILE, "/run/secrets/postgres/superuser");
  });

  it("is asked over TCP, since during its first start it answers on the socket too early", () => {
    const { command, startSeconds } = container.health ?? assert.fail();
    assert.equal(command.join(" "), "pg_isready -q -h 127.0.0.1 -U postgres");
    assert.equal(startSeconds, 60);
  });

  it("makes, on an empty volume, a role for each database that may do nothing else", () => {
    assert.equal(
      fileOf(container, "/docker-entrypoint-initdb.d/10-databases.sql"),
      ["shop", "blog"]
        .map(
          (name) => `SET log_min_error_statement = panic;
\\set password \`cat /run/secrets/postgres/${name}\`
CREATE ROLE ${name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
CREATE DATABASE ${name} OWNER ${name};
REVOKE ALL ON DATABASE ${name} FROM PUBLIC;
`,
        )
        .join(""),
    );
  });

  it("takes the configured passwords after each start, none of which is in the command", () => {
    assert.equal(
      container.afterStart,
      `docker exec -i test-postgres psql -X -q -v ON_ERROR_STOP=1 -U postgres <<'SQL'
SET log_min_error_statement = panic;
\\set superuser \`cat /run/secrets/postgres/superuser\`
ALTER ROLE postgres PASSWORD :'superuser';
\\set owner \`cat /run/secrets/postgres/shop\`
ALTER ROLE shop PASSWORD :'owner';
\\set owner \`cat /run/secrets/postgres/blog\`
ALTER ROLE blog PASSWORD :'owner';
SQL
`,
    );
  });

  const BEFORE_18 = "/var/lib/postgresql/data";
  const SINCE_18 = "/var/lib/postgresql";
  const tags: readonly (readonly [string, number, string, string])[] = [
    ["10", 10, "999:999", BEFORE_18],
    ["16", 16, "999:999", BEFORE_18],
    ["16-alpine3.20", 16, "70:70", BEFORE_18],
    ["16.4", 16, "999:999", BEFORE_18],
    ["16.4-alpine", 16, "70:70", BEFORE_18],
    ["17-trixie", 17, "999:999", BEFORE_18],
    ["18", 18, "999:999", SINCE_18],
    ["18.1-alpine3.22", 18, "70:70", SINCE_18],
    ["19beta1-alpine", 19, "70:70", SINCE_18],
  ];
  for (const [tag, version, user, path] of tags)
    it(`keeps the data of version ${version} of user ${user} in ${path} with tag ${tag}`, () => {
      const model = stackWith(tag);
      const { controls, mounts } = containerOf(model, "postgres");
      assert.deepEqual(model.dataFormats.postgres, { version, user });
      assert.equal(controls.user, user);
      assert.deepEqual(
        mounts.find(({ kind }) => kind === "data"),
        { kind: "data", volume: `postgres-${version}-data`, path, chown: false },
      );
    });

  for (const image of [
    ...["postgres@sha256:" + "6".repeat(64), "postgres:latest", "postgres:alpine3.22"],
    ...["postgres:bookworm", "postgres:9.6-alpine", "postgres:20240115", "postgres:160-alpine"],
  ])
    it(`is refused as ${image.slice(0, 24)}, whose major version is unknown`, () => {
      const reference = parseReference(image);
      assert.equal(
        postgres.image.problem?.(reference),
        `expected a tag that starts with the major version, such as 16-alpine, got "${reference.tag ?? "none"}"; the data volume is named after the version`,
      );
    });

  it("accepts an image whose major version is known", () => {
    assert.equal(postgres.image.problem?.(parseReference("postgres:16-alpine")), undefined);
  });
});

describe("data of another PostgreSQL", () => {
  interface Format {
    readonly version: number;
    readonly user: string;
  }
  const alpine = (version: number): Format => ({ version, user: "70:70" });
  const debian = (version: number): Format => ({ version, user: "999:999" });

  const problemOf = (last: Format, now: Format, upgradedFrom?: number): string | undefined => {
    const definitions = realServices("postgres");
    const tag = `${now.version}${now.user === "70:70" ? "-alpine" : ""}`;
    const said = { stack: "prod", services: { postgres: { options: { upgradedFrom } } } };
    return dataRefusal(
      definitions,
      { postgres: last },
      { ...said, images: { postgres: `postgres:${tag}` } },
    );
  };

  const rows: readonly (readonly [Format, Format, number | undefined, boolean])[] = [
    [alpine(16), alpine(16), undefined, true],
    [alpine(16), alpine(17), undefined, false],
    [alpine(17), alpine(16), undefined, false],
    [alpine(16), alpine(17), 16, true],
    [alpine(16), alpine(18), 16, true],
    // The setting may stay after the upgrade, and allows no other step.
    [alpine(17), alpine(17), 16, true],
    [alpine(17), alpine(16), 16, false],
    [alpine(15), alpine(17), 16, false],
    [alpine(16), alpine(17), 15, false],
    [alpine(16), alpine(17), 17, false],
    // Another major version has a volume of its own, which may belong to another user.
    [alpine(16), debian(17), 16, true],
    [alpine(16), debian(16), undefined, false],
    [debian(16), alpine(16), 16, false],
  ];
  for (const [last, now, upgradedFrom, allowed] of rows)
    it(`is ${allowed ? "used" : "refused"}: ${last.version} of ${last.user} by ${now.version} as ${now.user}, upgradedFrom ${upgradedFrom ?? "not set"}`, () => {
      assert.equal(problemOf(last, now, upgradedFrom) === undefined, allowed);
    });

  it("is refused with the steps that move it, forwards and back", () => {
    assert.equal(
      problemOf(alpine(16), alpine(17)),
      `images.postgres: PostgreSQL 17 cannot read the data of PostgreSQL 16, which ran last; nothing was changed. Restore the tag of 16, or migrate the data:
  1. while 16 runs: npm run deploy -- --stack prod --dump
  2. in Pulumi.prod.yaml, set services.postgres.upgradedFrom: 16
  3. npm run deploy -- --stack prod --allow-delete; the volume prod-postgres-16-data stays on the host
  4. restore the dump: docs/operations.md, "Restoring a dump"`,
    );
    assert.equal(
      problemOf(alpine(17), alpine(16)),
      `images.postgres: PostgreSQL 16 cannot read the data of PostgreSQL 17, which ran last; nothing was changed. Restore the tag of 17, or return to data that 16 may have left on the host:
  1. in Pulumi.prod.yaml, set services.postgres.upgradedFrom: 17
  2. npm run deploy -- --stack prod --allow-delete; the volume prod-postgres-17-data stays on the host, including everything written since`,
    );
  });

  it("is refused to another user, with the kinds of images that share one", () => {
    assert.match(
      problemOf(alpine(16), debian(16)) ?? "",
      /^images\.postgres: .* as 999:999, .* belongs to 70:70, .*\. Keep .* "alpine" in the tag/,
    );
  });
});
