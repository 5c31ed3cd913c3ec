import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { join } from "node:path";

import { IMAGES } from "../support/requirements";
import { succeeded, type Result } from "../support/run";
import { useWorld } from "../support/world";
import { deployStack, type DeployStack } from "./deploy-stack";

const all = (result: Result): string => `${result.stdout}${result.stderr}`;

describe("a deployment of PostgreSQL", function () {
  this.timeout(300_000);
  const images = [IMAGES.traefik, IMAGES.homepage, IMAGES.n8n, IMAGES.postgres];
  const world = useWorld({ images, pulumi: true });
  let stack: DeployStack;

  before(async () => {
    stack = await deployStack(world(), ["traefik", "homepage", "n8n", "postgres"]);
    succeeded("deploy", await stack.command("deploy", "--yes"));
  });

  const inside = (...words: readonly string[]): Promise<Result> =>
    world().docker.cli(["exec", "-i", "-u", "70:70", `${stack.name}-postgres`, ...words]);
  const sql = async (text: string): Promise<string> =>
    succeeded(
      "psql",
      await inside("psql", "-X", "-At", "-U", "postgres", "-d", "n8n", "-c", text),
    ).stdout.trim();
  /** The own host's /run/home, as this machine sees it. */
  const outside = (path: string): string => join(world().host.directory, path.replace(/^\//, ""));

  it("dumps first, keeps the data, and shows no secret", async () => {
    await sql("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('before')");
    stack.images.postgres = await stack.variant("postgres", "rebuild");
    await stack.configure();
    const result = await stack.command("deploy", "--yes");
    assert.equal(result.code, 0, all(result));
    assert.doesNotMatch(all(result), /canary/);
    const folder = /the databases are in (\S+) on the host/.exec(result.stderr)?.[1] ?? "";
    assert.match(folder, /^\/run\/home\/pinned-stack-backups\/\w+\/\w+-postgres-16-\d{8}T\d{6}Z$/);
    for (const file of ["n8n.dump", "globals.sql"]) {
      const { mode, size } = await stat(outside(join(folder, file)));
      assert.equal(mode & 0o777, 0o600);
      assert.ok(size > 0);
    }
    assert.equal(await sql("SELECT word FROM kept"), "before");
  });

  it("makes a dump that brings the data back, as docs/operations.md says", async () => {
    const made = succeeded("dump", await stack.command("deploy", "--dump"));
    const folder = made.stdout.trim();
    await sql("DROP TABLE kept");
    const restore = `docker exec -i -u 70:70 ${stack.name}-postgres pg_restore -U postgres --clean --if-exists --exit-on-error -d n8n <"${folder}/n8n.dump"`;
    succeeded("restore", await world().host.run("sh", ["-c", restore]));
    assert.equal(await sql("SELECT word FROM kept"), "before");
  });

  it("is refused when the dump fails: a full disk", async () => {
    const before = await stack.running();
    const folder = "/run/home/full";
    succeeded("mkdir", await world().host.run("mkdir", ["-p", folder]));
    succeeded(
      "mount",
      await world().host.run("mount", ["-t", "tmpfs", "-o", "size=16k,mode=0777", "tmpfs", folder]),
    );
    stack.images.postgres = await stack.variant("postgres", "rebuild");
    await stack.configure(`  pinned-stack:backups: { directory: ${folder}, keep: 1 }`);
    const result = await stack.command("deploy", "--yes");
    assert.equal(result.code, 1, all(result));
    assert.match(result.stderr, /the databases could not be dumped: .*No space left on device/is);
    assert.deepEqual(await stack.running(), before);
    assert.equal((await world().host.run("ls", ["-A", folder])).stdout, "");
    succeeded("umount", await world().host.run("umount", [folder]));
  });

  it("is refused for another major version, with the steps", async () => {
    stack.images.postgres = stack.images.postgres?.replace(":16-", ":17-") ?? "";
    await stack.configure();
    const result = await stack.command("deploy", "--yes");
    assert.equal(result.code, 1, all(result));
    assert.match(
      result.stderr,
      /PostgreSQL 17 cannot read the data of PostgreSQL 16, which runs; nothing was changed/,
    );
  });

  it("lets a service go only when told to, and leaves its data on the host", async () => {
    delete stack.images.n8n;
    delete stack.images.postgres;
    const off =
      "  pinned-stack:services: { n8n: { enabled: false }, portainer: { enabled: false } }";
    await stack.configure(off);
    const refused = await stack.command("deploy", "--yes");
    assert.equal(refused.code, 1, all(refused));
    assert.match(refused.stderr, /volume \w+-postgres-16-data would leave the stack/);
    const result = await stack.command("deploy", "--yes", "--allow-delete");
    assert.equal(result.code, 0, all(result));
    assert.deepEqual(Object.keys(await stack.running()).sort(), ["homepage", "traefik"]);
    const volumes = await world().docker.ask("volume", "ls", "-q");
    assert.match(volumes, /-postgres-16-data/);
  });
});
