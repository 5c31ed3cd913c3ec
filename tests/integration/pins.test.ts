/** Two services on a real engine, daemon and registry: what a change of an image does, and what a bad one does not do. */
import assert from "node:assert/strict";

import { onSocket, overSsh, pinnedImages } from "../support/deployment";
import { IMAGES } from "../support/requirements";
import { succeeded } from "../support/run";
import { useWorld } from "../support/world";
import { movedTag } from "./pins/moved-tag";
import {
  asked,
  HOMEPAGE,
  newSmall,
  pinHomepage,
  unchanged,
  unnoticed,
  type Small,
} from "./pins/small";

const NOWHERE = `sha256:${"0".repeat(64)}`;

describe("pinned images, deployed", function () {
  this.timeout(90_000);
  const world = useWorld({ images: [IMAGES.traefik, HOMEPAGE], pulumi: true });
  let remote: Small;
  let local: Small;
  before(async () => {
    remote = await newSmall(world(), "remote", overSsh(world()));
    local = await newSmall(world(), "local", onSocket(world()));
  });

  describe("at first", () => {
    it("up over SSH does not contact the registry; only the daemon pulls", async () => {
      const { result, program, daemon } = await asked(world(), () => remote.up());
      succeeded("up", result);
      assert.equal(program, 0);
      assert.ok(daemon > 0);
      assert.equal(await remote.answer(), "200");
      assert.ok((await world().ssh.logins()) > 0);
    });

    it("up on a local socket works as well, logs in nowhere, and pulls nothing that is there", async () => {
      const logins = await world().ssh.logins();
      const { result, program, daemon } = await asked(world(), () => local.up());
      succeeded("up", result);
      assert.deepEqual({ program, daemon }, { program: 0, daemon: 0 });
      assert.equal(await local.answer(), "200");
      assert.equal(await world().ssh.logins(), logins);
    });

    it("the next preview has nothing to do, with and without a look at the host", async () => {
      await Promise.all([unchanged(remote, "--refresh"), unchanged(local)]);
    });
  });

  describe("when the tag moves", () => {
    movedTag(world, () => remote);
  });

  describe("when the new image is bad", () => {
    let good: string;
    before(async () => {
      good = await world().digest(HOMEPAGE);
    });

    it("one that cannot be pulled changes nothing: everything keeps running", async () => {
      const before = await remote.ids();
      await pinHomepage(world(), remote, NOWHERE);
      const { code, stdout } = await unnoticed(remote, () => remote.up());
      assert.notEqual(code, 0);
      assert.match(stdout, /0000000:? not found|manifest unknown/);
      assert.deepEqual(await remote.ids(), before);
      await pinHomepage(world(), remote, good);
      succeeded("up", await remote.up());
      assert.deepEqual(await remote.ids(), before);
      await unchanged(remote);
    });

    for (const [kind, small] of [
      ["exits", (): Small => remote],
      ["unhealthy", (): Small => local],
    ] as const)
      it(`one that ${kind === "exits" ? "exits" : "is never healthy"} leaves the old one serving, and the old pin cleans up`, async function () {
        this.timeout(180_000);
        const stack = small();
        const before = await stack.images();
        await pinHomepage(world(), stack, await world().variant(HOMEPAGE, kind, kind));
        const failed = await unnoticed(stack, () => stack.up());
        assert.notEqual(failed.code, 0);
        assert.equal(await stack.answer(), "200");
        await pinHomepage(world(), stack, good);
        succeeded("up", await unnoticed(stack, () => stack.up()));
        assert.deepEqual(await stack.images(), before);
        await unchanged(stack, "--refresh");
      });
  });

  describe("without a pin", () => {
    const bare = (tag: string): Promise<void> =>
      remote.pin({ homepage: `${world().registry.name}/${HOMEPAGE.replace(/:.*/, "")}:${tag}` });
    after(async () => {
      await remote.pin(await pinnedImages(world(), ["homepage"]));
    });

    it("a tag is resolved by the registry and deployed by digest", async () => {
      await bare("1.27-alpine");
      const { result, program } = await asked(world(), () => remote.preview("--expect-no-changes"));
      assert.equal(result.code, 0, result.stdout);
      assert.ok(program > 0);
      const next = await world().variant(HOMEPAGE, "rebuild", "next");
      await bare("next");
      succeeded("up", await remote.up());
      assert.match((await remote.images())["homepage"] ?? "", new RegExp(`:next@${next}$`));
      const { images } = (await remote.stack.outputs()) as {
        readonly images: Record<string, string>;
      };
      assert.match(images["homepage"] ?? "", new RegExp(`:next@${next}$`));
    });

    it("a tag that does not exist is reported before anything else", async () => {
      await bare("1.27-alpin");
      const { code, stdout } = await remote.preview();
      assert.notEqual(code, 0);
      assert.match(stdout, /images\.homepage: .*1\.27-alpin\b.*check the repository and the tag/);
    });
  });

  describe("without the registry", () => {
    before(() => world().registry.stop());
    after(() => world().registry.start());

    it("a pinned stack is previewed all the same, with one line for all images", async () => {
      const { code, stdout } = await local.preview("--expect-no-changes");
      assert.equal(code, 0, stdout);
      assert.match(
        stdout,
        /warning: images of [a-z, -]*homepage[a-z, -]* not checked: .*; the pins stay; check the network/,
      );
      assert.doesNotMatch(stdout, /images\.homepage: /);
    });

    it("a tag that would have to be resolved is an error that says what to do", async () => {
      const pinned = await local.images();
      await local.pin({ homepage: `${world().registry.name}/${HOMEPAGE}` });
      const { code, stdout } = await local.preview();
      assert.notEqual(code, 0);
      assert.match(
        stdout,
        /images\.homepage: .*; check the network and the registry, then try again, or pin the image/,
      );
      await local.pin({ homepage: pinned["homepage"] ?? "" });
    });
  });

  describe("on a host that is not the right one", () => {
    it("a misfit stops up before any container is touched, in one line with the way out", async () => {
      const before = await local.ids();
      await local.set({ platform: "linux/arm64" });
      const { code, stdout } = await local.up();
      assert.notEqual(code, 0);
      const line =
        "docker: the host is linux/amd64, the configuration says linux/arm64; set pinned-stack:platform";
      assert.ok(stdout.includes(line), stdout);
      assert.deepEqual(await local.ids(), before);
      await local.set({ platform: "linux/amd64" });
      succeeded("up", await local.up());
      assert.deepEqual(await local.ids(), before);
    });

    it("a server with another key is refused, even right after a connection to the right one", async () => {
      const { address, hostKey, wrongHostKey } = world().ssh;
      const before = await remote.ids();
      await remote.set({ host: { address, hostKey } });
      succeeded("refresh", await remote.preview("--refresh"));
      await remote.set({ host: { address, hostKey: wrongHostKey } });
      await pinHomepage(world(), remote, await world().digest(HOMEPAGE));
      const { code, stdout } = await remote.up();
      assert.notEqual(code, 0);
      assert.match(stdout, /Host key verification failed|No ED25519 host key is known/);
      assert.deepEqual(await remote.ids(), before);
      await remote.set({ host: { address, hostKey } });
    });

    it("a host that is down can be planned for, and up fails without delay", async () => {
      const before = await remote.ids();
      await pinHomepage(world(), remote, await world().variant(HOMEPAGE, "rebuild"));
      await world().ssh.stop();
      const plan = await remote.preview();
      assert.equal(plan.code, 0, plan.stdout);
      assert.match(plan.stdout, /remote-homepage/);
      const { code, stdout, ms } = await remote.up();
      assert.notEqual(code, 0);
      assert.match(stdout, /Connection refused|Connection closed/);
      assert.ok(ms < 60_000, `${ms} ms`);
      assert.deepEqual(await remote.ids(), before);
    });
  });
});
