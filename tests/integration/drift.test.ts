import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";

import { IMAGES } from "../support/requirements";
import { succeeded } from "../support/run";
import { useWorld } from "../support/world";
import { driftOf, findings, homepageOf, nothingFound } from "./deploy/findings";
import { deployStack, type DeployStack } from "./deploy-stack";

describe("npm run drift and npm run doctor over SSH", function () {
  this.timeout(300_000);
  const world = useWorld({ images: [IMAGES.traefik, IMAGES.homepage], pulumi: true });
  let stack: DeployStack;

  before(async () => {
    stack = await deployStack(world());
    succeeded("deploy", await stack.command("deploy", "--yes"));
  });

  afterEach(async function () {
    // A scenario that fails must not take those after it with it.
    if (this.currentTest?.state === "failed") {
      await world().docker.cli(["rm", "-f", "stranger", "impostor"]);
      await stack.settle();
    }
  });

  const homepage = (): Promise<string> => homepageOf(world());
  const kinds = (): Promise<readonly string[]> => driftOf(stack);

  nothingFound(() => ({ world: world(), stack }));
  findings(() => ({ world: world(), stack }));

  it("find a container that is stopped, that is gone, and that has more rights than declared", async () => {
    const { docker } = world();
    const id = await homepage();
    await docker.ask("stop", id);
    assert.deepEqual(await kinds(), ["homepage: state"]);
    await docker.ask("rm", id);
    assert.deepEqual(await kinds(), ["homepage: missing"]);
    const labels = [
      `pinned-stack.stack=${stack.name}`,
      "pinned-stack.container=homepage",
      "hardened.role=container",
    ];
    // Only made: not every machine lets a privileged container start.
    await docker.ask(
      "create",
      "--name",
      "impostor",
      ...labels.flatMap((label) => ["--label", label]),
      "--user=0:0",
      "--privileged",
      "--pid=host",
      "--publish=127.0.0.1:0:80",
      await world().pinned(IMAGES.traefik),
    );
    const found = new Set((await kinds()).map((line) => line.replace("homepage: ", "")));
    for (const kind of [
      "image",
      "user",
      "capabilities",
      "privileged",
      "read-only root",
      "security options",
      "processes",
      "memory",
      "cpus",
      "namespaces",
      "networks",
      "mounts",
      "tmpfs",
      "published ports",
    ])
      assert.ok(found.has(kind), kind);
    await docker.ask("rm", "-f", "impostor");
    succeeded("deploy", await stack.command("deploy", "--yes"));
    assert.deepEqual(await kinds(), []);
  });

  it("find a network that leads out", async () => {
    const { docker } = world();
    const name = `${stack.name}-traefik-homepage`;
    const members = (
      await docker.ask("ps", "-q", "--filter", "label=hardened.role=container")
    ).split("\n");
    for (const member of members) await docker.ask("network", "disconnect", "-f", name, member);
    await docker.ask("network", "rm", name);
    await docker.ask("network", "create", "--label", `pinned-stack.stack=${stack.name}`, name);
    for (const member of members) await docker.ask("network", "connect", name, member);
    assert.deepEqual(await kinds(), [`${name}: internal network`]);
  });

  it("say what is wrong with a host that is not the one that is known", async () => {
    const { wrongHostKey, hostKey } = world().ssh;
    await stack.configure();
    const file = `${stack.stack.project}/Pulumi.${stack.name}.yaml`;
    const text = await readFile(file, "utf8");
    await writeFile(file, text.replace(hostKey, wrongHostKey));
    const doctor = await stack.command("doctor");
    assert.equal(doctor.code, 1, doctor.stdout);
    assert.match(
      doctor.stdout,
      /^problem +host: .*Host key verification failed.*verify the new key on the server/m,
    );
    for (const line of ["docker", "disk", "clock", "port \\d+"])
      assert.match(
        doctor.stdout,
        new RegExp(`^unknown +${line}: not checked, because the host cannot be reached$`, "m"),
      );
    const drift = await stack.command("drift");
    assert.equal(drift.code, 2);
  });
});
