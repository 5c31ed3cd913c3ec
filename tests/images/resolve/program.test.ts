import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { resolveForPulumi } from "../../../images/resolve/program";
import { indexedImage, platformImage } from "../../support/oci-images";
import { imageIn, insecure, registryFixture, withoutPorts } from "../../support/registry-fixture";
import type { FakeRegistry } from "../../support/registry-server";

const { start } = registryFixture();
const annotations = { "org.opencontainers.image.revision": "a" };
const old = indexedImage([platformImage({ created: "2020-09-01T00:00:00Z", annotations })]);
const rebuilt = indexedImage([platformImage({ created: "2020-10-01T00:00:00Z", annotations })]);

/** As Pulumi would run it. */
async function run(kind: "preview" | "update"): Promise<void> {
  await pulumi.runtime.setMocks(
    {
      newResource: ({ name, inputs }) => ({ id: name, state: inputs as object }),
      call: () => ({}),
    },
    "pinned-stack",
    "prod",
    kind === "preview",
  );
}

const configOf = (registry: FakeRegistry, image: string, checkTags = true) => ({
  stack: "prod",
  platform: "linux/amd64",
  images: { app: imageIn(registry, image) },
  registries: insecure([registry]),
  checkTags,
});

describe("the images of a Pulumi run", () => {
  let registry: FakeRegistry;
  const pinned = `team/app:1@${old.index.digest}`;
  beforeEach(async () => {
    registry = await start();
    registry.putImage("team/app", old);
    registry.putImage("team/app", rebuilt, "1");
  });
  after(() => run("update"));

  it("are the pins, and a preview warns of a moved tag in one line with kind and age", async () => {
    await run("preview");
    const config = configOf(registry, pinned);
    const { images, warnings } = await resolveForPulumi(config);
    assert.deepEqual(images, config.images);
    assert.deepEqual(
      warnings.map(({ service, message }) => [
        service,
        withoutPorts(message, registry).replace(/\d+ years/, "N years"),
      ]),
      [
        [
          "app",
          `images.app: REGISTRY/team/app:1 moved (rebuild, built N years ago) from ${old.index.digest} to ${rebuilt.index.digest}; the pin stays, \`npm run pin -- --stack prod app\` shows the change and updates the pin`,
        ],
      ],
    );
  });

  it("are resolved anew by an update, which says so of each bare tag", async () => {
    const config = configOf(registry, "team/app:1");
    await run("preview");
    const before = await resolveForPulumi(config);
    registry.putImage("team/app", old, "1");
    await run("update");
    const after = await resolveForPulumi(config);
    assert.deepEqual([before.images.app?.digest, before.warnings], [rebuilt.index.digest, []]);
    assert.equal(after.images.app?.digest, old.index.digest);
    assert.deepEqual(
      after.warnings.map(({ service, message }) => [service, withoutPorts(message, registry)]),
      [
        [
          "app",
          `images.app: REGISTRY/team/app:1 has no digest, so this update resolved it again, to ${old.index.digest}, which may differ from the preview; pin it with \`npm run pin -- --stack prod app\``,
        ],
      ],
    );
  });

  for (const [kind, checkTags] of [
    ["preview", false],
    ["update", true],
  ] as const)
    it(`are the pins, and no registry is asked, in ${kind === "update" ? "an" : "a"} ${kind} with checkTags ${checkTags}`, async () => {
      await run(kind);
      const { warnings } = await resolveForPulumi(configOf(registry, pinned, checkTags));
      assert.deepEqual([warnings, registry.connections], [[], 0]);
    });

  it("are the pins if the registry fails, with a warning", async () => {
    await run("preview");
    registry.fault = () => ({ do: "babble", text: "no\r\n" });
    const config = configOf(registry, pinned);
    const { images, warnings } = await resolveForPulumi(config);
    assert.deepEqual(images, config.images);
    assert.deepEqual(
      warnings.map(({ message }) => withoutPorts(message, registry)),
      ["images.app: REGISTRY/team/app:1 not checked: REGISTRY does not speak HTTP; the pin stays"],
    );
  });

  it("are refused as a message of its own where a bare tag has no answer", async () => {
    await run("update");
    await assert.rejects(resolveForPulumi(configOf(registry, "team/app:2")), (error) => {
      assert.ok(pulumi.RunError.isInstance(error));
      assert.match(error.message, /^images\.app: /);
      return true;
    });
  });

  it("are refused by a preview where they need a health check and have none; an update asks no registry", async () => {
    const config = { ...configOf(registry, pinned), ownHealthChecks: ["app"] };
    await run("preview");
    await assert.rejects(resolveForPulumi(config), /^ResolveError: services\.app\.healthcheck: /);
    const offline = await resolveForPulumi({ ...config, checkTags: false });
    assert.deepEqual(offline.warnings, []);
    await run("update");
    const { warnings } = await resolveForPulumi(config);
    assert.deepEqual(warnings, []);
  });
});
