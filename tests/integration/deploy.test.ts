import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { IMAGES } from "../support/requirements";
import { succeeded, type Result } from "../support/run";
import { useWorld } from "../support/world";
import { deployStack, type DeployStack } from "./deploy-stack";

const ALL = (result: Result): string => `${result.stdout}${result.stderr}`;

describe("npm run deploy over SSH", function () {
  this.timeout(300_000);
  const world = useWorld({ images: [IMAGES.traefik, IMAGES.homepage], pulumi: true });
  let stack: DeployStack;
  let good: Readonly<Record<string, string>>;

  before(async function () {
    this.timeout(300_000);
    stack = await deployStack(world());
    good = { ...stack.images };
  });

  const backToGood = async (): Promise<void> => {
    Object.assign(stack.images, good);
    await stack.configure();
  };
  afterEach(backToGood);

  it("deploys a new stack, finds nothing to do afterwards, and drift finds nothing", async () => {
    const first = await stack.command("deploy", "--yes");
    succeeded("deploy", first);
    assert.match(first.stderr, /deployed: 2 containers healthy, 1 routes answer/);
    const logins = await world().ssh.logins();
    const again = await stack.command("deploy", "--yes");
    assert.equal(again.code, 0, ALL(again));
    assert.match(again.stderr, /nothing to do, all is healthy/);
    assert.ok((await world().ssh.logins()) - logins <= 1);
    const drift = await stack.command("drift");
    assert.equal(drift.code, 0, ALL(drift));
  });

  it("replaces a stateless service without a failed request", async () => {
    stack.images.homepage = await stack.variant("homepage", "rebuild");
    await stack.configure();
    const probe = stack.probe();
    const result = await stack.command("deploy", "--yes");
    const report = await probe.stop();
    assert.equal(result.code, 0, ALL(result));
    good = { ...stack.images };
    assert.equal(report.failures, 0, JSON.stringify(report));
    assert.match(result.stdout, /start first +no published port, no writable volume/);
    assert.equal((await stack.running()).homepage, stack.images.homepage);
  });

  for (const [kind, code, says] of [
    ["exits", 1, /homepage is restarting.*\n +\| this image is broken on purpose/],
    ["unhealthy", 1, /homepage is running (?:unhealthy|starting)/],
    ["otherPlatform", 1, /images\.homepage: .*arm64/],
  ] as const)
    it(`keeps the homepage up when its new image is of the kind "${kind}"`, async () => {
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
      assert.equal((await stack.running()).homepage, good.homepage);
      assert.equal(await readFile(file, "utf8"), before);
      await backToGood();
      const settled = await stack.command("drift");
      assert.equal(settled.code, 0, ALL(settled));
    });

  it("touches nothing when an image cannot be pulled", async () => {
    stack.images.homepage = `${world().registry.name}/${IMAGES.homepage}@sha256:${"0".repeat(64)}`;
    await stack.configure();
    const result = await stack.command("deploy", "--yes");
    assert.equal(result.code, 1, ALL(result));
    assert.match(result.stderr, /images\.homepage: .*manifest unknown/);
    assert.match(result.stderr, /nothing was changed, what ran runs on/);
    assert.equal((await stack.running()).homepage, good.homepage);
  });

  it("tries Traefik beside the running one, and leaves that alone when it fails", async () => {
    stack.images.traefik = await stack.variant("traefik", "exits");
    await stack.configure();
    const probe = stack.probe();
    const result = await stack.command("deploy", "--yes");
    const report = await probe.stop();
    assert.equal(result.code, 1, ALL(result));
    assert.match(result.stderr, /traefik: not healthy.*\n.*this image is broken on purpose/);
    assert.equal(report.failures, 0, JSON.stringify(report));
    assert.equal((await stack.running()).traefik, good.traefik);
    const left = await world().docker.ask("ps", "-aq", "--filter", "label=pinned-stack.rehearsal");
    assert.equal(left, "");
    assert.equal(
      await world().docker.ask("volume", "ls", "-q", "--filter", "label=pinned-stack.rehearsal"),
      "",
    );
  });

  it("asks before it weakens a restriction", async () => {
    const weak =
      '  pinned-stack:services: { n8n: { enabled: false }, portainer: { enabled: false }, homepage: { exemptions: [{ control: readOnlyRootfs, value: false, reason: "a test of the question" }] } }';
    await stack.configure(weak);
    const refused = await stack.command("deploy", "--yes");
    assert.equal(refused.code, 1, ALL(refused));
    assert.match(
      refused.stdout,
      /WEAKER: homepage may write to its root \(a test of the question\)/,
    );
    assert.match(refused.stderr, /--allow-weaker; nothing was changed/);
  });

  it("lists the deployments and goes back to one of them", async () => {
    const history = await stack.command("deploy", "--history");
    assert.match(history.stdout, /^1 +\S+ +succeeded +npm run deploy /m);
    assert.match(history.stdout, / failed /);
    assert.match(history.stdout, /npm run deploy: return to \d+/);
    const result = await stack.command("deploy", "--rollback", "1", "--yes");
    assert.equal(result.code, 0, ALL(result));
    assert.equal((await stack.running()).homepage, await world().pinned(IMAGES.homepage));
    const forth = await stack.command("deploy", "--yes");
    assert.equal(forth.code, 0, ALL(forth));
    assert.equal((await stack.running()).homepage, good.homepage);
  });
});
