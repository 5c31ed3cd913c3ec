import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";

import { stackLocked, stackLocks } from "../../../../tools/deploy/pulumi/lock";

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
  const held = (machine: string, pid: number): string =>
    JSON.stringify({ pid, username: "u", hostname: machine, timestamp: "2026-01-02T03:04:05Z" });
  const locks = (stack = "prod"): string[] => stackLocks(`file://${folder}?no_tmp_dir=true`, stack);

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

  it("says of a process of this machine that it has exited", () => {
    const { pid } = spawnSync("true");
    lock(held(hostname(), pid));
    assert.match(locks()[0] ?? "", /, which has exited$/);
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
