import { hostAccess } from "../../host/address";
import { readStackFile } from "../../config/file/read";
import { StackModel } from "../../components/model";
import { loadStack } from "../model/load";
import { painter, PROJECT_FOLDER, runCommand, table, withProgress } from "../cli/command";
import { offlinePlan } from "../deploy/plan/offline";
import { orderRows } from "../deploy/plan/replace-order";
import { engineProblem, findCli, missingPlugins, pulumiEnvironment, run } from "../cli/pulumi-cli";

void runCommand({
  help: `
npm run preview -- [--stack S] [-- OPTIONS]

Runs "pulumi preview" and shows in which order containers are replaced. If the Pulumi CLI, a plugin or the Docker Engine
is missing, shows the contents of the stack instead (the offline plan).

  --stack S   the stack, Pulumi.S.yaml (default dev)
  OPTIONS     for "pulumi preview": npm run preview -- --stack prod -- --diff

Exit code: that of "pulumi preview"; 0 for the offline plan; 2 if the configuration is invalid.`,
  options: { stack: { type: "string", default: "dev" } },
  allowPositionals: true,
  main: async ({ values: { stack }, positionals, signal }) => {
    const file = readStackFile(stack, PROJECT_FOLDER);
    // First, because problems of the configuration do not depend on Pulumi or Docker.
    const { config, model } = loadStack(file);
    const env = pulumiEnvironment(stack);
    const cli = await withProgress("looking for the Pulumi CLI", findCli(env));
    const program = "program" in cli ? cli.program : undefined;
    const missing = [
      "missing" in cli ? cli.missing : undefined,
      ...(await withProgress("looking for plugins", missingPlugins(program, env))),
      await engineProblem(hostAccess(config.host)),
    ].filter((line) => line !== undefined);
    signal.throwIfAborted();
    if (program === undefined || missing.length > 0) {
      showOffline(model, missing);
      return 0;
    }
    // Keeps the user's selected stack.
    const init = ["stack", "init", "--stack", stack, "--no-select", "--non-interactive"];
    const made = await run(program, init, { env });
    if (made.code !== 0 && !/already exists/.test(made.stderr)) {
      process.stderr.write(made.stderr);
      return made.code;
    }
    const { code } = await run(program, ["preview", "--stack", stack, ...positionals], {
      env,
      stdio: "inherit",
    });
    if (code === 0) {
      process.stdout.write(`\n${table(orderRows(model.containers), painter(process.stdout))}`);
      process.stderr.write(`\n${nextStep(stack)}\n`);
    }
    return code;
  },
});

function showOffline(model: StackModel, missing: readonly string[]): void {
  for (const line of missing) process.stderr.write(`missing: ${line}\n`);
  process.stderr.write(
    "this is the offline plan: it shows the contents of the stack, not what would change\n\n",
  );
  const { headline, services, order, notes } = offlinePlan(model);
  const paint = painter(process.stdout);
  process.stdout.write(`${paint("bold", headline)}\n\n${table(services, paint)}\n`);
  process.stdout.write(`${table(order, paint)}\n${notes.join("\n")}\n`);
}

const nextStep = (stack: string): string =>
  stack === "dev"
    ? "to deploy: PULUMI_CONFIG_PASSPHRASE= npx pulumi up --stack dev"
    : `to deploy: npx pulumi up --stack ${stack}`;
