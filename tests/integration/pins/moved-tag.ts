/** What follows when the tag of a pinned image moves. For each engine that the tests run on. */
import assert from "node:assert/strict";

import { succeeded } from "../../support/run";
import type { World } from "../../support/world";
import { asked, HOMEPAGE, pinHomepage, unchanged, unnoticed, type Small } from "./small";

/** Of a stack that is deployed over SSH as `remote`. */
export function movedTag(world: () => World, remote: () => Small): void {
  let old: string;
  let moved: string;

  before(async () => {
    old = await world().digest(HOMEPAGE);
    moved = await world().variant(HOMEPAGE, "rebuild");
  });

  it("preview warns, names both digests, and keeps the pin", async () => {
    const { code, stdout } = await remote().preview("--expect-no-changes");
    assert.equal(code, 0, stdout);
    assert.match(
      stdout,
      new RegExp(
        `warning: images\\.homepage: \\S+:1\\.27-alpine moved \\(.+\\) from ${old} to ${moved}; the pin stays`,
      ),
    );
  });

  it("a changed pin shows in preview with old and new digest, and what is replaced first", async () => {
    await pinHomepage(world(), remote(), moved);
    const { code, stdout } = await remote().preview("--diff");
    assert.equal(code, 0, stdout);
    assert.match(stdout, new RegExp(`~ image *: "\\S+@${old}" => "\\S+@${moved}"`));
    const steps = (await remote().preview()).stdout;
    const created = steps.indexOf("++ docker:index:Container remote-homepage create replacement");
    const deleted = steps.indexOf("-- docker:index:Container remote-homepage delete original");
    assert.ok(created !== -1 && created < deleted, steps);
    assert.doesNotMatch(steps, /Container remote-traefik /);
  });

  it("up starts the new one before it stops the old, and no visitor misses anything", async () => {
    const before = await remote().ids();
    succeeded("up", await unnoticed(remote(), () => remote().up()));
    const after = await remote().ids();
    assert.equal(after["traefik"], before["traefik"]);
    assert.notEqual(after["homepage"], before["homepage"]);
    const images = await remote().images();
    assert.equal(images["homepage"], `${world().registry.name}/${HOMEPAGE}@${moved}`);
  });

  it("the old pin brings the old image back without asking the registry", async () => {
    await pinHomepage(world(), remote(), old);
    const { result, program, daemon } = await asked(world(), () => remote().up());
    succeeded("up", result);
    assert.deepEqual({ program, daemon }, { program: 0, daemon: 0 });
    assert.match((await remote().images())["homepage"] ?? "", new RegExp(`@${old}$`));
    await world().point(HOMEPAGE, old);
    await unchanged(remote());
  });
}
