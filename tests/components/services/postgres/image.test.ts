import assert from "node:assert/strict";

import { noMajorVersion, postgresImage } from "../../../../components/services/postgres/image";

describe("the tag of a PostgreSQL image", () => {
  const BEFORE_18 = "/var/lib/postgresql/data";
  const SINCE_18 = "/var/lib/postgresql";
  const good: readonly (readonly [string, number, string, string])[] = [
    ["10", 10, "999:999", BEFORE_18],
    ["16", 16, "999:999", BEFORE_18],
    ["16-alpine", 16, "70:70", BEFORE_18],
    ["16-alpine3.20", 16, "70:70", BEFORE_18],
    ["16.4", 16, "999:999", BEFORE_18],
    ["16.4-alpine", 16, "70:70", BEFORE_18],
    ["16.4-bookworm", 16, "999:999", BEFORE_18],
    ["17-trixie", 17, "999:999", BEFORE_18],
    ["17-alpine", 17, "70:70", BEFORE_18],
    ["18", 18, "999:999", SINCE_18],
    ["18-alpine", 18, "70:70", SINCE_18],
    ["18.1-trixie", 18, "999:999", SINCE_18],
    ["19beta1-alpine", 19, "70:70", SINCE_18],
  ];
  for (const [tag, major, user, dataPath] of good)
    it(`${tag} says version ${major}, user ${user} and data in ${dataPath}`, () => {
      assert.deepEqual(postgresImage({ tag }), { major, user, dataPath });
    });

  const bad: readonly (readonly [{ readonly tag?: string }, string])[] = [
    [{}, "none"],
    [{ tag: "latest" }, "latest"],
    [{ tag: "alpine" }, "alpine"],
    [{ tag: "alpine3.22" }, "alpine3.22"],
    [{ tag: "bookworm" }, "bookworm"],
    [{ tag: "9.6-alpine" }, "9.6-alpine"],
    [{ tag: "9" }, "9"],
    [{ tag: "20240115" }, "20240115"],
    [{ tag: "2024.1" }, "2024.1"],
    [{ tag: "160-alpine" }, "160-alpine"],
  ];
  for (const [reference, shown] of bad)
    it(`says nothing when it is ${shown}, and what is expected is said`, () => {
      assert.equal(postgresImage(reference), undefined);
      assert.equal(
        noMajorVersion(reference),
        `images.postgres: expected a tag that begins with the major version, such as 16-alpine, got "${shown}"; the data volume is named after it`,
      );
    });
});
