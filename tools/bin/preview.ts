import { hostAccess } from "../../host/address";
import { readStackFile } from "../../config/file/read";
import { StackModel } from "../../components/model";
import { loadStack } from "../model/load";
import { columns, painter, PROJECT_FOLDER, runCommand, withProgress } from "../cli/command";
import { offlinePlan } from "../deploy/plan/offline";
import { orderRows } from "../deploy/plan/replace-order";
import { findCli, missingEngine, missingPlugins, pulumiEnvironment, run } from "../cli/pulumi-cli";

void runCommand({
  help: `
npm run preview -- [--stack S] [-- words for pulumi preview]

Shows what a deployment would change, and in which order containers are replaced. Where the Pulumi CLI, a plugin or the
Docker engine cannot be had, it says which and why, and shows what the stack consists of instead.

  --stack S   the stack, Pulumi.S.yaml (default dev)
  words       for pulumi, behind a "--" of their own: npm run preview -- --stack prod -- --diff

Exit code: that of "pulumi preview"; 0 for the offline plan; 2 when the configuration has problems.`,
  options: { stack: { type: "string", default: "dev" } },
  words: true,
  main: async ({ values: { stack }, words, signal }) => {
    const file = readStackFile(stack, PROJECT_FOLDER);
    // Problems of the configuration come first: they do not depend on Pulumi or Docker.
    const { config, model } = loadStack(file);
    const env = pulumiEnvironment(stack);
    const cli = await withProgress("looking for the Pulumi CLI", findCli(env));
    const program = "program" in cli ? cli.program : undefined;
    const missing = [
      "missing" in cli ? cli.missing : undefined,
      ...(await withProgress("looking for plugins", missingPlugins(program, env))),
      await missingEngine(hostAccess(config.host)),
    ].filter((line) => line !== undefined);
    signal.throwIfAborted();
    if (program === undefined || missing.length > 0) {
      showOffline(model, missing);
      return 0;
    }
    // Only to have it: the stack that the user has selected stays selected.
    const init = ["stack", "init", "--stack", stack, "--no-select", "--non-interactive"];
    const made = await run(program, init, { env });
    if (made.code !== 0 && !/already exists/.test(made.stderr)) {
      process.stderr.write(made.stderr);
      return made.code;
    }
    const { code } = await run(program, ["preview", "--stack", stack, ...words], {
      env,
      stdio: "inherit",
    });
    if (code === 0) {
      process.stdout.write(`\n${table(orderRows(model.containers))}\n`);
      process.stderr.write(`\n${nextStep(stack)}\n`);
    }
    return code;
  },
});

function showOffline(model: StackModel, missing: readonly string[]): void {
  for (const line of missing) process.stderr.write(`missing: ${line}\n`);
  process.stderr.write(
    "so this is the offline plan: what the stack consists of, not what would change\n\n",
  );
  const { headline, services, order, notes } = offlinePlan(model);
  process.stdout.write(`${painter(process.stdout)("bold", headline)}\n\n${table(services)}\n\n`);
  process.stdout.write(`${table(order)}\n\n${notes.join("\n")}\n`);
}

function table(cells: readonly (readonly string[])[]): string {
  const [head = "", ...rows] = columns(cells).split("\n");
  return [painter(process.stdout)("dim", head), ...rows].join("\n");
}

const nextStep = (stack: string): string =>
  stack === "dev"
    ? "to deploy: PULUMI_CONFIG_PASSPHRASE= npx pulumi up --stack dev"
    : `to deploy: npx pulumi up --stack ${stack}`;
