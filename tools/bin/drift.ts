/** The command `npm run drift`. */
import { compare, unsupportedLimits } from "../deploy/host/drift";
import { hostShell } from "../../host/shell";
import { takeInventory } from "../deploy/host/inventory";
import { hostAccess } from "../../host/address";
import { oneLine } from "../../text/one-line";
import { readStackFile } from "../../config/file/read";
import { loadStack, unresolved } from "../model/load";
import {
  choice,
  jsonText,
  painter,
  PROJECT_FOLDER,
  runCommand,
  table,
  withProgress,
} from "../cli/command";

void runCommand({
  help: `
npm run drift -- [--stack S] [--format table|json]

Compares the containers on the host with their declaration: what they run, their environment, restrictions and limits,
networks, mounts and ports. Reports missing containers, and undeclared ones in the stack's networks and namespaces.
Values of secrets are neither compared nor shown. docs/operations.md lists everything that is compared.

  --stack S     the stack, Pulumi.S.yaml (default dev)
  --format F    table (default) or json

Limits that the host's kernel does not support are listed and not compared.

Exit code: 0 no drift, 1 drift, 2 the comparison failed.`,
  options: {
    stack: { type: "string", default: "dev" },
    format: { type: "string", default: "table" },
  },
  main: async ({ values: { stack, format }, signal }) => {
    const isJson = choice("format", format, ["table", "json"]) === "json";
    const { config, model } = loadStack(readStackFile(stack, PROJECT_FOLDER), {
      placeholders: true,
    });
    const shell = hostShell(hostAccess(config.host));
    const live = await withProgress("inspecting the host", takeInventory(shell, stack, signal));
    const drift = compare(stack, model.containers, model.networks, live);
    for (const service of unresolved(model))
      process.stderr.write(
        `images.${service}: not compared, because it has no digest; pin it with "npm run pin -- --stack ${stack} ${service}"\n`,
      );
    const notApplied = unsupportedLimits(live);
    if (notApplied.length > 0)
      process.stderr.write(
        `limits not compared, because the host's kernel does not support them: ${notApplied.join(", ")}; see the warnings of "docker info" on the host\n`,
      );
    if (isJson) {
      const answer = { version: 1, stack, drift, notApplied };
      process.stdout.write(jsonText(answer));
    } else if (drift.length === 0) {
      process.stdout.write(`${stack}: ${model.containers.length} containers, no drift\n`);
    } else {
      const rows = [
        ["WHERE", "WHAT", "DECLARED", "FOUND"],
        // Names and settings come from the host.
        ...drift.map(({ where, kind, expected, found }) =>
          [where, kind, expected, found].map(oneLine),
        ),
      ];
      process.stdout.write(table(rows, painter(process.stdout)));
      process.stderr.write(`to remove the drift: npm run deploy -- --stack ${stack}\n`);
    }
    return drift.length === 0 ? 0 : 1;
  },
});
