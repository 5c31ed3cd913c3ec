import assert from "node:assert/strict";

import { hostFinder, isHostKey } from "../../../tools/import/hosts";

const find = hostFinder(
  new Map([
    ["db", "db"],
    ["db.internal", "db"],
    ["postgres", "app-postgres"],
    ["my_cache", "my-cache"],
  ]),
);

describe("names of services in a text", function () {
  this.timeout(60_000);
  const texts: readonly (readonly [text: string, replaced: string, services: string])[] = [
    [
      "postgres://u:p@postgres:5432/postgres",
      "postgres://u:p@app-postgres:5432/postgres",
      "app-postgres",
    ],
    [
      "postgres://u:${x}@postgres/postgres",
      "postgres://u:${x}@app-postgres/postgres",
      "app-postgres",
    ],
    ["http://my_cache:11211/x", "http://my-cache:11211/x", "my-cache"],
    ["db:5432,postgres:5432", "db:5432,app-postgres:5432", "db,app-postgres"],
    [
      "targets: ['db:9090', \"postgres:1\"]",
      "targets: ['db:9090', \"app-postgres:1\"]",
      "db,app-postgres",
    ],
    ["Server=postgres;Database=postgres", "Server=app-postgres;Database=postgres", "app-postgres"],
    ["https://db.internal/", "https://db/", "db"],
    ["postgres", "postgres", ""],
    [
      "mydb:5432 db:/data db_name http://dbx/ http://x.db/",
      "mydb:5432 db:/data db_name http://dbx/ http://x.db/",
      "",
    ],
    ["image: postgres:16-alpine", "image: postgres:16-alpine", ""],
  ];
  for (const [text, replaced, services] of texts)
    it(`are found in ${text}`, () => {
      const found = find(text);
      assert.equal(found.text, replaced);
      assert.equal([...found.services].join(), services);
    });

  it("may be the whole value of what names a host", () => {
    assert.equal(find("postgres", true).text, "app-postgres");
    assert.equal(find("db,postgres", true).text, "db,app-postgres");
    assert.equal(find("postgresql", true).text, "postgresql");
    const hosts = [
      "DB_HOST",
      "PAPERLESS_DBHOST",
      "REDIS_URL",
      "--redis-server",
      "BROKERS",
      "HOST_1",
      "SMTP_ADDRESS",
    ];
    assert.deepEqual(
      hosts.filter((key) => !isHostKey(key)),
      [],
    );
    const others = ["DB_TYPE", "POSTGRES_DB", "DB_USER", "HOSTILE", "GHOST_NAME"];
    assert.deepEqual(others.filter(isHostKey), []);
  });

  it("take no time that grows with the square of a text", () => {
    const started = performance.now();
    find(`${"a@".repeat(30_000)}db:1`);
    find(`://${"x".repeat(60_000)}`);
    assert.ok(performance.now() - started < 20_000);
  });
});
