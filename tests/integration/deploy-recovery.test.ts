import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readlink } from "node:fs/promises";
import { homedir } from "node:os";

import { hostAccess } from "../../host/address";
import { commandWords } from "../support/project-command";
import { IMAGES } from "../support/requirements";
import { plainEnvironment, run, succeeded, type Result } from "../support/run";
import { useWorld } from "../support/world";
import { useDeployStack, type DeployStack } from "./deploy-stack";

/** Enough for locks and logs, not for the shell in a broken image: 2 MB. */
const SPARE_KIB = 512;

const all = (result: Result): string => `${result.stdout}${result.stderr}`;

describe("a deployment that is cut off", function () {
  this.timeout(300_000);
  const world = useWorld({ images: [IMAGES.traefik, IMAGES.homepage], pulumi: true });
  const deployed = useDeployStack(world);
  let stack: DeployStack;
  before(() => {
    ({ stack } = deployed());
  });

  /** A new image for the homepage, which starts first, and for Traefik, which is tried, where that is wanted. */
  const change = async (...more: readonly "traefik"[]): Promise<void> => {
    for (const service of ["homepage", ...more] as const)
      stack.images[service] = await stack.variant(service, "rebuild");
    await stack.configure();
  };

  /** The next deployment finishes what the one before did not, whatever that was. */
  const settles = async (): Promise<void> => {
    const next = await stack.command("deploy", "--yes");
    assert.equal(next.code, 0, all(next));
    assert.doesNotMatch(next.stdout, /changed outside Pulumi/);
    stack.accept();
    assert.deepEqual(await stack.running(), { ...stack.images });
    const drift = await stack.command("drift");
    assert.equal(drift.code, 0, all(drift));
  };

  /** The engine that deploys this stack; other tests may run theirs at the same time. */
  const engines = async (): Promise<number[]> => {
    const found = await run("pgrep", ["-f", "pulumi up .*--non-interactive"]);
    const pids = found.stdout.split("\n").filter(Boolean);
    const mine = await Promise.all(
      pids.map(
        async (pid) => (await readlink(`/proc/${pid}/cwd`).catch(() => "")) === stack.stack.project,
      ),
    );
    const numbers = pids.filter((_, index) => mine[index]).map(Number);
    assert.ok(numbers.length > 0, "no engine runs");
    return numbers;
  };

  it("by a broken connection returns, or says what is pending, and the next one recovers", async () => {
    await change();
    let cut: Result | undefined;
    const result = await stack.commandUntil(
      "deploy",
      ["--yes"],
      /starting the new \S+-homepage\n/,
      async () => {
        // The connection that all of the deployment shares ends, as it does when a network goes away.
        const { address, hostKey } = world().ssh;
        const [ssh = "ssh", ...words] = hostAccess({ address, hostKey }).interpreter;
        cut = await run(ssh, [...words.slice(0, -2), "-O", "exit", ...words.slice(-2, -1)], {
          env: { ...plainEnvironment, HOME: homedir() },
        });
      },
    );
    assert.equal(cut?.code, 0, cut === undefined ? "" : all(cut));
    if (result.code === 0) assert.match(result.stderr, /done: 2 containers healthy/);
    else if (result.code === 3)
      assert.match(result.stderr, /RETURNED: deployment \d+ of .* again with its data/);
    else {
      assert.equal(result.code, 2, all(result));
      assert.match(result.stderr, /to finish the pending changes, run: npm run deploy/);
    }
    await settles();
  });

  for (const stage of ["checks", "plan", "images"])
    it(`by Ctrl-C at the stage "${stage}" has touched nothing`, async () => {
      const before = await stack.running();
      await change("traefik");
      const result = await stack.commandUntil(
        "deploy",
        ["--yes"],
        new RegExp(`^\\d+:\\d\\d ${stage}`, "m"),
        (pid) => void process.kill(pid, "SIGINT"),
      );
      assert.equal(result.code, 130, all(result));
      assert.deepEqual(await stack.running(), before);
      assert.equal(await stack.isLocked(), false);
    });

  it("by Ctrl-C at the question has touched nothing", async function () {
    if ((await run("script", ["--version"])).code !== 0) this.skip();
    const before = await stack.running();
    await change();
    const { project, env } = stack.stack;
    const words = [process.execPath, ...commandWords("deploy"), "--stack", stack.name].join(" ");
    const terminal = spawn("script", ["--quiet", "--return", "--command", words, "/dev/null"], {
      cwd: project,
      env,
      timeout: 60_000,
    });
    let shown = "";
    let pressed = false;
    terminal.stdout.setEncoding("utf8").on("data", (text: string) => {
      shown += text;
      if (pressed || !shown.includes('type "yes" to deploy: ')) return;
      pressed = true;
      terminal.stdin.write("\u0003");
    });
    const [code] = (await once(terminal, "close")) as [number | null];
    assert.equal(pressed, true, shown);
    assert.equal(code, 130, shown);
    assert.match(shown, /stopped by SIGINT/);
    assert.deepEqual(await stack.running(), before);
    assert.equal(await stack.isLocked(), false);
  });

  for (const stage of ["deployment", "health"])
    it(`by Ctrl-C at the stage "${stage}" leaves nothing that the next one cannot finish`, async () => {
      await change();
      const result = await stack.commandUntil(
        "deploy",
        ["--yes"],
        new RegExp(`^\\d+:\\d\\d ${stage}`, "m"),
        (pid) => void process.kill(pid, "SIGINT"),
      );
      assert.equal(result.code, 130, all(result));
      assert.equal(await stack.isLocked(), false);
      if (stage === "health") {
        // The engine is content, and nobody saw it healthy: nothing returns to it.
        const { stdout } = await stack.command("deploy", "--history");
        assert.match(stdout.split("\n")[1] ?? "", / unverified /);
      }
      await settles();
    });

  it("by Ctrl-C during the rollback leaves nothing that the next one cannot finish", async () => {
    // More than any host has: the engine refuses to make the container, and the deployment fails at once.
    await stack.configure(
      "  pinned-stack:services: { n8n: { enabled: false }, portainer: { enabled: false }, homepage: { cpus: 64 } }",
    );
    const result = await stack.commandUntil(
      "deploy",
      ["--yes"],
      /^\d+:\d\d return to deployment \d+/m,
      (pid) => void process.kill(pid, "SIGINT"),
    );
    assert.equal(result.code, 130, all(result));
    assert.match(result.stderr, /only \d+ CPUs available/);
    assert.equal(await stack.isLocked(), false);
    await stack.configure();
    await settles();
  });

  it("by the end of its process leaves a lock that the next one takes over", async () => {
    await change();
    const killed = await stack.commandUntil(
      "deploy",
      ["--yes"],
      /^\d+:\d\d plan/m,
      (pid) => void process.kill(pid, "SIGKILL"),
    );
    assert.notEqual(killed.code, 0);
    assert.equal(await stack.isLocked(), true);
    const next = await stack.command("deploy", "--yes");
    assert.equal(next.code, 0, all(next));
    assert.match(next.stderr, /removing the lock of \S+@\S+ \(process \d+\) since 20/);
    stack.accept();
    assert.equal(await stack.isLocked(), false);
  });

  it("by the end of the engine returns, and the next one removes its lock and finishes", async () => {
    await change();
    const killed = await stack.commandUntil(
      "deploy",
      ["--yes"],
      /starting the new \S+-homepage\n/,
      async () => {
        for (const pid of await engines()) process.kill(pid, "SIGKILL");
      },
    );
    assert.equal(killed.code, 3, all(killed));
    assert.match(killed.stderr, /RETURNED: deployment \d+ of .* again with its data/);
    await settles();
  });

  it("is told who else is at it", async () => {
    await change();
    let second: Result | undefined;
    const first = await stack.commandUntil("deploy", ["--yes"], /^\d+:\d\d plan/m, async (pid) => {
      // It has its lock and goes no further until the second one has ended.
      process.kill(pid, "SIGSTOP");
      second = await stack.command("deploy", "--yes");
      process.kill(pid, "SIGCONT");
    });
    assert.equal(first.code, 0, all(first));
    stack.accept();
    assert.equal(second?.code, 1, second === undefined ? "" : all(second));
    assert.match(second.stderr, /is being deployed by \S+@\S+ \(process \d+\) since 20/);
  });

  it("by a full disk during the pull has touched nothing", async function () {
    const { host } = world();
    const before = await stack.running();
    stack.images.homepage = `${world().registry.name}/${IMAGES.homepage}@${await world().variant(IMAGES.homepage, "exits", "full")}`;
    await stack.configure();
    // The whole data root, because each image store downloads to a folder of its own.
    const root = "/var/lib/docker";
    const look = await host.run("df", ["--output=fstype,size,used", "--block-size=K", root]);
    const [fileSystem, size, used = ""] = (look.stdout.split("\n")[1] ?? "").trim().split(/\s+/);
    // Where it is on a disk, that is the machine's.
    if (fileSystem !== "tmpfs") this.skip();
    const resize = async (to: string): Promise<void> => {
      succeeded("mount", await host.run("mount", ["-o", `remount,size=${to}`, root]));
    };
    // After the checks, which would find it.
    const result = await stack.commandUntil("deploy", ["--yes"], /^\d+:\d\d plan/m, () =>
      resize(`${parseInt(used) + SPARE_KIB}K`),
    );
    await resize(size ?? "");
    assert.equal(result.code, 1, all(result));
    assert.match(result.stderr, /images\.homepage: .*no space left on device.*docker image prune/);
    assert.deepEqual(await stack.running(), before);
  });
});
