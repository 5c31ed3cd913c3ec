/** What drift and doctor find on a clean stack, and on one that was changed. For each engine that the tests run on. */
import assert from "node:assert/strict";

import { IMAGES } from "../../support/requirements";
import { succeeded } from "../../support/run";
import type { World } from "../../support/world";
import type { DeployStack } from "../deploy-stack";

interface Answer {
  readonly drift: readonly { readonly where: string; readonly kind: string }[];
}

/** The id of the start page's container, running or not. */
export const homepageOf = ({ docker }: World): Promise<string> =>
  docker.ask(
    ...["ps", "-aq", "--filter", "label=pinned-stack.container=homepage"],
    ...["--filter", "label=hardened.role=container"],
  );

/** `where: kind` of each difference that drift finds. */
export async function driftOf(stack: DeployStack): Promise<readonly string[]> {
  const { code, stdout, stderr } = await stack.command("drift", "--format", "json");
  const { drift } = JSON.parse(stdout) as Answer;
  assert.equal(code, drift.length === 0 ? 0 : 1, stderr);
  return drift.map(({ where, kind }) => `${where}: ${kind}`);
}

interface Deployed {
  readonly world: World;
  readonly stack: DeployStack;
}

export function nothingFound(deployed: () => Deployed): void {
  it("find nothing on a clean stack", async () => {
    const { stack } = deployed();
    assert.deepEqual(await driftOf(stack), []);
    const doctor = await stack.command("doctor");
    assert.equal(doctor.code, 0, doctor.stdout);
    assert.doesNotMatch(doctor.stdout, /^(?:problem|unknown)/m);
  });
}

export function findings(deployed: () => Deployed): void {
  it("find changed limits, a foreign network and a stranger, and a deployment brings back what is declared", async () => {
    const { world, stack } = deployed();
    const { docker } = world;
    const changed = await homepageOf(world);
    const limits = "--memory 80m --memory-swap 160m --pids-limit 100 --cpus 1".split(" ");
    await docker.ask("update", ...limits, changed);
    await docker.ask("network", "create", "foreign");
    await docker.ask("network", "connect", "foreign", changed);
    const network = `${stack.name}-traefik-homepage`;
    const image = await world.pinned(IMAGES.homepage);
    await docker.ask("run", "-d", "--name", "stranger", "--network", network, image);
    assert.deepEqual(await driftOf(stack), [
      "homepage: processes",
      "homepage: memory",
      "homepage: cpus",
      "homepage: networks",
      "stranger: undeclared",
    ]);
    const { stdout } = succeeded("deploy", await stack.command("deploy", "--yes"));
    assert.match(stdout, /homepage: processes was changed outside Pulumi: 100 instead of 200/);
    assert.match(stdout, /stranger \(.*\) is not part of the stack and stays/);
    await docker.ask("rm", "-f", "stranger");
    assert.deepEqual(await driftOf(stack), []);
  });
}
