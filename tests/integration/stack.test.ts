/** All seven services on a real engine, a real daemon and a real SSH connection; what is real in the images: docs. */
import assert from "node:assert/strict";

import { condition, services } from "../support/inspect";
import { IMAGES } from "../support/requirements";
import { succeeded } from "../support/run";
import { useWorld } from "../support/world";
import { allWell, changes } from "./stack/changes";
import { conversations } from "./stack/conversations";
import { entrance } from "./stack/entrance";
import { metrics } from "./stack/metrics";
import { proxies } from "./stack/proxies";
import { restrictions } from "./stack/restrictions";
import { secrets } from "./stack/secrets";
import { slowClients } from "./stack/slow-clients";
import { keepFigures, measured, newWhole, STACK, type Whole } from "./stack/whole";

describe("the whole stack, deployed over SSH", function () {
  this.timeout(20_000);
  let made: Whole | undefined;
  after(async () => {
    if (made !== undefined) await keepFigures(made);
  });
  const world = useWorld({ images: Object.values(IMAGES), pulumi: true, browser: true });
  const whole = (): Whole => {
    if (made === undefined) throw new Error("the stack exists only while its tests run");
    return made;
  };

  before(async function () {
    this.timeout(180_000);
    made = await newWhole(world());
    const { deployment } = made;
    succeeded("preview", await measured(made, "first preview", () => deployment.preview("--diff")));
    succeeded("up", await measured(made, "first up", () => deployment.up()));
  });

  it("is healthy when the first up ends", async () => {
    const all = await services(world(), STACK);
    const conditions = Object.entries(all).map(([name, one]) => [name, condition(one)]);
    assert.deepEqual(Object.fromEntries(conditions), {
      traefik: "healthy",
      homepage: "healthy",
      portainer: "running",
      n8n: "healthy",
      postgres: "healthy",
      cadvisor: "healthy",
      "socket-proxy-portainer": "healthy",
    });
  });

  for (const [name, options] of [
    ["no-op preview", []],
    ["no-op preview with refresh", ["--refresh"]],
  ] as const)
    it(`has nothing left to do in a ${name}`, async function () {
      this.timeout(60_000);
      const result = await measured(whole(), name, () =>
        whole().deployment.preview("--expect-no-changes", ...options),
      );
      assert.equal(result.code, 0, result.stdout);
      assert.match(result.stdout, /\d+ unchanged/);
    });

  it("takes less than half a GiB of memory at rest", async () => {
    const { figures } = whole();
    const ids = Object.values(await allWell(whole())).map(({ Id }) => Id);
    const stats = await world().docker.ask(
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
  describe("in conversation", () => {
    conversations(whole);
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
    entrance(whole);
    slowClients(whole);
  });
  describe("while it changes", () => {
    changes(whole);
  });
});
