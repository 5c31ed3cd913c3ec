/** Backups with the real restic: made, listed, proved on scratch containers, restored, and damaged on purpose. */
import assert from "node:assert/strict";
import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { IMAGES, RESTIC } from "../support/requirements";
import { succeeded, type Result } from "../support/run";
import { useWorld } from "../support/world";
import { deployStack, type DeployStack } from "./deploy-stack";

const all = (result: Result): string => `${result.stdout}${result.stderr}`;
const PASSWORD = "canary-backupPassword-0123456789";

describe("backups", function () {
  this.timeout(300_000);
  const world = useWorld({
    images: [IMAGES.traefik, IMAGES.homepage, IMAGES.n8n, IMAGES.postgres, RESTIC],
    pulumi: true,
  });
  let stack: DeployStack;
  /** The repository, inside the tests' own host. */
  const REPOSITORY = "/run/home/repository";
  const outside = (path: string): string => join(world().host.directory, path.replace(/^\//, ""));
  const printed: string[] = [];

  const backup = async (...args: readonly string[]): Promise<Result> => {
    const result = await stack.command("backup", ...args);
    printed.push(all(result));
    return result;
  };
  const restore = async (...args: readonly string[]): Promise<Result> => {
    const result = await stack.command("restore", "--yes", ...args);
    printed.push(all(result));
    return result;
  };
  const idOf = async (container: string): Promise<string> =>
    (
      await world().docker.ask(
        ...["ps", "-q", "--filter", `label=pinned-stack.stack=${stack.name}`],
        ...["--filter", `label=pinned-stack.container=${container}`],
      )
    ).trim();
  const inContainer = async (container: string, ...words: readonly string[]): Promise<string> =>
    succeeded(
      words.join(" "),
      await world().docker.cli(["exec", "-i", await idOf(container), ...words]),
    ).stdout.trim();
  const sql = (text: string): Promise<string> =>
    inContainer("postgres", "psql", "-X", "-At", "-U", "postgres", "-d", "n8n", "-c", text);
  const doctor = async (): Promise<string> => {
    const result = await stack.command("doctor");
    printed.push(all(result));
    return all(result);
  };
  /** What a proof or a restore uses for a while. */
  const leftovers = async (): Promise<string> => {
    const found = await Promise.all(
      ["trial", "helper", "restored"].flatMap((role) => [
        world().docker.ask("ps", "-aq", "--filter", `label=hardened.role=${role}`),
        world().docker.ask("volume", "ls", "-q", "--filter", `label=hardened.role=${role}`),
      ]),
    );
    return found.join("");
  };

  before(async () => {
    const keep = "keep: { daily: 2 }";
    stack = await deployStack(world(), ["traefik", "homepage", "n8n", "postgres"], {
      images: { backup: await world().pinned(RESTIC) },
      secrets: { backupPassword: PASSWORD },
      lines: [
        `  pinned-stack:services: { portainer: { enabled: false }, backup: { enabled: true, repository: { address: ${REPOSITORY} }, ${keep} } }`,
      ],
    });
    succeeded("deploy", await stack.command("deploy", "--yes"));
    await sql("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('before')");
    await inContainer("n8n", "sh", "-c", "echo before > /home/node/.n8n/kept");
  });

  it("says that there is no repository, creates one, and not twice", async () => {
    const none = await backup("--now");
    assert.equal(none.code, 1, all(none));
    assert.match(
      none.stderr,
      /FAILED: there is no repository at services\.backup\.repository\.address; .*--init/,
    );
    const made = await backup("--init");
    assert.equal(made.code, 0, all(made));
    const again = await backup("--init");
    assert.equal(again.code, 1, all(again));
    assert.match(again.stderr, /FAILED: there is a repository already; it was not touched/);
    const empty = await backup("--verify");
    assert.equal(empty.code, 1, all(empty));
    assert.match(empty.stderr, /no backup of stack \w+; make one: npm run backup/);
  });

  it("saves databases and volumes while they are in use, and lists them", async () => {
    const made = await backup("--now");
    assert.equal(made.code, 0, all(made));
    assert.match(made.stderr, /postgres: saved \d+ bytes, sent \d+ bytes/);
    assert.match(made.stderr, /n8n: saved \d+ bytes, sent \d+ bytes/);
    const list = await backup("--list");
    assert.match(list.stdout, /^\d{8}T\d{6}Z +n8n \(.*\), postgres \(.*\)$/m, all(list));
  });

  it("proves a backup on scratch containers, and doctor says when", async () => {
    const before = await doctor();
    assert.match(
      before,
      /ok +backup: last: postgres less than an hour ago, n8n less than an hour ago/,
    );
    assert.match(before, /unknown +restore: no backup was ever restored on trial/);
    const running = await stack.running();
    const proved = await backup("--verify");
    assert.equal(proved.code, 0, all(proved));
    assert.match(
      proved.stderr,
      /restored 2 databases of \d+ tables .* into a scratch server; all row counts match/,
    );
    assert.match(proved.stderr, /proved in \d+ seconds: postgres, n8n/);
    assert.deepEqual(await stack.running(), running);
    assert.equal(await leftovers(), "");
    assert.match(
      await doctor(),
      /ok +restore: backup \d{8}T\d{6}Z was restored on trial less than an hour ago/,
    );
  });

  it("restores databases and volumes, and keeps what was there", async () => {
    await sql("UPDATE kept SET word = 'after'");
    await inContainer("n8n", "sh", "-c", "echo after > /home/node/.n8n/kept");
    const unknown = await restore("20010101T000000Z");
    assert.equal(unknown.code, 1, all(unknown));
    assert.match(unknown.stderr, /has no backup of 20010101T000000Z; .* shows them/);
    const result = await restore();
    assert.equal(result.code, 0, all(result));
    assert.match(
      result.stderr,
      /the current databases are dumped to \S+\n.*\n.*the current data of n8n is in the volume \w+-n8n-replaced/,
    );
    assert.equal(await sql("SELECT word FROM kept"), "before");
    assert.equal(await inContainer("n8n", "cat", "/home/node/.n8n/kept"), "before");
    assert.equal(await inContainer("n8n", "stat", "-c", "%u:%g", "/home/node/.n8n"), "1000:1000");
    assert.equal(await leftovers(), "");
  });

  it("does not prove credentials that n8n's key does not decrypt", async () => {
    await sql(
      `INSERT INTO credentials_entity (id, name, data, type) VALUES ('broken', 'broken', 'U2FsdGVkX18AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', 'httpBasicAuth')`,
    );
    const made = await backup("--now");
    assert.equal(made.code, 0, all(made));
    const result = await backup("--verify");
    assert.equal(result.code, 1, all(result));
    assert.match(result.stderr, /n8n: .* cannot decrypt its credentials/);
    assert.match(result.stderr, /NOT PROVED: n8n would not have worked\n/);
    assert.equal(await leftovers(), "");
    await sql("DELETE FROM credentials_entity");
  });

  /** Saves the newest dump once more, changed by a shell command in its folder. */
  const damagedDump = async (command: string): Promise<void> => {
    await inContainer("postgres-dumps", "sh", "/backup/dumps.sh", "now");
    const folders = await inContainer("postgres-dumps", "sh", "-c", "ls -d /dumps/*-postgres-*");
    const folder = folders.split("\n").sort().at(-1) ?? "";
    await inContainer("postgres-dumps", "sh", "-c", `cd ${folder} && ${command}`);
    const time = new Date(Date.now() + 1000)
      .toISOString()
      .replace(/\.\d+Z$/, "Z")
      .replace(/[-:]/g, "");
    await inContainer("backup", "sh", "/backup/backup.sh", "save", time, "postgres", folder);
  };

  it("does not prove a dump that was cut off, or one with other row counts", async () => {
    await damagedDump("head -c 4000 n8n.dump > cut && cat cut > n8n.dump && rm cut");
    const cut = await backup("--verify");
    assert.equal(cut.code, 1, all(cut));
    assert.match(cut.stderr, /NOT PROVED: the dump \S+ could not be restored/);
    await damagedDump("sed -i 's/public.kept|1$/public.kept|2/' counts");
    const other = await backup("--verify");
    assert.equal(other.code, 1, all(other));
    assert.match(other.stderr, /before: +n8n\|public\.kept\|2\n.*after: +n8n\|public\.kept\|1/);
    assert.match(other.stderr, /NOT PROVED: the restored databases have other row counts/);
    const refused = await restore("--service", "traefik");
    assert.equal(refused.code, 1, all(refused));
    assert.match(refused.stderr, /saves nothing of this name; expected one of postgres, n8n/);
  });

  it("says what is wrong with a lock left behind, a damaged repository and another password", async () => {
    const folder = outside(REPOSITORY);
    const lock = "restic --no-cache -q check --read-data --limit-download 1 & sleep 1; kill -9 $!";
    const password = "RESTIC_PASSWORD_FILE=/run/secrets/backup/password";
    await world().docker.cli(["exec", "-e", password, await idOf("backup"), "sh", "-c", lock]);
    const locked = await backup("--now");
    assert.equal(locked.code, 1, all(locked));
    assert.match(
      locked.stderr,
      /FAILED: another restic works on the repository or has left a lock; .*--unlock/,
    );
    assert.equal((await backup("--unlock")).code, 0);

    const packs = await readdir(join(folder, "data"), { recursive: true, withFileTypes: true });
    const files = packs.filter((entry) => entry.isFile());
    const kept = await Promise.all(
      files.map(async ({ parentPath, name }) => {
        const path = join(parentPath, name);
        return { path, bytes: await readFile(path) };
      }),
    );
    for (const { path, bytes } of kept)
      await writeFile(
        path,
        Buffer.from(bytes.map((byte, index) => (index === 30 ? byte ^ 1 : byte))),
      );
    const running = await stack.running();
    const damaged = await backup("--verify");
    assert.equal(damaged.code, 1, all(damaged));
    assert.match(damaged.stderr, /FAILED: the repository is damaged; /);
    const refused = await restore();
    assert.equal(refused.code, 1, all(refused));
    assert.match(
      refused.stderr,
      /REFUSED: .* cannot be read from the backup; no running container was touched/,
    );
    assert.deepEqual(await stack.running(), running);
    for (const { path, bytes } of kept) await writeFile(path, bytes);

    const key = (await readdir(join(folder, "keys")))[0] ?? "";
    const words = ["key", "add", "--insecure-no-password", "--quiet"];
    await world().docker.cli([
      "exec",
      "-e",
      password,
      await idOf("backup"),
      "restic",
      "--no-cache",
      ...words,
    ]);
    await rm(join(folder, "keys", key));
    const other = await backup("--list");
    assert.equal(other.code, 1, all(other));
    assert.match(
      other.stderr,
      /FAILED: the password of the repository is another one; set pinned-stack:backupPassword/,
    );
    const told = await doctor();
    assert.match(told, /problem +backup: FAILED: the password of the repository is another one/);
  });

  it("shows its secrets nowhere", async () => {
    const ids = (await world().docker.ask("ps", "-aq")).split("\n").filter(Boolean);
    const seen = [
      ...printed,
      await world().docker.ask("inspect", ...ids),
      ...(await Promise.all(ids.map(async (id) => all(await world().docker.cli(["logs", id]))))),
      (await world().host.run("ps", ["-eo", "args"])).stdout,
      all(await stack.command("deploy", "--history")),
    ]
      .join("\n")
      .split("\n")
      // This n8n takes its key from nowhere else, which is an exemption.
      .filter((line) => !line.trim().startsWith('"N8N_ENCRYPTION_KEY='))
      .join("\n");
    assert.match(seen, /backup\.sh/);
    const drift = await stack.command("drift");
    assert.equal(drift.code, 0, all(drift));
    assert.doesNotMatch(seen, /canary-/);
    const { stdout } = await world().host.run("grep", [
      ...["-rl", "--exclude-dir=tests", PASSWORD, stack.stack.project],
    ]);
    assert.equal(stdout, "");
  });
});
