import assert from "node:assert/strict";

import * as pulumi from "@pulumi/pulumi";

import { majorChange, refuseOtherData } from "../../../../components/services/postgres/version";

const REFUSED = `images.postgres: PostgreSQL 17 cannot read the data of PostgreSQL 16, which ran last; nothing was changed. Put the tag of 16 back, or move the data:
  1. while 16 runs: npm run deploy -- --stack prod --dump
  2. in Pulumi.prod.yaml, set services.postgres.upgradedFrom: 16
  3. npm run deploy -- --stack prod --allow-delete; the volume prod-postgres-16-data stays on the host
  4. restore the dump: docs/operations.md, "Restoring a dump"`;

const REFUSED_BACK = `images.postgres: PostgreSQL 16 cannot read the data of PostgreSQL 17, which ran last; nothing was changed. Put the tag of 17 back, or go back to the data that 16 may have left on the host:
  1. in Pulumi.prod.yaml, set services.postgres.upgradedFrom: 17
  2. npm run deploy -- --stack prod --allow-delete; the volume prod-postgres-17-data stays on the host, with what was written since`;

describe("a change of PostgreSQL's major version", () => {
  const rows: readonly (readonly [number, number, number | undefined, "allowed" | "refused"])[] = [
    [16, 16, undefined, "allowed"],
    [16, 17, undefined, "refused"],
    [16, 18, undefined, "refused"],
    [17, 16, undefined, "refused"],
    [16, 17, 16, "allowed"],
    [16, 18, 16, "allowed"],
    // After the upgrade the setting may stay.
    [17, 17, 16, "allowed"],
    // It allows the one step that it names, in no other direction and from nowhere else.
    [17, 16, 16, "refused"],
    [15, 17, 16, "refused"],
    [16, 17, 15, "refused"],
    [16, 17, 17, "refused"],
  ];
  for (const [from, to, upgradedFrom, answer] of rows)
    it(`from ${from} to ${to} with upgradedFrom ${upgradedFrom ?? "not set"} is ${answer}`, () => {
      const text = majorChange("prod", from, to, upgradedFrom);
      assert.equal(text === undefined ? "allowed" : "refused", answer);
    });

  it("is none where one of them is not known: PostgreSQL comes, or goes", () => {
    assert.equal(majorChange("prod", undefined, 17), undefined);
    assert.equal(majorChange("prod", 16, undefined), undefined);
  });

  it("is refused with the steps to take, forwards and back", () => {
    assert.equal(majorChange("prod", 16, 17), REFUSED);
    assert.equal(majorChange("prod", 17, 16), REFUSED_BACK);
  });
});

describe("data of PostgreSQL that is there already", () => {
  const alpine = { major: 16, user: "70:70" };
  const debian = { major: 16, user: "999:999" };
  const KIND = `images.postgres: this image runs PostgreSQL as 999:999, and the data belongs to 70:70, the user of the image before. Alpine's C library also sorts texts otherwise than Debian's, so its indexes would be wrong. Nothing was changed. Stay with images of one kind, with "alpine" in the tag or without, and change the kind together with the next major version, which gets a volume of its own`;

  it("is none before the first deployment", () => {
    refuseOtherData("prod", {}, alpine, undefined);
  });

  it("is used by the same major version and user", () => {
    refuseOtherData("prod", { postgresMajor: 16, postgresUser: "70:70" }, alpine, undefined);
    // An older program did not say the user.
    refuseOtherData("prod", { postgresMajor: 16 }, debian, undefined);
  });

  it("is not for another user", () => {
    assert.throws(
      () => {
        refuseOtherData("prod", { postgresMajor: 16, postgresUser: "70:70" }, debian, undefined);
      },
      { message: KIND },
    );
  });

  it("is not for another major version, unless it was moved from the one that ran", () => {
    const last = { postgresMajor: 16, postgresUser: "70:70" };
    const next = { major: 17, user: "999:999" };
    for (const upgradedFrom of [undefined, 15])
      assert.throws(
        () => {
          refuseOtherData("prod", last, next, upgradedFrom);
        },
        // Pulumi prints a RunError without a stack trace.
        (error) => error instanceof pulumi.RunError && error.message === REFUSED,
      );
    // Another major version has a volume of its own, so its user may be another, too.
    refuseOtherData("prod", last, next, 16);
  });
});
