import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { join } from "node:path";

import { IMAGES } from "../support/requirements";
import { succeeded, type Result } from "../support/run";
import { until } from "../support/until";
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
    await sql("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('before')");
  });

  afterEach(async function () {
    // A scenario that fails must not take those after it with it.
    if (this.currentTest?.state === "failed") await stack.settle();
    else await stack.reset();
  });

  const sql = async (text: string): Promise<string> => {
    const words = ["psql", "-X", "-At", "-U", "postgres", "-d", "n8n", "-c", text];
    const inside = ["exec", "-i", "-u", "70:70", `${stack.name}-postgres`, ...words];
    return succeeded("psql", await world().docker.cli(inside)).stdout.trim();
  };
  /** The own host's /run/home, as this machine sees it. */
  const outside = (path: string): string => join(world().host.directory, path.replace(/^\//, ""));
  const volumes = (): Promise<string> => world().docker.ask("volume", "ls", "-q");
  /** As docs/operations.md says. */
  const restore = async (folder: string): Promise<void> => {
    const script = `docker stop ${stack.name}-n8n
docker exec -i -u 70:70 ${stack.name}-postgres pg_restore -U postgres --clean --if-exists --exit-on-error -d n8n <"${folder}/n8n.dump"
docker start ${stack.name}-n8n`;
    succeeded("restore", await world().host.run("sh", ["-ec", script]));
  };
  const upgradedFrom = (major: number): string =>
    `  pinned-stack:services: { n8n: { enabled: true }, portainer: { enabled: false }, postgres: { upgradedFrom: ${major} } }`;

  it("dumps first, keeps the data, and shows no secret", async () => {
    stack.images.postgres = await stack.variant("postgres", "rebuild");
    await stack.configure();
    const result = await stack.command("deploy", "--yes");
    assert.equal(result.code, 0, all(result));
    stack.accept();
    assert.doesNotMatch(all(result), /canary/);
    const folder = /the dump is in (\S+) on the host/.exec(result.stderr)?.[1] ?? "";
    assert.match(folder, /^\/run\/home\/pinned-stack-backups\/\w+\/\w+-postgres-\d+-\d{8}T\d{6}Z$/);
    for (const file of ["n8n.dump", "globals.sql"]) {
      const { mode, size } = await stat(outside(join(folder, file)));
      assert.equal(mode & 0o777, 0o600);
      assert.ok(size > 0);
    }
    assert.equal(await sql("SELECT word FROM kept"), "before");
  });

  it("makes a dump that brings the data back, as docs/operations.md says", async () => {
    const made = succeeded("dump", await stack.command("deploy", "--dump"));
    await sql("UPDATE kept SET word = 'after'");
    await restore(made.stdout.trim());
    assert.equal(await sql("SELECT word FROM kept"), "before");
  });

  it("has touched nothing when Ctrl-C comes at the dump, and leaves no part of one", async () => {
    const before = await stack.running();
    stack.images.postgres = await stack.variant("postgres", "rebuild");
    await stack.configure();
    const result = await stack.commandUntil(
      "deploy",
      ["--yes"],
      /^\d+:\d\d database dump/m,
      (pid) => void process.kill(pid, "SIGINT"),
    );
    assert.equal(result.code, 130, all(result));
    assert.deepEqual(await stack.running(), before);
    assert.equal(await stack.isLocked(), false);
    // Over SSH the script notices by itself.
    await until("the end of the dump", async () => {
      const left = await world().host.run("sh", [
        "-c",
        "ls -d /run/home/pinned-stack-backups/*/.partial-*",
      ]);
      return left.stdout === "" || undefined;
    });
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
    assert.match(result.stderr, /cannot dump the databases: .*No space left on device/is);
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
      /PostgreSQL 17 cannot read the data of PostgreSQL 16, which ran last; nothing was changed/,
    );
  });

  /** A PostgreSQL 17 that prints its passwords and ends. */
  const leaky = async (): Promise<string> => {
    const { docker, registry } = world();
    const tag = `${registry.name}/library/postgres:17-alpine-leaky`;
    const made = await docker.ask("create", stack.images.postgres ?? "");
    const entrypoint = 'ENTRYPOINT ["sh", "-c", "cat /run/secrets/postgres/*; echo; exit 1"]';
    await docker.ask("commit", "--change", entrypoint, made, tag);
    await docker.ask("rm", made);
    await docker.ask("push", "--quiet", tag);
    const pushed = await docker.ask("inspect", "--format", "{{index .RepoDigests 0}}", tag);
    return `${tag}@${pushed.split("@")[1] ?? ""}`;
  };

  it("comes back from a new major version that does not start, with the data, and shows none of its secrets", async () => {
    const before = await stack.running();
    // It is waited for until it is healthy; the usual time is longer than a test needs.
    const undo = await stack.patch(
      "components/services/postgres.ts",
      "startSeconds: 60",
      "startSeconds: 1",
    );
    stack.images.postgres = await leaky();
    await stack.configure(upgradedFrom(16));
    const result = await stack.command("deploy", "--yes", "--allow-delete");
    await undo();
    assert.equal(result.code, 1, all(result));
    assert.match(result.stderr, /postgres is restarting.*\n( +\| .*\n)* +\| \[secret\]/);
    assert.doesNotMatch(all(result), /canary/);
    assert.match(result.stderr, /running: deployment \d+ of .* again, everything is healthy/);
    assert.deepEqual(await stack.running(), before);
    assert.equal(await sql("SELECT word FROM kept"), "before");
    assert.match(await volumes(), /-postgres-16-data\n(?:.*\n)*.*-postgres-17-data/);
  });

  it("moves the data into the empty volume of a new major version, as docs/operations.md says", async () => {
    const made = succeeded("dump", await stack.command("deploy", "--dump"));
    stack.images.postgres = stack.images.postgres?.replace(":16-", ":17-") ?? "";
    await stack.configure(upgradedFrom(16));
    const result = await stack.command("deploy", "--yes", "--allow-delete");
    assert.equal(result.code, 0, all(result));
    assert.match(result.stdout, /ORPHANED: volume \w+-postgres-16-data leaves the stack/);
    stack.accept();
    assert.equal(await sql("SELECT to_regclass('kept')"), "");
    await restore(made.stdout.trim());
    assert.equal(await sql("SELECT word FROM kept"), "before");
    const drift = await stack.command("drift");
    assert.equal(drift.code, 0, all(drift));
  });

  it("lets a service go only when told to, and leaves its data on the host", async () => {
    const data = /ORPHANED: volume (\w+-postgres-\d+-data) leaves the stack/;
    delete stack.images.n8n;
    delete stack.images.postgres;
    const off =
      "  pinned-stack:services: { n8n: { enabled: false }, portainer: { enabled: false } }";
    await stack.configure(off);
    const refused = await stack.command("deploy", "--yes");
    assert.equal(refused.code, 1, all(refused));
    const [, volume = ""] = data.exec(refused.stdout) ?? [];
    assert.match(refused.stderr, /to accept this, add --allow-delete; nothing was changed/);
    const result = await stack.command("deploy", "--yes", "--allow-delete");
    assert.equal(result.code, 0, all(result));
    assert.deepEqual(Object.keys(await stack.running()).sort(), ["homepage", "traefik"]);
    assert.ok((await volumes()).split("\n").includes(volume), volume);
  });
});
