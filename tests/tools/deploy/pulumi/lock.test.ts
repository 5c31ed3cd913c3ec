import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";

import { freeStack, stackLocked, stackLocks } from "../../../../tools/deploy/pulumi/lock";

describe("Pulumi's own lock", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "locks-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const lock = (text: string): void => {
    const locks = join(folder, ".pulumi/locks/organization/pinned-stack/prod");
    mkdirSync(locks, { recursive: true });
    writeFileSync(join(locks, "4f6e.json"), text);
  };
  const held = (machine: string, pid: number, username = "u"): string =>
    JSON.stringify({ pid, username, hostname: machine, timestamp: "2026-01-02T03:04:05Z" });
  const url = (): string => `file://${folder}?no_tmp_dir=true`;
  const locks = (stack = "prod"): string[] =>
    stackLocks(url(), stack).map(({ holder, left }) => `${holder}${left ? ", left" : ""}`);

  it("is none where there is none, of another stack, or in a backend that is no folder", () => {
    assert.deepEqual(locks(), []);
    lock(held("m", 7));
    assert.deepEqual(locks("dev"), []);
    assert.deepEqual(stackLocks("https://api.pulumi.com", "prod"), []);
  });

  it("names who holds it", () => {
    lock(held("elsewhere", 7));
    assert.deepEqual(locks(), ["u@elsewhere (process 7) since 2026-01-02T03:04:05Z"]);
    lock(held(hostname(), process.pid));
    assert.deepEqual(locks(), [
      `u@${hostname()} (process ${process.pid}) since 2026-01-02T03:04:05Z`,
    ]);
  });

  const { username } = userInfo();

  it("says of a process of this machine that it has exited, and counts it as left if it was this user's", () => {
    const { pid } = spawnSync("true");
    lock(held(hostname(), pid));
    assert.match(locks()[0] ?? "", /, which has exited$/);
    lock(held(hostname(), pid, username));
    assert.match(locks()[0] ?? "", /, which has exited, left$/);
  });

  it("of a process that has exited is removed by a command, with a line about it", async () => {
    const { pid } = spawnSync("true");
    const done: string[] = [];
    const free = (): Promise<void> =>
      freeStack(
        "prod",
        stackLocks(url(), "prod"),
        (args) => {
          done.push(args.join(" "));
          return Promise.resolve();
        },
        (line) => done.push(line),
      );
    await free();
    assert.deepEqual(done, []);
    lock(held(hostname(), pid, username));
    await free();
    assert.deepEqual(done, [
      `removing Pulumi's lock of ${username}@${hostname()} (process ${pid}) since 2026-01-02T03:04:05Z, which has exited`,
      "cancel --yes --stack prod",
    ]);
  });

  it("of anybody else is not removed, and then neither is one beside it", async () => {
    const { pid } = spawnSync("true");
    const left = { holder: "a", left: true };
    for (const other of [
      held("elsewhere", pid, username),
      held(hostname(), process.pid, username),
      held(hostname(), pid, `not-${username}`),
      "{",
    ]) {
      lock(other);
      const all = [left, ...stackLocks(url(), "prod")];
      const fail = (): never => assert.fail(other);
      await freeStack("prod", all, fail, fail);
    }
  });

  it("counts although nobody can read it", () => {
    lock("{");
    assert.deepEqual(locks(), ["an unknown process (4f6e.json)"]);
  });

  it("comes with the way out", () => {
    assert.match(
      stackLocked("prod", "u@m (process 7) since 2026"),
      /stack prod .*: u@m \(process 7\) since 2026; wait .*: npx pulumi cancel --stack prod$/,
    );
  });
});
