import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { PROJECT_FOLDER } from "../../../tools/cli/command";
import { findCli, missingPlugins, run } from "../../../tools/cli/pulumi-cli";
import { until } from "../../support/until";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pulumi-cli-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** An executable that is this shell script. */
function script(path: string, text: string): string {
  const file = join(folder, path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  return file;
}

const isGone = (pid: number): Promise<true | undefined> => {
  try {
    process.kill(pid, 0);
    return Promise.resolve(undefined);
  } catch {
    return Promise.resolve(true);
  }
};

describe("a program that is run", () => {
  it("gives its output and its exit code", async () => {
    const words = ["-c", "echo data; echo talk >&2; exit 3"];
    assert.deepEqual(await run("/bin/sh", words, { timeoutMs: 10_000 }), {
      code: 3,
      stdout: "data\n",
      stderr: "talk\n",
    });
  });

  it("is ended in time, with all that it started and that holds on to its output", async () => {
    const file = join(folder, "pid");
    const started = performance.now();
    const { code, stdout } = await run(
      "/bin/sh",
      ["-c", `echo begun; sleep 60 & echo $! >${file}; wait`],
      { timeoutMs: 500 },
    );
    assert.ok(performance.now() - started < 5000);
    assert.deepEqual([code, stdout], [124, "begun\n"]);
    const pid = Number(readFileSync(file, "utf8"));
    await until("what it started was removed", () => isGone(pid));
  });

  it("that does not exist is 127", async () => {
    const { code, stderr } = await run(join(folder, "none"), []);
    assert.deepEqual([code, stderr], [127, `spawn ${join(folder, "none")} ENOENT`]);
  });
}).timeout(10_000);

describe("the Pulumi CLI", () => {
  const own = join(PROJECT_FOLDER, "node_modules", ".bin", "pulumi");

  it("is the one on PATH where its own one would have to be downloaded first", async () => {
    const program = script("bin/pulumi", "echo v3.260.0");
    const env = { PATH: `${join(folder, "bin")}:/bin:/usr/bin`, PULUMI_HOME: join(folder, "home") };
    assert.deepEqual(await findCli(env), { program });
  });

  it("is its own one where that is there", async () => {
    script("bin/pulumi", "exit 1");
    script("home/versions/3.0.0/bin/pulumi", "echo v3.0.0");
    const env = {
      PATH: `${join(folder, "bin")}:${process.env.PATH ?? ""}`,
      PULUMI_HOME: join(folder, "home"),
      PULUMI_VERSION: "3.0.0",
    };
    assert.deepEqual(await findCli(env), { program: own });
  });
}).timeout(20_000);

describe("the CLI's version and its plugins", () => {
  it("are asked for without the passphrase", async () => {
    const program = script("bin/pulumi", `env >>"${join(folder, "seen")}"`);
    const env = {
      PATH: `${join(folder, "bin")}:/bin:/usr/bin`,
      PULUMI_HOME: join(folder, "home"),
      PULUMI_CONFIG_PASSPHRASE: "canary",
    };
    assert.deepEqual(await findCli(env), { program });
    assert.deepEqual(await missingPlugins(program, env), []);
    const seen = readFileSync(join(folder, "seen"), "utf8");
    assert.equal(seen.match(/^PULUMI_HOME=/gm)?.length, 3);
    assert.doesNotMatch(seen, /canary/);
  });
});

describe("plugins that do not come", () => {
  it("are named with the time that they were waited for", async () => {
    const program = script("pulumi", "sleep 60");
    const env = { PATH: "/bin:/usr/bin", PULUMI_HOME: join(folder, "home") };
    assert.deepEqual(await missingPlugins(program, env, 300), [
      "Pulumi plugin docker 5.2.0: not downloaded within 0.3 s",
      "Pulumi plugin command 1.2.1: not downloaded within 0.3 s",
    ]);
  });

  it("are named with the last line of what the CLI said", async () => {
    const program = script("pulumi", "echo trying >&2; echo no network >&2; exit 1");
    const env = { PATH: "/bin:/usr/bin", PULUMI_HOME: join(folder, "home") };
    assert.deepEqual(await missingPlugins(program, env), [
      "Pulumi plugin docker 5.2.0: no network",
      "Pulumi plugin command 1.2.1: no network",
    ]);
  });
});
