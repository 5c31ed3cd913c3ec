/** A stack of which Pulumi's state is lost: what carries its labels is taken over, with its data. */
import assert from "node:assert/strict";

import { IMAGES } from "../support/requirements";
import { succeeded, type Result } from "../support/run";
import { useWorld } from "../support/world";
import { deployStack, type DeployStack } from "./deploy-stack";

const ALL = (result: Result): string => `${result.stdout}${result.stderr}`;

describe("a stack whose state is lost", function () {
  this.timeout(300_000);
  const images = [IMAGES.traefik, IMAGES.homepage, IMAGES.portainer, IMAGES.socketProxy];
  const world = useWorld({ images, pulumi: true });
  let stack: DeployStack;
  let objects: readonly number[];
  let runs: Readonly<Record<string, string>>;

  const ask = (...words: readonly string[]): Promise<string> => world().docker.ask(...words);
  const mine = (): readonly string[] => ["--filter", `label=pinned-stack.stack=${stack.name}`];
  const list = async (...words: readonly string[]): Promise<string[]> =>
    (await ask(...words)).split("\n").filter(Boolean).sort();
  const running = (): Promise<string[]> =>
    list("ps", "-q", "--no-trunc", ...mine(), "--filter", "label=hardened.role=container");
  const everything = async (): Promise<readonly number[]> => [
    (await list("ps", "-aq", ...mine())).length,
    (await list("network", "ls", "-q", ...mine())).length,
    (await list("volume", "ls", "-q", ...mine())).length,
  ];
  const inVolume = (command: string): Promise<string> =>
    ask(
      ...["run", "--rm", "--network", "none", "--volume", `${stack.name}-portainer-data:/data`],
      ...["--entrypoint", "/bin/sh", stack.images.homepage ?? "", "-c", command],
    );

  before(async () => {
    stack = await deployStack(world(), ["traefik", "homepage", "portainer", "socket-proxy"]);
    succeeded("deploy", await stack.command("deploy", "--yes"));
    await inVolume("echo kept >/data/kept");
    // Without the labels of the stack, whatever their names.
    await ask("network", "create", `${stack.name}-foreign`);
    await ask(
      ...["run", "-d", "--name", `${stack.name}-bystander`, "--network", `${stack.name}-foreign`],
      ...["--entrypoint", "sleep", stack.images.homepage ?? "", "1000"],
    );
    objects = await everything();
    runs = await stack.running();
    succeeded(
      "stack rm",
      await stack.stack.pulumi("stack", "rm", stack.name, "--force", "--yes", "--preserve-config"),
    );
  });

  it("is named by the doctor and refused by a deployment, with the command", async () => {
    const ids = await running();
    const words =
      /Pulumi's state of stack \S+ is empty or incomplete, but 4 containers and \d+ networks of it exist .*npm run deploy -- --stack \S+ --adopt/;
    for (const command of ["doctor", "deploy"] as const) {
      const result = await stack.command(command, ...(command === "deploy" ? ["--yes"] : []));
      assert.equal(result.code, 1, ALL(result));
      assert.match(ALL(result), words);
    }
    assert.deepEqual(await running(), ids);
    assert.deepEqual(await everything(), objects);
  });

  it("runs as before when it cannot be taken over", async () => {
    const ids = await running();
    const good = { ...stack.images };
    stack.images.homepage = await stack.variant("homepage", "exits");
    await stack.configure();
    const result = await stack.command("deploy", "--yes", "--adopt");
    assert.equal(result.code, 3, ALL(result));
    assert.match(result.stdout, /^ {2}current state: networks taken over: /m);
    assert.match(
      result.stdout,
      /^ {2}current state: data volumes taken over: \S+-portainer-data$/m,
    );
    assert.match(result.stdout, /^ {2}portainer +replaced/m);
    assert.match(result.stderr, /RETURNED: the previous containers run again with their data/);
    assert.deepEqual(await running(), ids);
    Object.assign(stack.images, good);
    await stack.configure();
    const refused = await stack.command("deploy", "--yes");
    assert.equal(refused.code, 1, ALL(refused));
    assert.match(refused.stderr, /--adopt/);
    assert.deepEqual(await running(), ids);
  });

  it("is taken over with its data, and nothing of the previous one stays", async () => {
    const volume = await ask("volume", "inspect", `${stack.name}-portainer-data`);
    const probe = stack.probe({ every: 75 });
    const result = await stack.command("deploy", "--yes", "--adopt");
    const report = await probe.stop();
    assert.equal(result.code, 0, ALL(result));
    assert.equal(await inVolume("cat /data/kept"), "kept");
    assert.equal(await ask("volume", "inspect", `${stack.name}-portainer-data`), volume);
    assert.deepEqual(await everything(), objects);
    assert.deepEqual(await stack.running(), runs);
    assert.equal(
      await ask("inspect", "-f", "{{.State.Running}}", `${stack.name}-bystander`),
      "true",
    );
    assert.ok(report.longestGap < 15_000, JSON.stringify(report));
    process.stderr.write(`      ${JSON.stringify(report)}\n`);
    const again = await stack.command("deploy", "--yes");
    assert.equal(again.code, 0, ALL(again));
    assert.match(again.stderr, /nothing to do, everything is healthy/);
    const drift = await stack.command("drift");
    assert.equal(drift.code, 0, ALL(drift));
  });
});
