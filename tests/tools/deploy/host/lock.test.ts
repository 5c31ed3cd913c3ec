import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import {
  acquireLock,
  breakLock,
  Holder,
  lockedText,
  currentHolder,
} from "../../../../tools/deploy/host/lock";
import { fakeHost, FakeHost } from "../fake-docker";

/** Volumes as Docker has them: the first to make one is the one whose labels it gets. */
const VOLUMES = `volume=$HOME/volumes
mkdir -p "$volume"
for name; do :; done
case "$1 $2" in
version*) ;;
"volume create")
  [ ! -e "$HOME/full" ] || { echo 'no space left on device' >&2; exit 1; }
  if mkdir "$volume/$name" 2>/dev/null; then echo "\${4#pinned-stack.lock=}" >"$volume/$name/label"; fi
  echo "$name";;
"volume inspect") cat "$volume/$name/label" 2>/dev/null || { echo 'no such volume' >&2; exit 1; };;
"volume rm")
  [ ! -e "$HOME/no-removal" ] || exit 1
  # The first removal takes a while, and others overtake it.
  if [ -e "$HOME/slow" ] && mkdir "$HOME/slow/first" 2>/dev/null; then sleep 1; fi
  shift 2
  for name; do rm -r "$volume/$name" || exit 1; done;;
"volume ls")
  for name in "$volume"/*; do [ ! -d "$name" ] || basename "$name"; done | grep -e "\${5#name=}" || :;;
*) exit 7;;
esac`;

describe("the lock of a stack", () => {
  let host: FakeHost;
  beforeEach(() => {
    host = fakeHost(VOLUMES);
  });
  afterEach(() => {
    host.remove();
  });
  const holder = (change: Partial<Holder> = {}): Holder => ({
    user: "u",
    machine: "m",
    kernel: "k",
    pid: process.pid,
    since: "2026-01-02T03:04:05.000Z",
    ...change,
  });
  const volumes = (): string[] => readdirSync(join(host.home, "volumes"));
  const said: string[] = [];
  const acquire = (self: Holder, stack = "s") =>
    acquireLock(host.shell, stack, (line) => said.push(line), self);
  /** A process id that was just somebody's. */
  const ended = (): number => spawnSync("true").pid;

  it("is one holder's, who is named to the next one, and free after its release", async () => {
    const lock = await acquire(holder());
    await assert.rejects(acquire(holder({ user: "v" })), {
      message: lockedText("s", JSON.stringify(holder())),
      exitCode: 1,
    });
    const other = await acquire(holder(), "other");
    await other.release();
    await lock.release();
    await (await acquire(holder({ user: "v" }))).release();
  });

  it("is one holder's when several ask at once", async () => {
    const asked = await Promise.allSettled(
      ["a", "b", "c", "d"].map((user) => acquire(holder({ user }))),
    );
    assert.deepEqual(asked.map(({ status }) => status).sort(), [
      "fulfilled",
      "rejected",
      "rejected",
      "rejected",
    ]);
  });

  it("says who and since when, and the way out", () => {
    assert.match(
      lockedText("s", JSON.stringify(holder({ pid: 7 }))),
      /^stack s .* u@m \(process 7\) since 2026-01-02T03:04:05\.000Z; wait .*: npm run deploy -- --stack s --unlock$/,
    );
  });

  it("is taken over from a process that was removed", async () => {
    said.length = 0;
    const pid = ended();
    await acquire(holder({ pid }));
    const lock = await acquire(holder({ user: "v" }));
    assert.equal(said.length, 1);
    assert.match(said[0] ?? "", /^removing the lock of /);
    assert.ok(
      said[0]?.includes(`u@m (process ${pid}) since 2026-01-02T03:04:05.000Z: that process`),
      said[0],
    );
    await lock.release();
  });

  it("is taken over by one of those that see at the same time that its process has ended", async () => {
    mkdirSync(join(host.home, "slow"));
    await acquire(holder({ pid: ended() }));
    const asked = await Promise.allSettled(
      ["a", "b", "c", "d"].map((user) => acquire(holder({ user }))),
    );
    const taken = asked.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    assert.equal(taken.length, 1);
    const user =
      ["a", "b", "c", "d"][asked.findIndex(({ status }) => status === "fulfilled")] ?? "";
    await assert.rejects(acquire(holder({ user: "e" })), new RegExp(`by ${user}@m`));
    for (const one of asked)
      if (one.status === "rejected") assert.match(String(one.reason), /is being deployed by \w@m/);
    await taken[0]?.release();
    assert.deepEqual(volumes(), []);
  });

  it("is taken over where a process was killed that was taking it over, and nothing is left of that", async () => {
    const dead = holder({ pid: ended() });
    const claimant = holder({ user: "c", pid: ended() });
    await acquire(dead);
    // It was killed at the removal of the lock.
    writeFileSync(join(host.home, "no-removal"), "");
    await assert.rejects(acquire(claimant));
    assert.equal(volumes().length, 2);
    // As if it had been killed after that, with the lock in its hands.
    mkdirSync(join(host.home, "volumes", "s-deployment-lock-takeover-0123456789abcdef"));
    rmSync(join(host.home, "no-removal"));
    const lock = await acquire(holder({ user: "v" }));
    await assert.rejects(acquire(holder({ user: "w" })), /by v@m/);
    assert.deepEqual(volumes(), ["s-deployment-lock"]);
    await lock.release();
    assert.deepEqual(volumes(), []);
  });

  for (const [what, change] of [
    ["one of the same name", { kernel: "another" }],
    ["one that says nothing of itself", { kernel: undefined }],
  ] as const)
    it(`is not taken over from a process of another machine: ${what}`, async () => {
      const { kernel, ...rest } = { ...holder({ pid: ended() }), ...change };
      await acquire({ ...rest, ...(kernel !== undefined && { kernel }) });
      await assert.rejects(acquire(holder({ user: "v" })), /is being deployed by u@m/);
    });

  it("says what is wrong where it cannot be made, and leaves none", async () => {
    writeFileSync(join(host.home, "full"), "");
    await assert.rejects(acquire(holder()), /lock on the host: no space left on device$/);
    assert.equal(await breakLock(host.shell, "s"), undefined);
  });

  it("can be broken, and a holder does not release another's", async () => {
    const lock = await acquire(holder());
    assert.equal(
      await breakLock(host.shell, "s"),
      `u@m (process ${process.pid}) since 2026-01-02T03:04:05.000Z`,
    );
    const next = await acquire(holder({ user: "v" }));
    await lock.release();
    await assert.rejects(acquire(holder({ user: "w" })), /by v@m/);
    await next.release();
    assert.equal(await breakLock(host.shell, "s"), undefined);
  });

  it("knows this start of this machine", () => {
    assert.match(currentHolder().kernel ?? "", /^[0-9a-f-]{36} pid:\[\d+\]$/);
  });
});
