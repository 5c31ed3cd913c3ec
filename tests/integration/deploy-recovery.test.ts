import assert from "node:assert/strict";
import { hostAccess } from "../../host/address";
import { homedir } from "node:os";

import { IMAGES } from "../support/requirements";
import { plainEnvironment, run, succeeded, type Result } from "../support/run";
import { useWorld } from "../support/world";
import { deployStack, type DeployStack } from "./deploy-stack";

const all = (result: Result): string => `${result.stdout}${result.stderr}`;

describe("a deployment that is cut off", function () {
  this.timeout(300_000);
  const world = useWorld({ images: [IMAGES.traefik, IMAGES.homepage], pulumi: true });
  let stack: DeployStack;

  before(async () => {
    stack = await deployStack(world());
    succeeded("deploy", await stack.command("deploy", "--yes"));
  });

  /** The connection that all of the deployment shares ends, as it does when a network goes away. */
  const cutConnection = async (): Promise<void> => {
    const { address, hostKey } = world().ssh;
    const [ssh = "ssh", ...words] = hostAccess({ address, hostKey }).interpreter;
    await run(ssh, [...words.slice(0, -2), "-O", "exit", ...words.slice(-2, -1)], {
      env: { ...plainEnvironment, HOME: homedir() },
    });
  };

  const settles = async (): Promise<void> => {
    const next = await stack.command("deploy", "--yes");
    assert.equal(next.code, 0, all(next));
    assert.equal((await stack.running()).homepage, stack.images.homepage);
    const drift = await stack.command("drift");
    assert.equal(drift.code, 0, all(drift));
  };

  it("by a broken connection returns, or says what is pending, and the next one recovers", async () => {
    stack.images.homepage = await stack.variant("homepage", "rebuild");
    await stack.configure();
    const result = await stack.commandUntil(
      "deploy",
      ["--yes"],
      /starting the new \S+-homepage\n/,
      cutConnection,
    );
    assert.ok([0, 1, 2].includes(result.code), all(result));
    if (result.code === 1)
      assert.match(result.stderr, /running: deployment \d+ of .* again, all healthy/);
    if (result.code === 2) assert.match(result.stderr, /the next run begins with what is pending/);
    await settles();
  });

  for (const stage of ["checks", "plan", "images", "rehearsal", "deployment", "health"])
    it(`by Ctrl-C at the stage "${stage}" leaves nothing that the next one cannot finish`, async () => {
      stack.images.homepage = await stack.variant("homepage", "rebuild");
      stack.images.traefik = await stack.variant("traefik", "rebuild");
      await stack.configure();
      const result = await stack.commandUntil(
        "deploy",
        ["--yes"],
        new RegExp(`^\\d+:\\d\\d ${stage}`, "m"),
        (pid) => void process.kill(pid, "SIGINT"),
      );
      assert.equal(result.code, 130, all(result));
      const left = await world().docker.ask(
        "ps",
        "-aq",
        "--filter",
        "label=pinned-stack.rehearsal",
      );
      if (stage !== "rehearsal") assert.equal(left, "");
      await settles();
    });

  it("by the end of its process leaves a lock that the next one takes over", async () => {
    const killed = await stack.commandUntil("deploy", ["--yes"], /plan/, (pid) => {
      process.kill(pid, "SIGKILL");
    });
    assert.notEqual(killed.code, 0);
    await settles();
  });

  it("is told who else is at it", async () => {
    let second: Result | undefined;
    stack.images.homepage = await stack.variant("homepage", "rebuild");
    await stack.configure();
    const first = stack.commandUntil("deploy", ["--yes"], /plan/, async () => {
      second = await stack.command("deploy", "--yes");
    });
    assert.equal((await first).code, 0, all(await first));
    assert.equal(second?.code, 1);
    assert.match(second.stderr, /is being deployed by \S+@\S+ \(process \d+\) since 20/);
  });

  it("by a full disk during the pull has touched nothing", async () => {
    const before = await stack.running();
    stack.images.homepage = `${world().registry.name}/${IMAGES.homepage}@${await world().variant(IMAGES.homepage, "exits", "full")}`;
    await stack.configure();
    const folder = "/var/lib/docker/tmp";
    succeeded(
      "mount",
      await world().host.run("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]),
    );
    const result = await stack.command("deploy", "--yes");
    succeeded("umount", await world().host.run("umount", [folder]));
    assert.equal(result.code, 1, all(result));
    assert.match(result.stderr, /images\.homepage: .*no space left on device.*docker image prune/);
    assert.deepEqual(await stack.running(), before);
  });
});
