import assert from "node:assert/strict";
import { describeMoved, type MovedTag } from "../../../images/resolve/moved-tags";
import { isPinned, parseReference } from "../../../images/reference";
import { resolveImages, type Images } from "../../../images/resolve/resolve";
import { indexedImage, LINUX_ARM64, platformImage } from "../../support/oci-images";
import { imageIn, insecure, registryFixture } from "../../support/registry-fixture";
import type { Fault } from "../../support/registry-faults";
import type { FakeRegistry } from "../../support/registry-server";

const { start } = registryFixture();
const REVISION = "org.opencontainers.image.revision";
const build = (month: string) =>
  platformImage({ created: `2026-${month}-01T00:00:00Z`, annotations: { [REVISION]: "a" } });
const first = build("09");
const old = indexedImage([first]);
const rebuilt = indexedImage([build("10")]);
const noop = indexedImage([first, platformImage({ platform: LINUX_ARM64 })]);

/** `team/app:1` was the old image and is the new one. */
async function moved(to = rebuilt): Promise<{ registry: FakeRegistry; images: Images }> {
  const registry = await start();
  registry.putImage("team/app", old);
  registry.putImage("team/app", to, "1");
  return { registry, images: { app: imageIn(registry, `team/app:1@${old.index.digest}`) } };
}

const resolve = (registries: readonly FakeRegistry[], images: Images, withinMs = 4000) =>
  resolveImages(images, {
    registries: insecure(registries),
    checkTags: true,
    platform: "linux/amd64",
    tagsWithinMs: withinMs,
  });

const kinds = (tags: readonly MovedTag[]) =>
  tags.map(({ service, change }) => [service, change?.kind]);

describe("a moved tag in a preview", () => {
  it("is reported with its kind and the date of the new build", async () => {
    const { registry, images } = await moved();
    const resolution = await resolve([registry], images);
    assert.deepEqual(resolution.images, images);
    assert.deepEqual(resolution.moved, [
      {
        service: "app",
        image: images.app,
        current: rebuilt.index.digest,
        change: { kind: "rebuild", created: new Date("2026-10-01T00:00:00Z") },
      },
    ]);
    assert.deepEqual([registry.count("get"), registry.count("blob")], [4, 2]);
  });

  it("is told from one that changes nothing for the host", async () => {
    const { registry, images } = await moved(noop);
    assert.deepEqual(kinds((await resolve([registry], images)).moved), [["app", "platform-noop"]]);
  });

  it("costs no GET if no tag moved", async () => {
    const { registry, images } = await moved(old);
    assert.deepEqual((await resolve([registry], images)).moved, []);
    assert.deepEqual([registry.count("get"), registry.count("blob")], [0, 0]);
  });

  const faults: readonly [title: string, failing: string, fault: Fault][] = [
    ["reading it takes too long", "blob", { do: "hang" }],
    ["an image cannot be read", "get", { do: "answer", status: 403 }],
  ];
  for (const [title, failing, fault] of faults)
    it(`is reported without kind if ${title}, and no connection is left`, async () => {
      const { registry, images } = await moved();
      registry.fault = ({ kind }) => (kind === failing ? fault : undefined);
      const started = performance.now();
      assert.deepEqual(kinds((await resolve([registry], images, 300)).moved), [["app", undefined]]);
      assert.ok(performance.now() - started < 2000);
      await registry.whenUnconnected();
    });

  it("is looked into while another registry does not answer", async () => {
    const [{ registry, images }, down] = [await moved(), await start()];
    down.fault = () => ({ do: "hang" });
    const all = { ...images, down: imageIn(down, `team/app:1@${old.index.digest}`) };
    const resolution = await resolve([registry, down], all, 700);
    assert.deepEqual(kinds(resolution.moved), [["app", "rebuild"]]);
    assert.deepEqual(
      resolution.unchecked.map(({ service }) => service),
      ["down"],
    );
  });
});

describe("a line about a moved tag", () => {
  const image = parseReference(`traefik:v3.6.4@sha256:${"1".repeat(64)}`);
  const current = parseReference(`traefik@sha256:${"2".repeat(64)}`).digest;
  assert.ok(isPinned(image) && current !== undefined);
  const tag: MovedTag = { service: "traefik", image, current };
  const said = { stack: "prod", now: new Date("2026-11-24T00:00:00Z") };
  const digests = `from sha256:${"1".repeat(64)} to sha256:${"2".repeat(64)}`;
  const way =
    "the pin stays, `npm run pin -- --stack prod traefik` shows the change and updates the pin";
  const table: readonly [change: MovedTag["change"], shown: string][] = [
    [
      { kind: "rebuild", created: new Date("2026-11-20T00:00:00Z") },
      " (rebuild, built 4 days ago)",
    ],
    [
      { kind: "rebuild", created: new Date("2099-10-02T00:00:00Z") },
      " (rebuild, dated in the future)",
    ],
    [{ kind: "retagged", created: undefined }, " (retagged, of unknown age)"],
    [undefined, ""],
  ];
  for (const [change, shown] of table)
    it(`says "moved${shown}" and names the command that shows the change`, () => {
      assert.equal(
        describeMoved({ ...tag, ...(change !== undefined && { change }) }, said),
        `images.traefik: traefik:v3.6.4 moved${shown} ${digests}; ${way}`,
      );
    });

  it("names no stack for the dev stack", () => {
    assert.match(
      describeMoved(tag, { ...said, stack: "dev" }),
      /`npm run pin traefik` shows the change and updates the pin$/,
    );
  });
});
