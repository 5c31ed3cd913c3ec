import { resolve } from "node:path";

import { readStackFile, StackFile } from "../../config/file/read";
import { Model, synth } from "../../tools/model/synth";

/** The stack of the golden files of reports: tests/golden/Pulumi.golden.yaml. */
export const goldenStack = (): StackFile => readStackFile("golden", resolve("tests/golden"));

/** What it would deploy, with some keys said otherwise. */
export function goldenModel(said: Readonly<Record<string, unknown>> = {}): Promise<Model> {
  const file = goldenStack();
  const keys = Object.entries(said).map(
    ([key, value]) => [`pinned-stack:${key}`, JSON.stringify(value)] as const,
  );
  const config = { ...file.config, ...Object.fromEntries(keys) };
  return synth({ ...file, config }, { placeholders: true });
}
