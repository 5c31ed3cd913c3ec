import assert from "node:assert/strict";

import { postgres } from "../../../components/services/postgres";
import { parseReference } from "../../../images/reference";
import { expectHardened } from "../../support/hardened";
import { run } from "../../support/run";
import { containerOf, fileOf, modelOf, realServices, service } from "../../support/small-stack";

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
    // The entry point copies it into the server's environment, so it is none of the passwords.
    assert.equal(container.environment.POSTGRES_PASSWORD_FILE, "/proc/sys/kernel/random/uuid");
  });

  it("is asked over TCP, since during its first start it answers on the socket too early", () => {
    const { command, startSeconds } = container.health ?? assert.fail();
    assert.equal(command.join(" "), "pg_isready -q -h 127.0.0.1 -U postgres");
    assert.equal(startSeconds, 60);
  });

  it("sets, on an empty volume, the superuser's password, and makes a role for each database that may do nothing else", () => {
    assert.equal(
      fileOf(container, "/docker-entrypoint-initdb.d/10-databases.sql"),
      `SET log_min_error_statement = panic;
\\set superuser \`cat /run/secrets/postgres/superuser\`
ALTER ROLE postgres PASSWORD :'superuser';
` +
        ["shop", "blog"]
          .map(
            (name) => `SET log_min_error_statement = panic;
\\set password \`cat /run/secrets/postgres/${name}\`
CREATE ROLE "${name}" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
CREATE DATABASE "${name}" OWNER "${name}";
REVOKE ALL ON DATABASE "${name}" FROM PUBLIC;
`,
          )
          .join(""),
    );
  });

  it("answers a question in its own database before it counts as working", () => {
    assert.deepEqual(container.question, {
      command: ["psql", "-X", "-q", "-U", "postgres", "-c", "SELECT 1"],
    });
  });

  it("takes the configured passwords as a new container, none of which is in the command", () => {
    assert.equal(
      container.afterStart,
      `docker exec "$1" cat /run/secrets/postgres/superuser /run/secrets/postgres/shop /run/secrets/postgres/blog >/dev/null || return 1
docker exec -i "$1" psql -X -q -v ON_ERROR_STOP=1 -U postgres <<'SQL'
SET log_min_error_statement = panic;
\\set superuser \`cat /run/secrets/postgres/superuser\`
ALTER ROLE postgres PASSWORD :'superuser';
${["shop", "blog"]
  .map(
    (name) => `\\set owner \`cat /run/secrets/postgres/${name}\`
SELECT 'CREATE ROLE "${name}" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${name}') \\gexec
ALTER ROLE "${name}" PASSWORD :'owner';
SELECT 'CREATE DATABASE "${name}" OWNER "${name}"' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '${name}') \\gexec
REVOKE ALL ON DATABASE "${name}" FROM PUBLIC;
`,
  )
  .join("")}SQL`,
    );
  });

  it("sets no password where it cannot read one", async () => {
    const script = `docker() { case $* in *" cat "*) return 1;; *) echo "$@"; esac; }
AFTER() {
${container.afterStart ?? ""}
}
AFTER id`;
    const { code, stdout } = await run("sh", ["-c", script]);
    assert.deepEqual([code, stdout], [1, ""]);
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
      const { controls, mounts, upgrade } = containerOf(stackWith(tag), "postgres");
      assert.deepEqual(upgrade, { serves: { version } });
      assert.equal(controls.user, user);
      assert.deepEqual(
        mounts.find(({ kind }) => kind === "data"),
        {
          kind: "data",
          volume: `postgres-${version}-data`,
          path,
          chown: false,
          copy: "never",
        },
      );
    });

  for (const image of [
    ...["postgres@sha256:" + "6".repeat(64), "postgres:latest", "postgres:alpine3.22"],
    ...["postgres:bookworm", "postgres:9.6-alpine", "postgres:20240115", "postgres:160-alpine"],
  ])
    it(`is refused as ${image.slice(0, 24)}, whose major version is unknown`, () => {
      const reference = parseReference(image);
      assert.equal(
        postgres.image.problem?.(reference, {}),
        `expected a tag that starts with the major version, such as 16-alpine, got "${reference.tag ?? "none"}"; the data volume is named after the version`,
      );
    });

  it("accepts an image whose major version is known", () => {
    assert.equal(postgres.image.problem?.(parseReference("postgres:16-alpine"), {}), undefined);
  });
});
