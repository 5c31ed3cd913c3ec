import assert from "node:assert/strict";

import { readFile, writeFile } from "node:fs/promises";

import { IMAGES } from "../support/requirements";
import { succeeded } from "../support/run";
import { useWorld } from "../support/world";
import { deployStack, type DeployStack } from "./deploy-stack";

interface Answer {
  readonly drift: readonly { readonly where: string; readonly kind: string }[];
}

describe("npm run drift and npm run doctor over SSH", function () {
  this.timeout(300_000);
  const world = useWorld({ images: [IMAGES.traefik, IMAGES.homepage], pulumi: true });
  let stack: DeployStack;
  let container: string;

  before(async () => {
    stack = await deployStack(world());
    succeeded("deploy", await stack.command("deploy", "--yes"));
    container = await world().docker.ask(
      "ps",
      "-q",
      "--filter",
      "label=pinned-stack.container=homepage",
    );
  });

  const kinds = async (): Promise<readonly string[]> => {
    const { code, stdout, stderr } = await stack.command("drift", "--format", "json");
    const { drift } = JSON.parse(stdout) as Answer;
    assert.equal(code, drift.length === 0 ? 0 : 1, stderr);
    return drift.map(({ where, kind }) => `${where}: ${kind}`);
  };

  it("find nothing on a clean stack", async () => {
    assert.deepEqual(await kinds(), []);
    const doctor = await stack.command("doctor");
    assert.equal(doctor.code, 0, doctor.stdout);
    assert.doesNotMatch(doctor.stdout, /^(?:problem|could not tell)/m);
  });

  it("find changed limits, a foreign network, a stranger, and a stopped container", async () => {
    const { docker } = world();
    await docker.ask(
      "update",
      "--memory",
      "80m",
      "--memory-swap",
      "160m",
      "--pids-limit",
      "100",
      "--cpus",
      "1",
      container,
    );
    await docker.ask("network", "create", "foreign");
    await docker.ask("network", "connect", "foreign", container);
    const image = await world().pinned(IMAGES.homepage);
    await docker.ask(
      "run",
      "-d",
      "--name",
      "stranger",
      "--network",
      `${stack.name}-traefik-homepage`,
      image,
    );
    assert.deepEqual(await kinds(), [
      "homepage: processes",
      "homepage: memory",
      "homepage: cpus",
      "homepage: networks",
      "stranger: undeclared",
    ]);
    await docker.ask("rm", "-f", "stranger");
  });

  it("are content again after a deployment, which says what was changed by hand", async () => {
    const { stdout } = succeeded("deploy", await stack.command("deploy", "--yes"));
    assert.match(stdout, /homepage: processes was changed by hand, 100 instead of 200/);
    assert.deepEqual(await kinds(), []);
  });

  it("find a container that is gone, and a deployment brings it back", async () => {
    const { docker } = world();
    const gone = await docker.ask("ps", "-q", "--filter", "label=pinned-stack.container=homepage");
    await docker.ask("rm", "-f", gone);
    assert.deepEqual(await kinds(), ["homepage: missing"]);
    succeeded("deploy", await stack.command("deploy", "--yes"));
    assert.deepEqual(await kinds(), []);
  });

  it("find a container that runs with more rights than declared", async () => {
    const { docker } = world();
    const id = await docker.ask("ps", "-q", "--filter", "label=pinned-stack.container=homepage");
    await docker.ask("rm", "-f", id);
    const labels = [
      "stack=" + stack.name,
      "role=service",
      "container=homepage",
      "service=homepage",
    ];
    await docker.ask(
      "run",
      "-d",
      "--name",
      "impostor",
      ...labels.flatMap((label) => ["--label", `pinned-stack.${label}`]),
      "--user=0:0",
      "--publish=127.0.0.1:0:80",
      await world().pinned(IMAGES.homepage),
    );
    const found = new Set((await kinds()).map((line) => line.replace("homepage: ", "")));
    for (const kind of [
      "user",
      "capabilities",
      "read-only root",
      "security options",
      "memory",
      "networks",
      "mounts",
      "memory folders",
      "published ports",
    ])
      assert.ok(found.has(kind), kind);
    await docker.ask("rm", "-f", "impostor");
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
      /^problem +host: .*Host key verification failed.*compare them on the server/m,
    );
    const drift = await stack.command("drift");
    assert.equal(drift.code, 2);
  });
});
