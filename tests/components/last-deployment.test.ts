import assert from "node:assert/strict";

import { LastDeployment, lastDeployment } from "../../components/last-deployment";
import { record } from "../support/pulumi-mocks";

/** What is read of a stack whose last deployment left these outputs. */
async function after(outputs: Readonly<Record<string, unknown>>): Promise<LastDeployment> {
  let read: LastDeployment | undefined;
  const { resources } = await record(
    async () => {
      read = await lastDeployment("prod");
    },
    { stack: "prod", outputs: () => ({ outputs, secretOutputNames: [] }) },
  );
  assert.deepEqual(resources, [
    {
      type: "pulumi:pulumi:StackReference",
      name: "prod-last-deployment",
      custom: true,
      inputs: { name: "organization/pinned-stack/prod" },
      options: {},
    },
  ]);
  assert.ok(read);
  return read;
}

describe("the last deployment of a stack", () => {
  it("said nothing before the first one", async () => {
    assert.deepEqual(await after({}), { images: {}, imagesSince: {} });
  });

  it("said what runs, since when, and whose data PostgreSQL keeps", async () => {
    const said = {
      images: { traefik: "traefik:v3.6.4" },
      imagesSince: { traefik: "2026-01-31" },
      postgresMajor: 16,
      postgresUser: "70:70",
    };
    assert.deepEqual(await after({ ...said, restrictions: [] }), said);
  });

  it("is not believed where it has another shape", async () => {
    const odd = { images: "none", imagesSince: { a: 1, b: "2026-01-31" }, postgresMajor: "16" };
    assert.deepEqual(await after({ ...odd, postgresUser: null }), {
      images: {},
      imagesSince: { b: "2026-01-31" },
    });
  });
});
