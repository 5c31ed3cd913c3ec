import { painter, PROJECT_FOLDER, runCommand } from "../cli/command";
import { runPin } from "../pin/run";

void runCommand({
  help: `
npm run pin -- [service[=tag] …] [--stack S] [--check] [--all] [--minimum-age 3d] [--format table|json|markdown]

Asks the registries for the current digests of a stack's image tags, explains each change, and writes the new digests to
Pulumi.S.yaml. Nothing else in that file changes. Default: all services.

  service=tag         change the tag, and pin it
  --stack S           the stack, Pulumi.S.yaml (default dev)
  --check             write nothing
  --all               also take changes that do not affect the host (platform-noop)
  --minimum-age AGE   hold images that are younger: 3d, 12h, 0 (default: the stack's minimumAge)
  --format F          table, json or markdown (default table)

Exit code: 0 when done, 2 if an image failed or the file could not be written; the other images are written all the same.
With --check: 0 all as pinned, 1 a tag moved or has no digest, 2 an image failed, whatever else moved.
docs/updating-digests.md explains the kinds of change.`,
  options: {
    stack: { type: "string", default: "dev" },
    check: { type: "boolean", default: false },
    all: { type: "boolean", default: false },
    "minimum-age": { type: "string" },
    format: { type: "string", default: "table" },
  },
  words: true,
  main: ({ values, words, signal }) =>
    runPin({
      ...values,
      minimumAge: values["minimum-age"],
      words,
      folder: PROJECT_FOLDER,
      signal,
      out: process.stdout,
      err: process.stderr,
      paint: painter(process.stdout),
    }),
});
