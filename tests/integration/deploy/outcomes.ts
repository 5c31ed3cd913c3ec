/** How deployments of a small stack end: done, taken back, or refused. For each engine that the tests run on. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { IMAGES } from "../../support/requirements";
import { succeeded, type Result } from "../../support/run";
import type { World } from "../../support/world";
import type { DeployStack } from "../deploy-stack";

export interface Deployed {
  readonly world: World;
  readonly stack: DeployStack;
  /** What the first deployment printed. */
  readonly first: Result;
}

export const ALL = (result: Result): string => `${result.stdout}${result.stderr}`;

const BAD = {
  exits: {
    code: 3,
    says: /homepage: the new container keeps exiting.*\n +\| this image is broken on purpose/,
  },
  unhealthy: { code: 3, says: /homepage: the new container is not ready after \d+ seconds/ },
  otherPlatform: { code: 1, says: /images\.homepage: .*arm64/ },
} as const;

/** In a stack of Traefik and the start page, whose tests begin and end with it as it should be. */
export function outcomes(deployed: () => Deployed, kinds: readonly (keyof typeof BAD)[]): void {
  it("deploys a new stack, finds nothing to do afterwards, and drift finds nothing", async () => {
    const { world, stack, first } = deployed();
    assert.match(first.stderr, /done: 2 containers healthy, 1 routes answer/);
    const logins = await world.ssh.logins();
    const again = await stack.command("deploy", "--yes");
    assert.equal(again.code, 0, ALL(again));
    assert.match(again.stderr, /nothing to do, everything is healthy/);
    assert.ok((await world.ssh.logins()) - logins <= 1);
    assert.equal(await stack.isLocked(), false);
    const drift = await stack.command("drift");
    assert.equal(drift.code, 0, ALL(drift));
  });

  it("replaces a stateless service without a failed request", async () => {
    const { stack } = deployed();
    stack.images.homepage = await stack.variant("homepage", "rebuild");
    await stack.configure();
    const probe = stack.probe();
    const result = await stack.command("deploy", "--yes");
    const report = await probe.stop();
    assert.equal(result.code, 0, ALL(result));
    stack.accept();
    assert.equal(report.failures, 0, JSON.stringify(report));
    assert.match(result.stdout, /start-first +no published port, no writable volume/);
    assert.equal((await stack.running()).homepage, stack.images.homepage);
  });

  for (const kind of kinds)
    it(`keeps the homepage up when its new image is of the kind "${kind}"`, async () => {
      const { stack } = deployed();
      const { code, says } = BAD[kind];
      const good = await stack.running();
      stack.images.homepage = await stack.variant("homepage", kind);
      await stack.configure();
      const file = join(stack.stack.project, `Pulumi.${stack.name}.yaml`);
      const before = await readFile(file, "utf8");
      const probe = stack.probe();
      const result = await stack.command("deploy", "--yes");
      const report = await probe.stop();
      assert.equal(result.code, code, ALL(result));
      assert.match(result.stderr, says);
      assert.equal(report.failures, 0, JSON.stringify(report));
      assert.deepEqual(await stack.running(), good);
      assert.equal(await readFile(file, "utf8"), before);
      await stack.reset();
      const settled = await stack.command("drift");
      assert.equal(settled.code, 0, ALL(settled));
    });

  it("touches nothing when an image cannot be pulled", async () => {
    const { world, stack } = deployed();
    const good = await stack.running();
    stack.images.homepage = `${world.registry.name}/${IMAGES.homepage}@sha256:${"0".repeat(64)}`;
    await stack.configure();
    const result = await stack.command("deploy", "--yes");
    assert.equal(result.code, 1, ALL(result));
    assert.match(result.stderr, /images\.homepage: .*(?:manifest unknown|not found)/);
    assert.match(result.stderr, /nothing was changed; running containers were not touched/);
    assert.deepEqual(await stack.running(), good);
  });
}

/** Of the same stack. */
export function rollback(deployed: () => Deployed): void {
  it("lists the deployments and goes back to one of them", async () => {
    const { stack } = deployed();
    const good = await stack.running();
    const { homepage = "" } = stack.images;
    // An index, as registries have published images.
    stack.images.homepage = await stack.variant("homepage", "reindex");
    await stack.configure();
    succeeded("deploy", await stack.command("deploy", "--yes"));
    const history = await stack.command("deploy", "--history");
    assert.match(history.stdout, /^1 +\S+ +succeeded +npm run deploy /m);
    const result = await stack.command("deploy", "--rollback", "--yes");
    assert.equal(result.code, 0, ALL(result));
    assert.deepEqual(await stack.running(), good);
    stack.images.homepage = homepage;
    await stack.configure();
    const again = await stack.command("deploy", "--yes");
    assert.match(again.stderr, /nothing to do, everything is healthy/);
  });
}
