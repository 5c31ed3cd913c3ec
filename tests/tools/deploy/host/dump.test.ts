import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { StackConfig } from "../../../../config/types";
import { HostError, HostShell, ShellResult } from "../../../../host/shell";
import { Refused } from "../../../../tools/deploy/context";
import { Databases, dump, forgetOldData, restore } from "../../../../tools/deploy/host/dump";
import { LoadedStack } from "../../../../tools/model/load";
import { modelOf, realServices } from "../../../support/small-stack";
import { fakeHost, FakeHost } from "../fake-docker";

const STACK = "test";
const loaded = (backups: object = { keep: 2 }): LoadedStack => ({
  model: modelOf(realServices("postgres", "n8n")),
  config: { backups } as StackConfig,
});

/**
 * A PostgreSQL of the version in $HOME/version with two databases, one in `$HOME/databases/n8n`, and its client, which works
 * unless the database says `bad`. What runs is in $HOME/running.
 */
const POSTGRES = `running="$HOME/running"
case "$1" in
create) for word in "$@"; do
    case $word in *-lock) lock=$HOME/$word;; hardened.holder=*) holder=\${word#*=};; esac
  done
  mkdir "$lock" 2>/dev/null || { echo Conflict >&2; exit 1; }
  id=$(printf %s "$lock" | cksum | tr -dc 0-9)
  echo "$id $holder" >"$lock/holder"
  echo "$id";;
container) for name; do :; done; cat "$HOME/$name/holder" 2>/dev/null;;
rm) rm -r $(grep -l "^$3 " "$HOME"/*-lock/holder | sed 's/.holder$//');;
volume) case "$2" in
  create) for name; do :; done; mkdir -p "$HOME/volumes/$name"; echo "$*" | sed 's/.*hardened.client=\\([^ ]*\\).*/\\1/' >"$HOME/volumes/$name/client";;
  ls) ls "$HOME/volumes" 2>/dev/null || :;;
  inspect) for name; do :; done; cat "$HOME/volumes/$name/client";;
  rm) shift 2; for name; do rm -r "$HOME/volumes/$name" 2>/dev/null || missing=1; done; [ -z "$missing" ];;
  esac;;
ps) case "$*" in
  *id=*) echo "$*" | sed 's/.*id=//';;
  *name=${STACK}-postgres*) grep -x postgres "$running" || :;;
  *name=${STACK}-n8n*) grep -x n8n "$running" || :;;
  esac;;
stop) for id; do :; done
  grep -vx "$id" "$running" >"$running.new" || :
  mv "$running.new" "$running";;
start) echo "$2" >>"$running"; echo "$2";;
inspect) for id; do :; done
  if grep -qx "$id" "$running"; then echo 'running 0'; else echo 'exited 0'; fi;;
run) ! grep -q bad "$HOME/databases/n8n";;
logs) ;;
exec)
  [ "$2" = -i ] || { [ "$2" != n8n ] || ! grep -q bad "$HOME/databases/n8n"; exit; }
  shift 2
  if [ "$1" = -e ]; then shift 2; fi
  [ "$1" = postgres ] || exit 9
  shift
  case "$*" in
  *server_version_num*) cat "$HOME/version";;
  *"datname FROM pg_database"*) echo n8n; echo postgres;;
  pg_dumpall*) echo 'CREATE ROLE n8n;';;
  "pg_restore --list") cat;;
  "pg_restore -f /dev/null") cat >/dev/null;;
  "pg_restore -U postgres --exit-on-error --create "*) cat >"$HOME/databases/n8n"; ! grep -q broken "$HOME/databases/n8n";;
  "pg_restore -U postgres"*) cat >/dev/null;;
  psql*"-d n8n") cat >/dev/null; echo 'count|n8n|public.t|3' >&2; cat "$HOME/databases/n8n"; [ ! -e "$HOME/fail" ];;
  psql*"-d postgres") cat >/dev/null; echo 'dump of postgres';;
  "psql -X -q -U postgres") cat >"$HOME/roles";;
  psql*) ;;
  *) exit 8;;
  esac;;
*) exit 7;;
esac`;

describe("the databases of a stack", () => {
  let host: FakeHost;
  let folder: string;
  const said: string[] = [];
  beforeEach(() => {
    host = fakeHost(POSTGRES);
    folder = join(host.home, "dumps");
    // Only the name of a dump has a time of its own.
    writeFileSync(
      join(host.home, "date"),
      '#!/bin/sh\ncase "$*" in "-u +%Y"*) cat "$HOME/now";; *) PATH=${PATH#*:} exec date "$@";; esac\n',
      { mode: 0o755 },
    );
    file("version", "160004");
    file("now", "20260201T030405Z");
    file("running", "postgres\nn8n");
    mkdirSync(join(host.home, "databases"));
    file("databases/n8n", "of now");
    said.length = 0;
  });
  afterEach(() => {
    host.remove();
  });

  const file = (name: string, text = ""): void => {
    writeFileSync(join(host.home, name), `${text}\n`);
  };
  const read = (...path: readonly string[]): string =>
    readFileSync(join(host.home, ...path), "utf8").trim();
  const old = (...names: readonly string[]): void => {
    for (const name of names) {
      mkdirSync(join(folder, name), { recursive: true });
      writeFileSync(join(folder, name, "globals.sql"), `CREATE ROLE n8n; -- of ${name}\n`);
      writeFileSync(join(folder, name, "n8n.dump"), `of ${name}\n`);
    }
  };
  const there = (): string[] => readdirSync(folder).sort();
  const databases = (
    backups: object = { keep: 2, directory: folder },
    shell: HostShell = host.shell,
  ): Databases => ({
    shell,
    loaded: loaded(backups),
    signal: new AbortController().signal,
    log: (line) => said.push(line),
  });
  const keeping = (keep: number): Databases => databases({ keep, directory: folder });
  const refused = (message: RegExp) => (error: unknown) => {
    assert.ok(error instanceof Refused, String(error));
    assert.match(error.message, message);
    return true;
  };

  describe("are dumped", () => {
    it("to a folder for nobody else, named after version and moment, with every database, the roles and the rows", async () => {
      const name = "test-postgres-16-20260201T030405Z";
      assert.equal(await dump(databases()), join(folder, name));
      assert.deepEqual(there(), [name]);
      assert.deepEqual(readdirSync(join(folder, name)).sort(), [
        "counts",
        "globals.sql",
        "n8n.dump",
        "postgres.dump",
      ]);
      assert.equal(readFileSync(join(folder, name, "n8n.dump"), "utf8"), "of now\n");
      assert.equal(readFileSync(join(folder, name, "counts"), "utf8"), "count|n8n|public.t|3\n");
      assert.equal(statSync(join(folder, name)).mode & 0o777, 0o700);
      assert.equal(statSync(join(folder, name, "n8n.dump")).mode & 0o777, 0o600);
    });

    it("to a folder of the stack in the home where none is configured", async () => {
      assert.equal(
        await dump(databases({ keep: 1 })),
        join(host.home, "pinned-stack-backups/test/test-postgres-16-20260201T030405Z"),
      );
    });

    it("beside the newest ones, whatever version and time these have", async () => {
      old(
        "test-postgres-17-20260102T000000Z",
        "test-postgres-17-20260101T000000Z",
        "test-postgres-9-20260103T000000Z",
      );
      await dump(keeping(2));
      assert.deepEqual(there(), [
        "test-postgres-16-20260201T030405Z",
        "test-postgres-9-20260103T000000Z",
      ]);
      assert.equal(said.filter((line) => line.includes("removed the old dump")).length, 2);
      // Of a machine whose clock is ahead.
      old("test-postgres-16-20300101T000000Z");
      file("now", "20260202T000000Z");
      await dump(keeping(1));
      assert.deepEqual(there(), ["test-postgres-16-20260202T000000Z"]);
    });

    it("without a look at what other stacks have in the same folder", async () => {
      const others = [
        ".partial-7@test-postgres-eu",
        "TEST-postgres-16-20260101T000000Z",
        "test-postgres-eu-postgres-16-20260101T000000Z",
        "x-test-postgres-16-20260101T000000Z",
      ];
      old(...others, ".partial-7@test", "test-postgres-16-20260101T000000Z");
      await dump(keeping(1));
      assert.deepEqual(there(), [...others, "test-postgres-16-20260201T030405Z"].sort());
    });

    it("or the old dumps stay, and nothing that looks like one is left", async () => {
      old("test-postgres-16-20260101T000000Z");
      file("fail");
      await assert.rejects(dump(keeping(1)), refused(/^cannot dump the databases: /));
      const visible = there().filter((name) => !name.startsWith(".partial"));
      assert.deepEqual(visible, ["test-postgres-16-20260101T000000Z"]);
    });

    it("not where no PostgreSQL runs", async () => {
      file("running", "n8n");
      await assert.rejects(dump(databases()), refused(/stack test: PostgreSQL is not running/));
    });
  });

  describe("are restored", function () {
    this.timeout(60_000);
    const OLD = "test-postgres-15-20260103T000000Z";
    beforeEach(() => {
      old("test-postgres-17-20260102T000000Z", OLD, "test2-postgres-16-20260104T000000Z");
    });
    const running = (): string[] => read("running").split("\n").sort();

    for (const [what, from] of [
      ["the newest dump", undefined],
      ["a dump by its name", OLD],
      ["a folder anywhere on the host", () => join(folder, OLD)],
    ] as const)
      it(`from ${what}, after a dump of what is there`, async () => {
        const given = typeof from === "function" ? from() : from;
        const code = await restore(keeping(9), given);
        assert.equal(code, 0, said.join("\n"));
        assert.equal(read("databases/n8n"), `of ${OLD}`);
        assert.equal(read("roles"), `CREATE ROLE n8n; -- of ${OLD}`);
        assert.equal(read("dumps/test-postgres-16-20260201T030405Z/n8n.dump"), "of now");
        assert.deepEqual(running(), ["n8n", "postgres"]);
        const calls = host.calls();
        const at = (part: string): number => calls.findIndex((call) => call.includes(part));
        assert.ok(at("stop -t") < at("pg_restore -U postgres --exit-on-error --create"));
      });

    it("not from a folder that holds no dump, and nothing is stopped", async () => {
      await assert.rejects(restore(keeping(9), "test-postgres-1"), refused(/nothing was restored/));
      assert.ok(said.some((line) => line.startsWith("REFUSED: ")));
      assert.ok(!host.calls().some((call) => call.startsWith("stop")));
    });

    it("not where what is there cannot be dumped first", async () => {
      file("fail");
      await assert.rejects(restore(keeping(9), OLD), refused(/nothing was restored/));
      assert.equal(read("databases/n8n"), "of now");
      assert.deepEqual(running(), ["n8n", "postgres"]);
    });

    for (const [what, content] of [
      ["cannot be read", "broken"],
      ["is no data that the service works with", "bad"],
    ] as const)
      it(`and what was there before goes back when the dump ${what}`, async () => {
        writeFileSync(join(folder, OLD, "n8n.dump"), `${content}\n`);
        // A question that is never answered is asked for as long as a start may take.
        writeFileSync(join(host.home, "sleep"), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
        writeFileSync(
          join(host.home, "date"),
          '#!/bin/sh\ncase "$*" in "-u +%Y"*) cat "$HOME/now";; *) n=$(($(cat "$HOME/clock") + 20)); echo $n | tee "$HOME/clock";; esac\n',
          { mode: 0o755 },
        );
        file("clock", "1");
        const code = await restore(keeping(9), OLD);
        assert.equal(code, 3, said.join("\n"));
        assert.equal(read("databases/n8n"), "of now");
        assert.deepEqual(running(), ["n8n", "postgres"]);
      });
  });

  describe("are restored, and the answer", () => {
    const answering =
      (result: Partial<ShellResult> | Error): HostShell =>
      () =>
        result instanceof Error
          ? Promise.reject(result)
          : Promise.resolve({ code: 0, stdout: "", stderr: "", ...result });
    const answers: readonly (readonly [string, Partial<ShellResult> | Error, number])[] = [
      ["is that all is well", { stdout: "restored x\n" }, 0],
      ["is that the old data is back", { code: 1, stdout: "RETURNED: as before\n" }, 3],
      ["is that it is not", { code: 1, stdout: "NOT RETURNED: by hand\n" }, 2],
      ["is that only a part is back", { code: 1, stdout: "RETURNED: a\nNOT RETURNED: b\n" }, 2],
      ["does not come in time", { code: 1, stderr: "timed out" }, 2],
      ["is lost with the connection", new HostError("ssh h: closed"), 2],
    ];
    for (const [what, answer, code] of answers)
      it(`${what}: ${code}`, async () => {
        assert.equal(await restore(databases(undefined, answering(answer)), undefined), code);
      });

    it("is no refusal once it has begun and is interrupted", async () => {
      const stop = new AbortController();
      const shell: HostShell = () => {
        stop.abort(new Error("stopped by SIGINT"));
        return Promise.reject(stop.signal.reason as Error);
      };
      const given = { ...databases(undefined, shell), signal: stop.signal };
      await assert.rejects(restore(given, undefined), /^Error: stopped by SIGINT$/);
      assert.match(said.at(-1) ?? "", /may still be running/);
    });

    it("is a refusal where nothing was touched", async () => {
      for (const answer of [{ code: 3 }, { code: 1, stdout: "REFUSED: no dump\n" }])
        await assert.rejects(
          restore(databases(undefined, answering(answer)), undefined),
          refused(/not running|nothing was restored/),
        );
    });
  });

  describe("of an earlier version of PostgreSQL", () => {
    const VOLUMES = [
      "test-postgres-15-data",
      "test-postgres-16-data",
      "test-postgres-14-data",
      "test-postgres-15-data-incomplete",
      "test-n8n-data",
      "test2-postgres-15-data",
      "x-test-postgres-15-data",
    ];
    let volumes: FakeHost;
    beforeEach(() => {
      volumes = fakeHost(`case "$1 $2" in
"volume ls") [ ! -e "$HOME/fail" ] || { echo 'no engine' >&2; exit 1; }
  cat "$HOME/volumes";;
"ps -q") [ ! -e "$HOME/server" ] || echo server;;
"ps -aq") [ ! -e "$HOME/left" ] || case "$*" in *role=helper*) ;; *) echo left;; esac;;
"rm -v") ;;
"create --pull") echo 10c;;
"rm 10c") ;;
"inspect --format") cat "$HOME/server";;
"volume rm") [ ! -e "$HOME/used" ] || { echo 'volume is in use' >&2; exit 1; };;
*) exit 7;;
esac`);
      has(VOLUMES);
    });
    afterEach(() => {
      volumes.remove();
    });
    const has = (names: readonly string[]): void => {
      writeFileSync(join(volumes.home, "volumes"), names.map((name) => `${name}\n`).join(""));
    };
    const forget = (
      confirm?: Parameters<typeof forgetOldData>[1],
      from = databases(undefined, volumes.shell),
    ): Promise<number> => forgetOldData(from, confirm);
    const removed = (): string[] =>
      volumes
        .calls()
        .flatMap((call) => /^volume rm (.*)$/.exec(call)?.[1] ?? [])
        .filter((name) => !name.endsWith("-incomplete"));

    it("are listed, asked about and removed, and no other volume", async () => {
      const questions: string[] = [];
      const code = await forget((question) => {
        assert.deepEqual(said, [
          "old data: test-postgres-15-data",
          "old data: test-postgres-14-data",
        ]);
        questions.push(question);
        return Promise.resolve(true);
      });
      assert.equal(code, 0);
      assert.equal(questions.length, 1);
      assert.match(questions[0] ?? "", /"forget"/);
      assert.deepEqual(removed(), ["test-postgres-15-data", "test-postgres-14-data"]);
    });

    it("are what the running server does not use, whatever the stack file says", async () => {
      writeFileSync(join(volumes.home, "server"), "used=test-postgres-15-data\n");
      writeFileSync(join(volumes.home, "left"), "");
      has(["test-postgres-15-data", "test-postgres-16-data"]);
      assert.equal(await forget(() => Promise.resolve(true)), 0);
      assert.deepEqual(removed(), ["test-postgres-16-data"]);
      assert.ok(volumes.calls().includes("rm -v left"));
    });

    it("are listed in a stack that has no data any more, too", async () => {
      const without = {
        ...databases(undefined, volumes.shell),
        loaded: { ...loaded(), model: { ...loaded().model, containers: [] } },
      };
      await forget(() => Promise.resolve(true), without);
      assert.equal(removed().length, 3);
    });

    for (const [what, confirm, message] of [
      ["are not removed against the answer", () => Promise.resolve(false), /nothing was removed/],
      ["are not removed where nobody can answer", undefined, /add --yes/],
    ] as const)
      it(what, async () => {
        await assert.rejects(forget(confirm), refused(message));
        assert.deepEqual(removed(), []);
        assert.equal(said.length, 2);
      });

    it("are no question where there are none", async () => {
      has(["test-postgres-16-data", "test-n8n-data"]);
      assert.equal(await forget(() => assert.fail("asked")), 0);
      assert.deepEqual(said, ["there is no old data"]);
    });

    for (const [what, name, message] of [
      ["cannot be listed", "fail", /cannot list the volumes: no engine/],
      ["cannot be removed", "used", /cannot remove the old data: volume is in use/],
    ] as const)
      it(`are not said to be gone when they ${what}`, async () => {
        writeFileSync(join(volumes.home, name), "");
        await assert.rejects(
          forget(() => Promise.resolve(true)),
          refused(message),
        );
        assert.ok(!said.includes("removed"));
      });
  });
});
