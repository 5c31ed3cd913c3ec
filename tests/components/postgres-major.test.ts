import assert from "node:assert/strict";

import * as pulumi from "@pulumi/pulumi";

import { refuseMajorChange, refuseOtherMajor } from "../../components/postgres-major";
import { record } from "../support/pulumi-mocks";

const REFUSED = `images.postgres: PostgreSQL 17 cannot read the data of PostgreSQL 16, which this stack runs. Nothing was changed. Either put the tag of 16 back, or move the data (docs/operations.md, "A new major version of PostgreSQL"):
  1. dump it while 16 runs
  2. in Pulumi.prod.yaml, set services.postgres.upgradedFrom: 16
  3. let go of the old volume, which stays on the host: npx pulumi state unprotect --stack prod and the name of prod-postgres-16-data
  4. deploy, and restore the dump`;

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
      const change = (): void => {
        refuseMajorChange("prod", from, to, upgradedFrom);
      };
      if (answer === "allowed") assert.doesNotThrow(change);
      else assert.throws(change, pulumi.RunError);
    });

  it("is refused with the steps to take, as a message without a stack trace", () => {
    assert.throws(
      () => {
        refuseMajorChange("prod", 16, 17, undefined);
      },
      (error) => {
        assert.ok(error instanceof pulumi.RunError);
        assert.equal(error.message, REFUSED);
        return true;
      },
    );
  });
});

describe("the major version that runs", () => {
  /** A stack whose last deployment left these outputs, and that is now to run PostgreSQL 17. */
  const deploy = (said: Readonly<Record<string, unknown>>, upgradedFrom?: number) =>
    record(() => refuseOtherMajor("prod", 17, upgradedFrom), {
      stack: "prod",
      outputs: () => ({ outputs: said, secretOutputNames: [] }),
    });

  it("is what the stack's last deployment said of itself, and asking for it registers nothing more", async () => {
    const { resources } = await deploy({ postgresMajor: 17 });
    assert.deepEqual(resources, [
      {
        type: "pulumi:pulumi:StackReference",
        name: "prod-last-deployment",
        custom: true,
        inputs: { name: "organization/pinned-stack/prod" },
        options: {},
      },
    ]);
  });

  it("stops a deployment that cannot read its data", async () => {
    await assert.rejects(deploy({ postgresMajor: 16 }), (error) => {
      assert.ok(error instanceof pulumi.RunError);
      assert.equal(error.message, REFUSED);
      return true;
    });
  });

  it("stops nothing when the data was moved from it", async () => {
    const { resources } = await deploy({ postgresMajor: 16 }, 16);
    assert.equal(resources.length, 1);
  });

  it("stops a deployment when the data was moved from another one", async () => {
    await assert.rejects(deploy({ postgresMajor: 16 }, 15), { message: REFUSED });
  });

  it("is none before the first deployment, or where PostgreSQL was off", async () => {
    assert.equal((await deploy({})).resources.length, 1);
    assert.equal((await deploy({ images: { traefik: "traefik:v3.6.4" } })).resources.length, 1);
  });
});
