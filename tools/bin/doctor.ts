import { Check, hasProblem } from "../deploy/checks/check";
import { examine, examineOutside } from "../deploy/checks/doctor";
import { loadTarget } from "../deploy/pulumi/target";
import { CommandError, painter, runCommand, withProgress } from "../cli/command";

void runCommand({
  help: `
npm run doctor -- [--stack S] [--format table|json]

Looks at everything that a deployment needs, one line each: configuration, Pulumi and its plugins, passphrase, host,
Docker, disk, clock, ports, registries, DNS.

  --stack S     the stack, Pulumi.S.yaml (default dev)
  --format F    table (default) or json

Exit code: 0 no problem, 1 a problem, 2 a wrong option or no such stack. What is unknown is no problem.`,
  options: {
    stack: { type: "string", default: "dev" },
    format: { type: "string", default: "table" },
  },
  main: async ({ values: { stack, format }, signal }) => {
    if (format !== "table" && format !== "json")
      throw new CommandError(`--format: expected table or json, got ${JSON.stringify(format)}`);
    const paint = painter(process.stdout);
    const colours = { ok: "green", problem: "red", unknown: "yellow" } as const;
    const show = (check: Check): void => {
      if (format === "json") return;
      const fix = check.fix === undefined ? "" : `; ${check.fix}`;
      const status = paint(colours[check.status], check.status.padEnd(7));
      process.stdout.write(`${status}  ${check.name}: ${check.text}${fix}\n`);
    };
    const { checks, loaded, config } = await examine(stack, { signal, onCheck: show });
    const all = [...checks];
    const plain =
      loaded === undefined || config === undefined ? undefined : loadTarget(stack, config).config;
    const outside = await withProgress("asking registries", examineOutside(loaded, plain, signal));
    outside.forEach(show);
    all.push(...outside);
    if (format === "json")
      process.stdout.write(`${JSON.stringify({ version: 1, stack, checks: all }, undefined, 2)}\n`);
    return hasProblem(all) ? 1 : 0;
  },
});
