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
  this.timeout(600_000);
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

  const inPostgres = async (): Promise<string> =>
    (
      await world().docker.ask(
        ...["ps", "-q", "--filter", `label=pinned-stack.stack=${stack.name}`],
        ...["--filter", "label=pinned-stack.container=postgres"],
      )
    ).trim();
  const sql = async (text: string): Promise<string> => {
    const words = ["psql", "-X", "-At", "-U", "postgres", "-d", "n8n", "-c", text];
    const inside = ["exec", "-i", "-u", "70:70", await inPostgres(), ...words];
    return succeeded("psql", await world().docker.cli(inside)).stdout.trim();
  };
  /** The own host's /run/home, as this machine sees it. */
  const outside = (path: string): string => join(world().host.directory, path.replace(/^\//, ""));
  const volumes = (): Promise<string> => world().docker.ask("volume", "ls", "-q");
  /** What a trial or a replacement keeps for a while. */
  const leftovers = async (): Promise<string> => {
    const found = await Promise.all(
      ["trial", "before", "helper"].flatMap((role) => [
        world().docker.ask("ps", "-aq", "--filter", `label=hardened.role=${role}`),
        world().docker.ask("volume", "ls", "-q", "--filter", `label=hardened.role=${role}`),
        world().docker.ask("network", "ls", "-q", "--filter", `label=hardened.role=${role}`),
      ]),
    );
    return found.join("");
  };

  it("is tried on a dump first, keeps the data, and shows no secret", async () => {
    stack.images.postgres = await stack.variant("postgres", "rebuild");
    await stack.configure();
    const result = await stack.command("deploy", "--yes");
    assert.equal(result.code, 0, all(result));
    stack.accept();
    assert.doesNotMatch(all(result), /canary/);
    const folder = /tables from (\S+) into a scratch server/.exec(result.stderr)?.[1] ?? "";
    assert.match(folder, /^\/run\/home\/pinned-stack-backups\/\w+\/\w+-postgres-\d+-\d{8}T\d{6}Z$/);
    for (const file of ["n8n.dump", "globals.sql", "counts"]) {
      const { mode, size } = await stat(outside(join(folder, file)));
      assert.equal(mode & 0o777, 0o600);
      assert.ok(size > 0);
    }
    assert.equal(await sql("SELECT word FROM kept"), "before");
    assert.equal(await leftovers(), "");
  });

  it("is refused where its successor does not work on a copy, and nothing was touched", async () => {
    const before = await stack.running();
    stack.images.postgres = await stack.variant("postgres", "exits");
    await stack.configure();
    const result = await stack.command("deploy", "--yes");
    assert.equal(result.code, 1, all(result));
    assert.match(
      result.stderr,
      /REFUSED: postgres would not have worked; no running container was touched/,
    );
    assert.deepEqual(await stack.running(), before);
    assert.equal(await sql("SELECT word FROM kept"), "before");
    assert.equal(await leftovers(), "");
  });

  it("restores a dump, and dumps what is there before", async () => {
    const made = succeeded("dump", await stack.command("deploy", "--dump"));
    await sql("UPDATE kept SET word = 'after'");
    const result = await stack.command("deploy", "--restore", made.stdout.trim(), "--yes");
    assert.equal(result.code, 0, all(result));
    assert.match(result.stderr, /the current databases are dumped to \S+/);
    assert.equal(await sql("SELECT word FROM kept"), "before");
  });

  it("has touched nothing when Ctrl-C comes at the trial, and leaves no part of one", async () => {
    const before = await stack.running();
    stack.images.postgres = await stack.variant("postgres", "rebuild");
    await stack.configure();
    const result = await stack.commandUntil(
      "deploy",
      ["--yes"],
      /dumping the databases/,
      (pid) => void process.kill(pid, "SIGINT"),
    );
    assert.equal(result.code, 130, all(result));
    assert.equal(await stack.isLocked(), false);
    // The script on the host ends by itself.
    await until("the end of the trial", async () => (await leftovers()) === "" || undefined);
    await until("the end of the dump", async () => {
      const left = await world().host.run("sh", [
        "-c",
        "ls -d /run/home/pinned-stack-backups/*/.partial-*",
      ]);
      return left.stdout === "" || undefined;
    });
    assert.deepEqual(await stack.running(), before);
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
    assert.match(
      result.stderr,
      /No space left on device[^]*REFUSED: the databases could not be dumped/i,
    );
    assert.deepEqual(await stack.running(), before);
    succeeded("umount", await world().host.run("umount", [folder]));
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
    stack.images.postgres = await leaky();
    await stack.configure();
    const result = await stack.command("deploy", "--yes", "--without-trial");
    assert.equal(result.code, 3, all(result));
    assert.match(
      result.stderr,
      /postgres: the new container keeps exiting.*\n( +\| .*\n)* +\| \[secret\]/,
    );
    assert.doesNotMatch(all(result), /canary/);
    assert.match(result.stderr, /RETURNED: deployment \d+ of .* again with its data/);
    assert.deepEqual(await stack.running(), before);
    assert.equal(await sql("SELECT word FROM kept"), "before");
    assert.match(await volumes(), /-postgres-16-data\n/);
  });

  it("takes the data over into a new major version, and back, and forgets the old data when told to", async () => {
    stack.images.postgres = stack.images.postgres?.replace(":16-", ":17-") ?? "";
    await stack.configure();
    const result = await stack.command("deploy", "--yes");
    assert.equal(result.code, 0, all(result));
    assert.match(result.stderr, /tables with all their rows are in \w+-postgres-17-data/);
    assert.equal(await sql("SELECT word FROM kept"), "before");
    await sql("UPDATE kept SET word = 'after'; INSERT INTO kept VALUES ('more')");
    const back = await stack.command("deploy", "--rollback", "--yes");
    assert.equal(back.code, 0, all(back));
    assert.match(back.stderr, /after: +n8n\|public\.kept\|1/);
    assert.equal(await sql("SELECT word FROM kept"), "before");
    await stack.configure();
    const again = await stack.command("deploy", "--yes");
    assert.equal(again.code, 1, all(again));
    assert.match(again.stderr, /REFUSED: \w+-postgres-17-data holds data of PostgreSQL 17/);
    const forget = await stack.command("deploy", "--forget-old-data", "--yes");
    assert.equal(forget.code, 0, all(forget));
    const forward = await stack.command("deploy", "--yes");
    assert.equal(forward.code, 0, all(forward));
    stack.accept();
    assert.equal(await sql("SELECT word FROM kept"), "before");
    const drift = await stack.command("drift");
    assert.equal(drift.code, 0, all(drift));
    assert.equal(await leftovers(), "");
  });

  it("lets a service go only when told to, and leaves its data on the host", async () => {
    delete stack.images.n8n;
    delete stack.images.postgres;
    const off =
      "  pinned-stack:services: { n8n: { enabled: false }, portainer: { enabled: false } }";
    await stack.configure(off);
    const refused = await stack.command("deploy", "--yes");
    assert.equal(refused.code, 1, all(refused));
    assert.match(refused.stdout, /ORPHANED: volume \w+-n8n-data leaves the stack/);
    assert.match(refused.stderr, /to accept this, add --allow-delete; nothing was changed/);
    const result = await stack.command("deploy", "--yes", "--allow-delete");
    assert.equal(result.code, 0, all(result));
    assert.deepEqual(Object.keys(await stack.running()).sort(), ["homepage", "traefik"]);
    assert.match(await volumes(), /-n8n-data\n(?:.*\n)*\w+-postgres-17-data/);
  });
});
