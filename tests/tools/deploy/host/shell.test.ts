import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { mock } from "node:test";

import { HOST_KEY } from "../../../support/raw-config";
import { hostShell } from "../../../../host/shell";
import { hostAccess } from "../../../../host/address";

describe("a shell on this machine", () => {
  const shell = hostShell(hostAccess({ address: "unix:///var/run/docker.sock" }));

  for (const [what, script] of [
    ["a program that it waits for", "sleep 30"],
    ["a program inside a pipe", "sleep 30 | cat"],
  ] as const) {
    it(`ends at once with ${what} when it is stopped`, async () => {
      const stop = new AbortController();
      const started = performance.now();
      setTimeout(() => {
        stop.abort(new Error("stopped"));
      }, 200);
      await assert.rejects(shell(script, { signal: stop.signal }), /stopped/);
      assert.ok(performance.now() - started < 5_000);
    });

    it(`ends with ${what} when its time is over, and says so`, async () => {
      const started = performance.now();
      const { code, stderr } = await shell(script, { timeoutMs: 200 });
      assert.notEqual(code, 0);
      assert.match(stderr, /timed out after 0\.2 seconds/);
      assert.ok(performance.now() - started < 5_000);
    });
  }

  it("gives output, exit code and each line as it comes", async () => {
    const lines: string[] = [];
    const result = await shell("echo one; echo two >&2; printf three; exit 4", {
      onLine: (line) => lines.push(line),
    });
    assert.deepEqual(result, { code: 4, stdout: "one\nthree", stderr: "two\n" });
    assert.deepEqual(lines, ["one"]);
  });

  it("has no passphrase in the environment of any program", async () => {
    const { env } = process;
    const before = env.PULUMI_CONFIG_PASSPHRASE;
    env.PULUMI_CONFIG_PASSPHRASE = "canary";
    try {
      // Of the shell itself, as it was started, and of a program in it.
      const { stdout } = await shell("tr '\\0' '\\n' </proc/$$/environ; env");
      assert.match(stdout, /^PATH=/m);
      assert.doesNotMatch(stdout, /canary|PASSPHRASE/);
    } finally {
      if (before === undefined) delete env.PULUMI_CONFIG_PASSPHRASE;
      else env.PULUMI_CONFIG_PASSPHRASE = before;
    }
  });

  it("stops at the first error", async () => {
    assert.deepEqual(await shell("false\necho on"), { code: 1, stdout: "", stderr: "" });
  });
});

describe("a shell on another machine", () => {
  const access = hostAccess({ address: "ssh://deploy@203.0.113.7:2222", hostKey: HOST_KEY });

  it("makes the folder for ssh's control socket, which ssh does not make", () => {
    const home = mkdtempSync(join(os.tmpdir(), "home-"));
    const user = mock.method(os, "userInfo", () => ({ homedir: home }));
    try {
      hostShell(access);
      assert.equal(statSync(join(home, ".ssh")).mode & 0o777, 0o700);
    } finally {
      user.mock.restore();
      rmSync(home, { recursive: true });
    }
  });
});
