import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { dumpFolder, DumpArgs, dumpScript, NOT_RUNNING } from "../../../../tools/deploy/host/dump";
import { fakeHost, FakeHost } from "../fake-docker";

/** A PostgreSQL of the version in $HOME/version, which runs as 70:70 and has two databases. */
const POSTGRES = `case "$1" in
ps) [ -e "$HOME/stopped" ] || echo container;;
inspect) echo 70:70;;
exec)
  shift
  [ "$1 $2 $3 $4" = "-i -u 70:70 container" ] || exit 9
  shift 4
  case "$*" in
  *server_version_num*) cat "$HOME/version";;
  *pg_database*) echo n8n; echo postgres;;
  pg_dumpall*) echo 'CREATE ROLE n8n;';;
  pg_dump*) for database; do :; done; echo "dump of $database"; [ ! -e "$HOME/broken" ];;
  "pg_restore --list") cat;;
  "pg_restore -f /dev/null") cat >/dev/null;;
  *) exit 8;;
  esac;;
*) exit 7;;
esac`;

describe("a dump of the databases", () => {
  let host: FakeHost;
  let folder: string;
  beforeEach(() => {
    host = fakeHost(POSTGRES);
    folder = join(host.home, "dumps");
    version(160004);
  });
  afterEach(() => {
    host.remove();
  });

  const version = (number: number): void => {
    writeFileSync(join(host.home, "version"), `${number}\n`);
  };
  const old = (...names: readonly string[]): void => {
    for (const name of names) {
      mkdirSync(join(folder, name), { recursive: true });
      writeFileSync(join(folder, name, "n8n.dump"), "old");
    }
  };
  const dump = (change: Partial<DumpArgs> = {}) =>
    host.shell(
      dumpScript({
        stack: "s",
        directory: folder,
        keep: 2,
        now: new Date("2026-02-01T03:04:05.678Z"),
        ...change,
      }),
    );
  const there = (): string[] => readdirSync(folder).sort();

  it("is a folder for nobody else, named after version and moment, with every database and the roles", async () => {
    const { code, stdout } = await dump();
    assert.equal(code, 0);
    const name = "s-postgres-16-20260201T030405Z";
    assert.equal(dumpFolder(stdout), join(folder, name));
    assert.deepEqual(there(), [name]);
    assert.deepEqual(readdirSync(join(folder, name)).sort(), [
      "globals.sql",
      "n8n.dump",
      "postgres.dump",
    ]);
    assert.equal(readFileSync(join(folder, name, "n8n.dump"), "utf8"), "dump of n8n\n");
    assert.equal(statSync(join(folder, name)).mode & 0o777, 0o700);
    assert.equal(statSync(join(folder, name, "n8n.dump")).mode & 0o777, 0o600);
  });

  it("goes to a folder of the stack in the home where none is configured", async () => {
    const script = dumpScript({ stack: "s", keep: 1, now: new Date("2026-02-01T03:04:05Z") });
    assert.equal(
      dumpFolder((await host.shell(script)).stdout),
      join(host.home, "pinned-stack-backups/s/s-postgres-16-20260201T030405Z"),
    );
  });

  it("stays, whatever version and time the others have, and the newest of them", async () => {
    old(
      "s-postgres-17-20260102T000000Z",
      "s-postgres-17-20260101T000000Z",
      "s-postgres-9-20260103T000000Z",
    );
    const { stdout } = await dump();
    assert.deepEqual(there(), ["s-postgres-16-20260201T030405Z", "s-postgres-9-20260103T000000Z"]);
    assert.equal(stdout.split("\n").filter((line) => line.startsWith("pruned=")).length, 2, stdout);
    // Of a machine whose clock is ahead.
    old("s-postgres-16-20300101T000000Z");
    await dump({ keep: 1, now: new Date("2026-02-02T00:00:00Z") });
    assert.deepEqual(there(), ["s-postgres-16-20260202T000000Z"]);
  });

  it("leaves what other stacks have in the same folder", async () => {
    const others = [
      ".partial-7@s-postgres-eu",
      "S-postgres-16-20260101T000000Z",
      "s-postgres-eu-postgres-16-20260101T000000Z",
      "x-s-postgres-16-20260101T000000Z",
    ];
    old(...others, ".partial-7@s", "s-postgres-16-20260101T000000Z");
    await dump({ keep: 1 });
    assert.deepEqual(there(), [...others, "s-postgres-16-20260201T030405Z"].sort());
  });

  it("leaves nothing when it fails, and keeps the old ones", async () => {
    old("s-postgres-16-20260101T000000Z");
    writeFileSync(join(host.home, "broken"), "");
    assert.notEqual((await dump({ keep: 1 })).code, 0);
    assert.deepEqual(there(), ["s-postgres-16-20260101T000000Z"]);
  });

  it("says where no PostgreSQL runs", async () => {
    writeFileSync(join(host.home, "stopped"), "");
    const { code, stderr } = await dump();
    assert.deepEqual([code, stderr], [NOT_RUNNING, "PostgreSQL is not running\n"]);
  });
});
