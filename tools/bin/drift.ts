import { compare, notApplied } from "../deploy/host/drift";
import { hostShell } from "../deploy/host/shell";
import { takeInventory } from "../deploy/host/inventory";
import { hostAccess } from "../../host/address";
import { readStackFile } from "../../config/file/read";
import { loadStack, unresolved } from "../model/load";
import {
  columns,
  CommandError,
  painter,
  PROJECT_FOLDER,
  runCommand,
  withProgress,
} from "../cli/command";

void runCommand({
  help: `
npm run drift -- [--stack S] [--format table|json]

Compares the containers on the host with what the program says: images, users, capabilities, read-only roots, security
options, limits, networks, mounts, published ports, and containers in the stack's networks that nobody declared.

  --stack S     the stack, Pulumi.S.yaml (default dev)
  --format F    table (default) or json

A limit that the kernel of the host cannot apply is named and not compared.

Exit code: 0 as declared, 1 something differs, 2 could not tell.`,
  options: {
    stack: { type: "string", default: "dev" },
    format: { type: "string", default: "table" },
  },
  main: async ({ values: { stack, format }, signal }) => {
    if (format !== "table" && format !== "json")
      throw new CommandError(`--format: expected table or json, got ${JSON.stringify(format)}`);
    const { config, model } = loadStack(readStackFile(stack, PROJECT_FOLDER), {
      placeholders: true,
    });
    const shell = hostShell(hostAccess(config.host));
    const live = await withProgress("asking the host", takeInventory(shell, stack, signal));
    const drift = compare(stack, model.containers, model.networks, live);
    for (const service of unresolved(model))
      process.stderr.write(
        `images.${service}: has no digest, so its image is not compared; pin it with "npm run pin -- --stack ${stack} ${service}"\n`,
      );
    const unlimited = notApplied(live);
    if (unlimited.length > 0)
      process.stderr.write(
        `the kernel of this host does not apply limits of ${unlimited.join(", ")}, so they are not compared; "docker info" there warns of them\n`,
      );
    if (format === "json") {
      const answer = { version: 1, stack, drift, notApplied: unlimited };
      process.stdout.write(`${JSON.stringify(answer, undefined, 2)}\n`);
    } else if (drift.length === 0) {
      process.stdout.write(`${stack}: ${model.containers.length} containers, all as declared\n`);
    } else {
      const paint = painter(process.stdout);
      const [head = "", ...rows] = columns([
        ["WHERE", "WHAT", "DECLARED", "FOUND"],
        ...drift.map(({ where, kind, expected, found }) => [where, kind, expected, found]),
      ]).split("\n");
      process.stdout.write(`${paint("dim", head)}\n${rows.join("\n")}\n`);
      process.stderr.write(`to get back to what is declared: npm run deploy -- --stack ${stack}\n`);
    }
    return drift.length === 0 ? 0 : 1;
  },
});
