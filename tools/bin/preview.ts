/** The command `npm run preview`: the plan with an engine, the offline plan without. */
import { hostAccess } from "../../host/address";
import { readStackFile } from "../../config/file/read";
import { printable } from "../../text/one-line";
import { StackModel } from "../../components/model";
import {
  CheckedImage,
  checkImages,
  refuseUnmet,
  verifiedLines,
} from "../../images/signatures/check";
import { LoadedStack, loadStack } from "../model/load";
import {
  CommandError,
  painter,
  PROJECT_FOLDER,
  runCommand,
  table,
  withProgress,
} from "../cli/command";
import { imageChangeKinds } from "../deploy/plan/image-changes";
import { offlinePlan } from "../deploy/plan/offline";
import { previewText } from "../deploy/plan/preview";
import { openStack } from "../deploy/pulumi/stack";
import { orderRows } from "../deploy/plan/replace-order";
import { knownLines } from "../trust/known";
import { engineProblem, findCli, missingPlugins, pulumiEnvironment, run } from "../cli/pulumi-cli";

void runCommand({
  help: `
npm run preview -- [--stack S]
npm run preview -- [--stack S] --full [-- OPTIONS]

Shows what a deployment would change: for each container the image with the kind of its change, the configuration, the
replacement order and the interruption. If the Pulumi CLI, a plugin or the Docker Engine is missing, shows the contents
of the stack instead (the offline plan).

  --stack S   the stack, Pulumi.S.yaml (default dev)
  --full      Pulumi's own plan, resource by resource, and the replacement order of all containers
  OPTIONS     for "pulumi preview", only with --full: npm run preview -- --full -- --diff

Exit code: 0 done, also for the offline plan; 1 Pulumi cannot make the plan; 2 the configuration is invalid, or an image does
not meet its policy in "trust".
With --full: that of "pulumi preview".`,
  options: {
    stack: { type: "string", default: "dev" },
    full: { type: "boolean", default: false },
  },
  allowPositionals: true,
  main: async ({ values: { stack, full }, positionals, signal }) => {
    if (positionals.length > 0 && !full)
      throw new CommandError(
        `${positionals.join(" ")}: options for "pulumi preview" need --full: npm run preview -- --stack ${stack} --full -- ${positionals.join(" ")}`,
      );
    const file = readStackFile(stack, PROJECT_FOLDER);
    // First, because problems of the configuration do not depend on Pulumi or Docker.
    const loaded = loadStack(file);
    const { config, model } = loaded;
    const checked = await checkImages({ ...config, folder: PROJECT_FOLDER });
    refuseUnmet(checked);
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
      showOffline(model, missing, checked);
      showKnown(loaded);
      return 0;
    }
    const code = full
      ? await showFull(program, env, model, positionals)
      : await withProgress(
          "pulumi preview",
          showPlan(loaded, stack, signal, verifiedLines(checked)),
        );
    showKnown(loaded);
    if (code === 0) process.stderr.write(`\n${nextStep(stack, full)}\n`);
    return code;
  },
});

async function showPlan(
  loaded: LoadedStack,
  stack: string,
  signal: AbortSignal,
  verified: readonly string[],
): Promise<number> {
  const pulumi = await openStack(stack, { create: true });
  process.stdout.write(
    `${await previewText(pulumi, loaded, imageChangeKinds, signal, verified)}\n`,
  );
  return 0;
}

/** Pulumi's own plan. Resolves to its exit code. */
async function showFull(
  program: string,
  env: NodeJS.ProcessEnv,
  { stack, containers }: StackModel,
  options: readonly string[],
): Promise<number> {
  // Keeps the user's selected stack.
  const init = ["stack", "init", "--stack", stack, "--no-select", "--non-interactive"];
  const made = await run(program, init, { env });
  if (made.code !== 0 && !/already exists/.test(made.stderr)) {
    process.stderr.write(printable(made.stderr));
    return made.code;
  }
  const args = ["preview", "--stack", stack, ...options];
  const { code } = await run(program, args, { env, stdio: "inherit" });
  if (code === 0)
    process.stdout.write(`\n${table(orderRows(containers), painter(process.stdout))}`);
  return code;
}

function showOffline(
  model: StackModel,
  missing: readonly string[],
  checked: readonly CheckedImage[],
): void {
  for (const line of missing) process.stderr.write(`missing: ${printable(line)}\n`);
  process.stderr.write(
    "this is the offline plan: it shows the contents of the stack, not what would change\n\n",
  );
  const { headline, services, order, notes } = offlinePlan(model);
  const paint = painter(process.stdout);
  process.stdout.write(`${paint("bold", headline)}\n\n${table(services, paint)}\n`);
  const signatures = checked.map(
    ({ service, judgement: { word, text } }) => `signature: ${service}: ${word}: ${text}`,
  );
  process.stdout.write(`${table(order, paint)}\n${[...notes, ...signatures].join("\n")}\n`);
}

/** On stderr, as all that is not the plan itself. */
function showKnown(loaded: LoadedStack): void {
  for (const line of knownLines(loaded, new Date()))
    process.stderr.write(`known: ${printable(line)}\n`);
}

function nextStep(stack: string, full: boolean): string {
  const own = stack === "dev" ? "" : ` --stack ${stack}`;
  const deploy = `to deploy: npm run deploy${own === "" ? "" : ` --${own}`}`;
  return full ? deploy : `for Pulumi's own plan: npm run preview --${own} --full\n${deploy}`;
}
