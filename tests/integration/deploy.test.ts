import assert from "node:assert/strict";
import { join } from "node:path";

import { pulumiBinaries } from "../support/pulumi";
import { IMAGES } from "../support/requirements";
import { run, succeeded } from "../support/run";
import { useWorld } from "../support/world";
import { ALL, outcomes, rollback } from "./deploy/outcomes";
import { deployStack, useDeployStack, type DeployStack } from "./deploy-stack";

describe("npm run deploy over SSH", function () {
  this.timeout(300_000);
  const world = useWorld({ images: [IMAGES.traefik, IMAGES.homepage], pulumi: true });
  const deployed = useDeployStack(world);
  let stack: DeployStack;
  before(() => {
    ({ stack } = deployed());
  });

  /** What a trial has left. */
  const trials = async (): Promise<string> => {
    const label = ["--filter", "label=hardened.role=trial"];
    const containers = await world().docker.ask("ps", "-aq", ...label);
    return containers + (await world().docker.ask("volume", "ls", "-q", ...label));
  };

  it("warns in its plan of a tag that has moved, and keeps to the pin", async () => {
    const [pinned, moved] = [
      await world().digest(IMAGES.homepage),
      (await stack.variant("homepage", "rebuild")).split("@")[1] ?? "",
    ];
    await world().point(IMAGES.homepage, moved);
    await stack.configure("  pinned-stack:checkTags: true");
    const { code, stdout, stderr } = await stack.command("deploy", "--yes");
    await world().point(IMAGES.homepage, pinned);
    await stack.configure();
    assert.equal(code, 0, stdout + stderr);
    assert.match(
      stdout,
      /^ {2}warning: images\.homepage: \S+ moved \(\w+, built .* ago\) from sha256:\S+ to sha256:\S+; the pin stays, /m,
    );
    assert.match(stderr, /nothing to do, everything is healthy/);
  });

  outcomes(deployed, ["exits", "unhealthy", "otherPlatform"]);
  rollback(deployed);

  it("leaves the stack selected that the user has selected, and says in a preview what is replaced when", async () => {
    succeeded("stack init", await stack.stack.pulumi("stack", "init", "other"));
    succeeded("doctor", await stack.command("doctor"));
    const preview = succeeded("preview", await stack.command("preview", "--full"));
    assert.match(preview.stdout, /^traefik +stop-first +publishes 127\.0\.0\.1:\d+$/m);
    assert.match(preview.stdout, /^homepage +start-first +no published port, no writable volume$/m);
    const { stdout } = succeeded("stack ls", await stack.stack.pulumi("stack", "ls", "--json"));
    const stacks = JSON.parse(stdout) as { readonly name: string; readonly current: boolean }[];
    assert.deepEqual(
      stacks.filter(({ current }) => current).map(({ name }) => name),
      ["other"],
    );
  });

  it("tries Traefik beside the running one, and leaves that alone when it fails", async () => {
    const good = await stack.running();
    stack.images.traefik = await stack.variant("traefik", "exits");
    await stack.configure();
    const probe = stack.probe();
    const result = await stack.command("deploy", "--yes");
    const report = await probe.stop();
    assert.equal(result.code, 1, ALL(result));
    assert.match(
      result.stderr,
      /traefik: on a copy of its data, the new container .* with code \d+; .*\n.*this image is broken on purpose/,
    );
    assert.equal(report.failures, 0, JSON.stringify(report));
    assert.deepEqual(await stack.running(), good);
    assert.equal(await trials(), "");
  });

  it("finds a configuration that Traefik refuses before the running one is touched", async () => {
    const good = await stack.running();
    // As a mistake in the program would: a setting that this Traefik does not know.
    const undo = await stack.patch(
      "components/services/traefik/config.ts",
      "global: { checkNewVersion",
      "global: { chekNewVersion",
    );
    const probe = stack.probe();
    const result = await stack.command("deploy", "--yes");
    const report = await probe.stop();
    await undo();
    assert.equal(result.code, 1, ALL(result));
    assert.match(
      result.stderr,
      /traefik: on a copy of its data, the new container .* with code \d+; .*\n(?: +\|.*\n)*.*chekNewVersion/,
    );
    assert.match(result.stderr, /REFUSED: traefik would not have worked/);
    assert.equal(report.failures, 0, JSON.stringify(report));
    assert.deepEqual(await stack.running(), good);
    assert.equal(await trials(), "");
  });

  it("asks before it weakens a restriction", async () => {
    const weak =
      '  pinned-stack:services: { n8n: { enabled: false }, portainer: { enabled: false }, homepage: { exemptions: [{ control: readOnlyRootfs, value: false, reason: "a test of the question" }] } }';
    await stack.configure(weak, '  pinned-stack:adminAllow: ["192.0.2.0/24"]');
    const refused = await stack.command("deploy", "--yes");
    assert.equal(refused.code, 1, ALL(refused));
    assert.match(
      refused.stdout,
      /WEAKER: homepage has a writable root file system \(a test of the question\)/,
    );
    assert.match(refused.stdout, /WEAKER: ingress lets administrators in from 192\.0\.2\.0\/24/);
    assert.match(refused.stderr, /--allow-weaker; nothing was changed/);
  });

  it("does not take a first deployment back for certificates that are still to come", async () => {
    const secured = await deployStack(world());
    // Nobody answers there.
    const caServer = "https://127.0.0.1:1/directory";
    await secured.configure(
      `  pinned-stack:tls: { mode: acme, email: admin@example.test, dnsProvider: cloudflare, caServer: "${caServer}" }`,
    );
    const result = await secured.command("deploy", "--yes");
    assert.equal(result.code, 0, ALL(result));
    assert.match(result.stderr, /example\.test has no certificate yet/);
    assert.doesNotMatch(ALL(result), /canary/);
  });

  // The last one: from here on the stack's file is another.
  it("returns to nothing whose secrets another passphrase encrypts, and makes a deployment it can return to", async () => {
    const { project, env } = stack.stack;
    const words = ["stack", "change-secrets-provider", "passphrase", "--stack", stack.name];
    const change = await run(join(pulumiBinaries, "pulumi"), [...words, "--non-interactive"], {
      cwd: project,
      env,
      input: "another passphrase",
    });
    succeeded("change-secrets-provider", change);
    env["PULUMI_CONFIG_PASSPHRASE"] = "another passphrase";
    const refused = await stack.command("deploy", "--rollback", "1", "--yes");
    assert.equal(refused.code, 1, ALL(refused));
    assert.match(
      refused.stderr,
      /the secrets of deployment 1 are encrypted with another passphrase/,
    );
    const recorded = await stack.command("deploy", "--yes");
    assert.equal(recorded.code, 0, ALL(recorded));
    assert.match(recorded.stdout, /NO ROLLBACK: the secrets of deployment \d+ are encrypted/);
    const again = await stack.command("deploy", "--yes");
    assert.equal(again.code, 0, ALL(again));
    assert.doesNotMatch(again.stdout, /NO ROLLBACK/);
    assert.match(again.stderr, /nothing to do, everything is healthy/);
  });
});
