/** The command `npm run doctor`. */
import { Check, hasProblem, lineOf } from "../deploy/checks/check";
import { examine, examineAdoption, examineOutside } from "../deploy/checks/doctor";
import { backupChecks } from "../backup/freshness";
import { loadTarget } from "../deploy/pulumi/target";
import { choice, jsonText, painter, runCommand, withProgress } from "../cli/command";

void runCommand({
  help: `
npm run doctor -- [--stack S] [--format table|json]

Checks everything that a deployment needs: configuration, Pulumi and its plugins, passphrase, host, Docker, disk, clock,
ports, registries, DNS, and how old the backups are.

  --stack S     the stack, Pulumi.S.yaml (default dev)
  --format F    table (default) or json

Exit code: 0 no problem (also if a check could not run: "unknown"), 1 a problem, 2 an invalid option or no such stack.`,
  options: {
    stack: { type: "string", default: "dev" },
    format: { type: "string", default: "table" },
  },
  main: async ({ values: { stack, format }, signal }) => {
    const isJson = choice("format", format, ["table", "json"]) === "json";
    const paint = painter(process.stdout);
    const show = (check: Check): void => {
      if (!isJson) process.stdout.write(`${lineOf(check, paint)}\n`);
    };
    const findings = await examine(stack, { signal, onCheck: show });
    const { checks, loaded, config } = findings;
    const adoption = await examineAdoption(findings, signal);
    adoption.forEach(show);
    const decrypted = loaded && config && loadTarget(stack, config).config;
    const outside = await withProgress(
      "checking registries and DNS",
      examineOutside(loaded, decrypted, signal),
    );
    outside.forEach(show);
    const backups = await withProgress("asking for backups", backupChecks(loaded, signal));
    backups.forEach(show);
    const all = [...checks, ...adoption, ...outside, ...backups];
    if (isJson) process.stdout.write(jsonText({ version: 1, stack, checks: all }));
    return hasProblem(all) ? 1 : 0;
  },
});
