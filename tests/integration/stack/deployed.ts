/** The whole stack deployed for the tests of a suite, and what holds right afterwards on any engine. */
import assert from "node:assert/strict";

import { condition, services } from "../../support/inspect";
import { IMAGES, type Needs } from "../../support/requirements";
import { succeeded } from "../../support/run";
import { useWorld } from "../../support/world";
import { keepFigures, measured, newWhole, STACK, type Whole } from "./whole";

/**
 * Inside a `describe`, for its tests.
 * @param name of the file in test-output/ that keeps what was measured
 */
export function deployedWhole(name: string, needs: Needs): () => Whole {
  let made: Whole | undefined;
  after(async () => {
    if (made !== undefined) await keepFigures(made, name);
  });
  const world = useWorld({ images: Object.values(IMAGES), pulumi: true, ...needs });
  const whole = (): Whole => {
    if (made === undefined) throw new Error("the stack exists only while its tests run");
    return made;
  };

  before(async function () {
    this.timeout(300_000);
    made = await newWhole(world());
    const { deployment } = made;
    succeeded("preview", await measured(made, "first preview", () => deployment.preview("--diff")));
    succeeded("up", await measured(made, "first up", () => deployment.up()));
  });

  it("is healthy when the first up ends", async () => {
    const all = await services(whole().world, STACK);
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
  return whole;
}
