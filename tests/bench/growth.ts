/** What a stack costs as it grows: synthetic services from the program's own components, 7, 21 and 70 of them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { columns } from "../../tools/cli/command";
import { compose, composePlugin } from "../support/compose";
import { IMAGES } from "../support/requirements";
import { succeeded, type Result } from "../support/run";
import type { World } from "../support/world";
import type { Bench } from "./run";
import { benchStack, inWorld } from "./support/engine-world";
import { inTurns, seconds, twoDigits } from "./support/measure";
import { syntheticCompose } from "./support/synthetic-compose";

const SIZES = [7, 21, 70] as const;
const ROUNDS = 3;

export const bench: Bench = {
  title: `a stack as it grows, median of ${ROUNDS} runs where it says so`,
  run: (print) =>
    inWorld({ images: [IMAGES.homepage], pulumi: true }, async (world) => {
      const rows: string[][] = [];
      for (const size of SIZES) rows.push(await measure(world, size));
      print(
        columns([
          [
            "services",
            "resources",
            "first up s",
            "no-op preview s",
            "no-op up s",
            "program MiB",
            "compose up s",
            "compose config s",
          ],
          ...rows,
        ]),
      );
    }),
};

async function measure(world: World, size: number): Promise<string[]> {
  const image = await world.pinned(IMAGES.homepage);
  succeeded("docker pull", await world.docker.cli(["pull", "--quiet", image]));
  const stack = await benchStack(world, "synthetic", {
    BENCH_DOCKER: world.docker.address,
    BENCH_IMAGE: image,
    BENCH_SIZE: String(size),
  });
  await stack.configure("config: {}\n");
  const first = await seconds("pulumi up", () => stack.up());
  const [preview = NaN, up = NaN] = await atRest(world, () =>
    inTurns(ROUNDS, [
      { name: "pulumi preview", work: () => stack.preview("--expect-no-changes") },
      { name: "pulumi up", work: () => stack.up("--expect-no-changes") },
    ]),
  );
  const memory = stack.peakMiB();
  const state = JSON.parse(await stack.exportState()) as {
    readonly deployment: { readonly resources: readonly { readonly custom: boolean }[] };
  };
  const resources = state.deployment.resources.filter(({ custom }) => custom).length;
  succeeded("pulumi destroy", await stack.destroy());
  return [
    String(size),
    String(resources),
    ...[first, preview, up].map(twoDigits),
    String(memory),
    ...(await withCompose(world, size, image)),
  ];
}

/**
 * The health checks of seventy containers keep a small machine busy, and what is measured looks at none of them: they are
 * paused meanwhile.
 */
async function atRest<T>({ docker }: World, work: () => Promise<T>): Promise<T> {
  const ids = (await docker.ask("ps", "--quiet")).split("\n");
  await docker.ask("pause", ...ids);
  const result = await work();
  await docker.ask("unpause", ...ids);
  return result;
}

async function withCompose(world: World, size: number, image: string): Promise<string[]> {
  if (composePlugin() === undefined) return ["not installed", ""];
  const file = join(world.host.directory, `synthetic-${size}.yaml`);
  writeFileSync(file, syntheticCompose(size, image));
  const run = (...words: readonly string[]): Promise<Result> =>
    compose(world.docker, ["--file", file, ...words]);
  const first = await seconds("compose up", () => run("up", "--detach", "--wait"));
  const [config = NaN] = await atRest(world, () =>
    inTurns(ROUNDS, [{ name: "compose config", work: () => run("config", "--quiet") }]),
  );
  succeeded("compose down", await run("down", "--volumes", "--timeout", "1"));
  return [first, config].map(twoDigits);
}
