/** The command `npm run pin`. */
import { runCommand, surroundings } from "../cli/command";
import { runPin } from "../pin/run";

void runCommand({
  help: `
npm run pin -- [service[=tag|@level] …] [--stack S] [--check] [--all] [--upgrade LEVEL] [--minimum-age 3d] [--format F]
npm run pin -- [service …] --outdated [--stack S] [--format table|json]

Asks the registries for the current digests of a stack's image tags, explains each change, and writes the new digests to
Pulumi.S.yaml. The rest of that file stays as it is. Verifies signatures, keeps them in signatures/SERVICE.sigstore.json, and
does not take an image that its policy in "trust" refuses. Default: all services.

Run it before the first deployment, "npm run pin -- --stack dev": the digests that come with this project are from public
records, and no registry was asked for them.

  service=tag         change the tag, and pin it
  service@level       take the newest version within a level: patch, minor or major. n8n and n8n-runners move together
  --upgrade LEVEL     the same for all services, or for those that are named
  --outdated          only list newer versions from the registries' tags, with their ages and the end of the pinned line
  --stack S           the stack, Pulumi.S.yaml (default dev)
  --check             write nothing
  --all               also take changes that do not affect the host's platform (platform-noop)
  --minimum-age AGE   hold younger images back: 3d, 12h, 0 (default: the stack's minimumAge)
  --format F          table, json or markdown (default table)

Exit code: 0 done, 2 an image failed (the others are still written) or the file cannot be written.
With --check: 0 all images are as pinned, 1 a tag has moved or an image has no digest, 2 an image failed.
With --outdated: 0 no newer version, 1 there are some, 2 a registry could not tell.
docs/updating-digests.md explains the kinds of change.`,
  options: {
    stack: { type: "string", default: "dev" },
    check: { type: "boolean", default: false },
    all: { type: "boolean", default: false },
    outdated: { type: "boolean", default: false },
    upgrade: { type: "string" },
    "minimum-age": { type: "string" },
    format: { type: "string", default: "table" },
  },
  allowPositionals: true,
  main: ({ values, positionals, signal }) =>
    runPin({
      ...values,
      minimumAge: values["minimum-age"],
      args: positionals,
      ...surroundings(signal),
    }),
});
