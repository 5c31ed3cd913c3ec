import assert from "node:assert/strict";

import { StackModel } from "../../../../components/model";
import { Check } from "../../../../tools/deploy/checks/check";
import { dnsChecks, registryChecks } from "../../../../tools/deploy/checks/network";
import { ImageReference, parseDigest, pinTo } from "../../../../images/reference";
import { Registries } from "../../../../images/registry/client";
import { ENCRYPTED } from "../../../../text/messages";
import { indexedImage, platformImage } from "../../../support/oci-images";
import {
  imageIn,
  insecure,
  registryFixture,
  withoutPorts,
} from "../../../support/registry-fixture";
import type { FakeRegistry } from "../../../support/registry-server";

const host = { address: "ssh://deploy@server.example.com", hostKey: "unused" };
const ingress = (name: string): Pick<StackModel, "ingress"> => ({
  ingress: { routes: [{ host: name }] } as unknown as StackModel["ingress"],
});

const names: Readonly<Record<string, readonly string[]>> = {
  "server.example.com": ["192.0.2.1", "2001:db8::1"],
  "here.example.com": ["2001:db8::1"],
  "elsewhere.example.com": ["192.0.2.9"],
};
const resolve = (name: string): Promise<readonly string[]> => Promise.resolve(names[name] ?? []);

describe("the doctor's look at DNS", () => {
  for (const [name, expected] of [
    ["here.example.com", [{ name: "dns", status: "ok", text: "1 names lead to the host" }]],
    [
      "elsewhere.example.com",
      [
        {
          name: "dns",
          status: "unknown",
          text: "elsewhere.example.com leads to 192.0.2.9",
          fix: "let these names lead to 192.0.2.1, 2001:db8::1",
        },
      ],
    ],
    [
      "nowhere.example.com",
      [
        {
          name: "dns",
          status: "unknown",
          text: "nowhere.example.com has no address",
          fix: "let these names lead to 192.0.2.1, 2001:db8::1",
        },
      ],
    ],
    ["homepage.localhost", []],
  ] as const)
    it(`warns and no more: ${name}`, async () => {
      assert.deepEqual(await dnsChecks({ host }, ingress(name), resolve), expected);
    });
});

describe("the doctor's look at registries", () => {
  const { start } = registryFixture();
  const image = indexedImage([platformImage()]);
  const gone = parseDigest(`sha256:${"0".repeat(64)}`);

  const look = async (
    registry: FakeRegistry,
    images: Readonly<Record<string, ImageReference>>,
    registries: Registries = insecure([registry]),
  ): Promise<string> => {
    const checks = await registryChecks({ images, registries }, undefined, 1000);
    assert.equal(checks.length, 1);
    const { status, text, fix } = checks[0] as Check;
    return withoutPorts(`${status}: ${text}${fix === undefined ? "" : `; ${fix}`}`, registry);
  };

  it("asks for what a pin names, with a tag or without, and for the tag where there is no pin", async () => {
    const registry = await start({ auth: "none" });
    registry.putImage("team/app", image, "1");
    const tagged = imageIn(registry, "team/app:1");
    const { tag, ...bare } = tagged;
    assert.equal(tag, "1");
    const found = await look(registry, {
      traefik: tagged,
      homepage: pinTo(tagged, image.index.digest),
      n8n: pinTo(bare, image.index.digest),
    });
    assert.equal(found, "ok: REGISTRY has 3 of 3 images");
    assert.deepEqual(registry.log.map(({ path }) => path).sort(), [
      "/v2/team/app/manifests/1",
      `/v2/team/app/manifests/${image.index.digest}`,
    ]);
  });

  it("says that a pinned image is gone, whatever its tag is now", async () => {
    const registry = await start({ auth: "none" });
    registry.putImage("team/app", image, "1");
    assert.match(
      await look(registry, { traefik: pinTo(imageIn(registry, "team/app:1"), gone) }),
      /^problem: REGISTRY: traefik: .*; the pinned image is gone; pin another one with npm run pin$/,
    );
  });

  it("says of a registry that is away that it unknown, without a tag too", async () => {
    const registry = await start({ auth: "none" });
    const { tag, ...bare } = imageIn(registry, "team/app:1");
    assert.equal(tag, "1");
    registry.fault = () => ({ do: "reset" });
    assert.match(
      await look(registry, { traefik: pinTo(bare, gone) }),
      /^unknown: REGISTRY: traefik: /,
    );
  });

  it("tells the worst of several answers", async () => {
    const registry = await start({ auth: "none" });
    registry.putImage("team/app", image, "1");
    registry.fault = ({ path }) =>
      path.includes("first") ? { do: "answer", status: 500 } : undefined;
    assert.match(
      await look(registry, {
        traefik: imageIn(registry, "team/first:1"),
        homepage: imageIn(registry, "team/second:1"),
      }),
      /^problem: .*; correct the name or the tag in pinned-stack:images$/,
    );
  });

  it("does not send what stands for a password that could not be read", async () => {
    const registry = await start({ auth: "basic", credentials: { username: "u", password: "p" } });
    registry.putImage("team/app", image, "1");
    const images = { traefik: imageIn(registry, "team/app:1") };
    const closed = insecure([registry], { username: "u", password: ENCRYPTED });
    assert.equal(
      await look(registry, images, closed),
      "unknown: REGISTRY: its password is encrypted and could not be read; set the passphrase, as the line about it says",
    );
    assert.deepEqual(registry.log, []);
    const open = insecure([registry], { username: "u", password: "p" });
    assert.equal(await look(registry, images, open), "ok: REGISTRY has 1 of 1 images");
  });
});
