/**
 * PostgreSQL 16, 17 and 18 after each other, with 1 GiB of data beside n8n's: how long it takes, how long n8n is away, and
 * whether every row arrives. By hand: PINNED_STACK_MAJORS=1 and PINNED_STACK_TEST_DISK=14g, the size of the own host's disk.
 */
import assert from "node:assert/strict";

import { faultStack, type FaultStack } from "../../support/faults-stack";
import { IMAGES, N8N_2, POSTGRES_17 } from "../../support/requirements";
import { succeeded } from "../../support/run";
import { useWorld } from "../../support/world";

const N8N = N8N_2.replace("2.40.7", "1.123.81");
const POSTGRES_16 = "library/postgres:16.2-alpine";
const POSTGRES_18 = "library/postgres:18-alpine";
/** About 1 GiB: 128 bytes of text in each row that no compression makes small. */
const FILL = `CREATE TABLE big AS SELECT n AS id, md5(n::text) || md5((n + 1)::text) || md5((n + 2)::text) || md5((n + 3)::text) AS content
FROM generate_series(1, 6000000) AS n; CHECKPOINT`;
const CONTENT = "SELECT count(*) || ' ' || sum(hashtext(content)::bigint) FROM big";

describe("PostgreSQL from major version to major version", function () {
  this.timeout(1_200_000);
  if (process.env["PINNED_STACK_MAJORS"] !== "1") {
    it("is asked for by PINNED_STACK_MAJORS=1", function () {
      this.skip();
    });
    return;
  }
  const world = useWorld({
    images: [IMAGES.traefik, N8N, POSTGRES_16, POSTGRES_17, POSTGRES_18],
    pulumi: true,
  });
  let stack: FaultStack;
  let content: string;

  const sql = async (text: string): Promise<string> => {
    const mine = ["--filter", `label=pinned-stack.stack=${stack.name}`];
    const id = await world().docker.ask(
      "ps",
      "-q",
      ...mine,
      "--filter",
      "label=pinned-stack.container=postgres",
    );
    const words = ["exec", id, "psql", "-X", "-At", "-U", "postgres", "-d", "n8n", "-c", text];
    return succeeded("psql", await world().docker.cli(words, { timeout: 600_000 })).stdout.trim();
  };

  before(async () => {
    stack = await faultStack(world(), "majors", {
      // A machine with other work takes its time for 1 GiB, three times.
      timeout: 1_100_000,
      images: {
        traefik: await world().pinned(IMAGES.traefik),
        n8n: await world().pinned(N8N),
        postgres: await world().pinned(POSTGRES_16),
      },
      services: {
        homepage: { enabled: false },
        portainer: { enabled: false },
        // The own host's disk is in memory, and what a container writes there counts towards its limit.
        postgres: { memoryMiB: 4096 },
      },
    });
    await sql(FILL);
    content = await sql(CONTENT);
    console.log(`      ${await sql("SELECT pg_size_pretty(pg_database_size('n8n'))")}: ${content}`);
  });

  for (const image of [POSTGRES_17, POSTGRES_18])
    it(`takes everything over into ${image}`, async () => {
      await stack.use({ postgres: await world().pinned(image) });
      const probe = stack.probe("n8n");
      const { code, ms, stdout, stderr } = await stack.begin("deploy").ended;
      const { failures, requests, longestGap } = await probe.stop();
      console.log(
        `      ${image}: exit code ${code}, ${Math.round(ms / 1000)} s; n8n: ${failures} of ${requests} requests failed, longest gap ${(longestGap / 1000).toFixed(1)} s`,
      );
      assert.equal(code, 0, stdout + stderr);
      console.log(stderr.replace(/^/gm, "      | "));
      assert.match(
        await sql("SHOW server_version"),
        new RegExp(`^${/:(\d+)/.exec(image)?.[1] ?? ""}\\.`),
      );
      assert.equal(await sql(CONTENT), content);
      await stack.hasData();
      const drift = await stack.command("drift");
      assert.equal(drift.code, 0, drift.stdout + drift.stderr);
      succeeded("--forget-old-data", await stack.command("deploy", "--forget-old-data", "--yes"));
    });
});
