import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

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
  const address = "ssh://deploy@example.test";
  const hostKey = `ssh-ed25519 AAAA${"A".repeat(64)}`;
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "home-"));
  });
  afterEach(() => {
    chmodSync(home, 0o700);
    rmSync(home, { recursive: true });
  });

  it("has a folder for the connection in a home that has none", () => {
    hostShell(hostAccess({ address, hostKey }), home);
    assert.equal(statSync(join(home, ".ssh")).mode & 0o777, 0o700);
  });

  it("changes nothing for this machine", () => {
    hostShell(hostAccess({ address: "unix:///var/run/docker.sock" }), home);
    assert.throws(() => statSync(join(home, ".ssh")));
  });

  it("leaves it to ssh to say that a home cannot hold one", () => {
    hostShell(hostAccess({ address, hostKey }), "/proc/none");
  });
});
