/** All seven services on a real engine, a real daemon and a real SSH connection; what is real in the images: docs. */
import assert from "node:assert/strict";

import { allWell, changes } from "./stack/changes";
import { ingress } from "./stack/ingress";
import { links } from "./stack/links";
import { metrics } from "./stack/metrics";
import { proxies } from "./stack/proxies";
import { restrictions } from "./stack/restrictions";
import { secrets } from "./stack/secrets";
import { slowClients } from "./stack/slow-clients";
import { deployedWhole } from "./stack/deployed";

describe("the whole stack, deployed over SSH", function () {
  this.timeout(20_000);
  const whole = deployedWhole("stack", { browser: true });

  it("takes less than half a GiB of memory at rest", async () => {
    const { figures } = whole();
    const ids = Object.values(await allWell(whole())).map(({ Id }) => Id);
    const stats = await whole().world.docker.ask(
      "stats",
      "--no-stream",
      "--format={{.MemUsage}}",
      ...ids,
    );
    const used = stats.split("\n").map((line) => {
      const [, amount = "", unit] = /^([\d.]+)(KiB|MiB|GiB) \//.exec(line) ?? [];
      return Number(amount) * { KiB: 1 / 1024, MiB: 1, GiB: 1024 }[unit as "KiB" | "MiB" | "GiB"];
    });
    const total = Math.round(used.reduce((sum, one) => sum + one, 0));
    figures["memory MiB"] = total;
    assert.ok(total > 50 && total < 512, `${total} MiB`);
  });

  describe("under the policy", () => {
    restrictions(whole);
  });
  describe("on their networks", () => {
    links(whole);
  });
  describe("with the Docker socket", () => {
    proxies(whole);
  });
  describe("and its metrics", () => {
    metrics(whole);
  });
  describe("and its secrets", () => {
    secrets(whole);
  });
  describe("seen from outside", () => {
    ingress(whole);
    slowClients(whole);
  });
  describe("while it changes", () => {
    changes(whole);
  });
});
