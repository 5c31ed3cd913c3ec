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

const textOf = ({ status, text, fix }: Check): string =>
  `${status}: ${text}${fix === undefined ? "" : `; ${fix}`}`;

describe("the doctor's look at DNS", () => {
  for (const [name, expected] of [
    ["here.example.com", /^ok: 1 names/],
    [
      "elsewhere.example.com",
      /^unknown: elsewhere\.example\.com .* 192\.0\.2\.9; .* 192\.0\.2\.1, 2001:db8::1$/,
    ],
    [
      "nowhere.example.com",
      /^unknown: nowhere\.example\.com has no address; .* 192\.0\.2\.1, 2001:db8::1$/,
    ],
    ["homepage.localhost", undefined],
  ] as const)
    it(`warns and no more: ${name}`, async () => {
      const checks = await dnsChecks({ host }, ingress(name), resolve);
      if (expected === undefined) {
        assert.deepEqual(checks, []);
        return;
      }
      const [check, ...rest] = checks;
      assert.ok(check);
      assert.deepEqual([check.name, rest], ["dns", []]);
      assert.match(textOf(check), expected);
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
    return withoutPorts(textOf(checks[0] as Check), registry);
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
      /^problem: REGISTRY: traefik: .* 404 .*; .*npm run pin$/,
    );
  });

  it("says of a registry that is away that it is unknown, without a tag too", async () => {
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
    assert.match(
      await look(registry, images, closed),
      /^unknown: REGISTRY: .*password.*; .*passphrase/,
    );
    assert.deepEqual(registry.log, []);
    const open = insecure([registry], { username: "u", password: "p" });
    assert.equal(await look(registry, images, open), "ok: REGISTRY has 1 of 1 images");
  });
});
