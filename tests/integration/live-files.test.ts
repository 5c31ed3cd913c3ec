/** Files that are replaced while their container runs: Traefik's rules and the start page. */
import assert from "node:assert/strict";

import { IMAGES } from "../support/requirements";
import { succeeded, type Result } from "../support/run";
import { until } from "../support/until";
import { useWorld } from "../support/world";
import { deployStack, type DeployStack } from "./deploy-stack";

const ALL = (result: Result): string => `${result.stdout}${result.stderr}`;
const allow = (...ranges: readonly string[]): string =>
  `  pinned-stack:adminAllow: ${JSON.stringify(ranges)}`;
interface Exported {
  readonly deployment: {
    readonly resources: readonly {
      readonly urn: string;
      readonly outputs?: { readonly model?: { readonly image?: string } };
    }[];
  };
}
const NOBODY = "192.0.2.0/24";
const EVERYBODY = ["192.0.2.0/24", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
const ADMIN = "portainer.example.test";

describe("files that are reloaded", function () {
  this.timeout(300_000);
  const images = [IMAGES.traefik, IMAGES.homepage, IMAGES.portainer, IMAGES.socketProxy];
  const world = useWorld({ images, pulumi: true });
  let stack: DeployStack;

  before(async () => {
    stack = await deployStack(world(), ["traefik", "homepage", "portainer", "socket-proxy"]);
    await stack.configure(allow(NOBODY));
    succeeded("deploy", await stack.command("deploy", "--yes"));
  });

  const idOf = async (container: string): Promise<string> =>
    world().docker.ask(
      ...["ps", "-q", "--no-trunc", "--filter", `label=hardened.name=${stack.name}-${container}`],
      ...["--filter", "label=hardened.role=container"],
    );
  const ids = async (): Promise<readonly string[]> => [
    await idOf("traefik"),
    await idOf("homepage"),
  ];

  const answers = (status: string): Promise<boolean> =>
    until(`${ADMIN} answers ${status}`, async () =>
      (await stack.ask(ADMIN)) === status ? true : undefined,
    );

  it("takes another list of addresses without an interruption, within seconds", async () => {
    const before = await ids();
    assert.equal(await stack.ask(ADMIN), "403");
    await stack.configure(allow(...EVERYBODY));
    const probe = stack.probe({ every: 75 });
    const preview = succeeded("preview", await stack.command("preview"));
    assert.match(
      preview.stdout,
      /^ {2}traefik +reloaded +configuration: files; nobody is interrupted$/m,
    );
    const result = await stack.command("deploy", "--yes", "--allow-weaker");
    const written = performance.now();
    await answers("200");
    const seconds = (performance.now() - written) / 1000;
    const report = await probe.stop();
    assert.equal(result.code, 0, ALL(result));
    assert.match(result.stderr, /^ +reloading \S+-traefik-routes: done$/m);
    assert.ok(seconds < 5, `${seconds} s`);
    assert.equal(report.failures, 0, JSON.stringify(report));
    assert.deepEqual(await ids(), before);
    process.stderr.write(
      `      ${JSON.stringify(report)}, effective ${seconds.toFixed(1)} s after the end\n`,
    );
    const drift = await stack.command("drift");
    assert.equal(drift.code, 0, ALL(drift));
    const again = await stack.command("deploy", "--yes");
    assert.match(again.stderr, /nothing to do, everything is healthy/);
  });

  it("does not replace the start page when another service gets another image", async () => {
    const before = await ids();
    stack.images.portainer = await stack.variant("portainer", "rebuild");
    await stack.configure(allow(...EVERYBODY));
    const probe = stack.probe({ every: 75 });
    const result = await stack.command("deploy", "--yes");
    const report = await probe.stop();
    assert.equal(result.code, 0, ALL(result));
    assert.match(result.stdout, /^ {2}homepage +reloaded /m);
    assert.equal(report.failures, 0, JSON.stringify(report));
    assert.deepEqual(await ids(), before);
    process.stderr.write(`      ${JSON.stringify(report)}\n`);
    const digest = stack.images.portainer.split("@")[1] ?? "none";
    const page = await world().docker.ask(
      "exec",
      before[1] ?? "",
      "cat",
      "/srv/homepage/details/index.html",
    );
    assert.ok(page.includes(digest.slice(7, 19)), page);
    stack.accept();
  });

  it("takes the rules back with everything else when a deployment fails", async () => {
    const before = await ids();
    stack.images.homepage = await stack.variant("homepage", "exits");
    await stack.configure(allow(NOBODY));
    const probe = stack.probe({ every: 75 });
    const result = await stack.command("deploy", "--yes");
    const report = await probe.stop();
    assert.equal(result.code, 3, ALL(result));
    assert.match(result.stderr, /putting files back/);
    assert.equal(report.failures, 0, JSON.stringify(report));
    await answers("200");
    assert.deepEqual(await ids(), before);
    // The update of the files alone has not recorded the old container as the new one.
    const state = JSON.parse(await stack.stack.exportState()) as Exported;
    const recorded = state.deployment.resources.find(({ urn }) =>
      urn.endsWith(`hardened:docker:Container::${stack.name}-homepage`),
    );
    assert.equal(recorded?.outputs?.model?.image, stack.images.homepage);
    // The same once more, without what failed: the rules are not taken for those of the failed deployment.
    await stack.reset();
    await stack.configure(allow(NOBODY));
    const next = await stack.command("deploy", "--yes");
    assert.equal(next.code, 0, ALL(next));
    await answers("403");
    const drift = await stack.command("drift");
    assert.equal(drift.code, 0, ALL(drift));
  });
});
