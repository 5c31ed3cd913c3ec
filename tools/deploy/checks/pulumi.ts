/** The doctor's look at Pulumi: the CLI and its plugins, the passphrase, and what an earlier run left in the state. */
import { StackFile } from "../../../config/file/read";
import { pulumiEnvironment } from "../../cli/pulumi-cli";
import { Check, ok, problem, splitFix, unknownCheck, allUnknown } from "./check";
import { PlainConfig } from "../../../config/file/edit";
import { PulumiStack, PulumiMissing, isNoStack, openStack } from "../pulumi/stack";
import { stackLocked } from "../pulumi/lock";
import { moment, unfinished } from "../pulumi/history";

/** Notes a line each for `pulumi`, `passphrase` and `state`; gives what a deployment goes on with. */
export async function checkPulumi(
  file: StackFile,
  { create = false }: { readonly create?: boolean },
  note: (...found: readonly Check[]) => void,
): Promise<{ readonly pulumi?: PulumiStack; readonly config?: PlainConfig }> {
  const { stack } = file;
  let pulumi: PulumiStack;
  try {
    pulumi = await openStack(stack, { create });
  } catch (error) {
    note(...whyNot(file, error));
    return {};
  }
  note(ok("pulumi", "the CLI and its plugins are there"));
  try {
    const config = await pulumi.config();
    note(
      ok(
        "passphrase",
        config.secretKeys.length === 0
          ? "no secret needs it"
          : `it opens ${config.secretKeys.length} secrets`,
      ),
    );
    note(await stateCheck(pulumi));
    return { pulumi, config };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    note(
      isPassphrase(said) ? passphraseProblem(stack) : problem("pulumi", lastLine(said)),
      ...allUnknown(["state"], "it was not looked at"),
    );
    return {};
  }
}

function whyNot(file: StackFile, error: unknown): Check[] {
  const { stack } = file;
  const said = error instanceof Error ? error.message : String(error);
  const there = ok("pulumi", "the CLI and its plugins are there");
  if (isNoStack(error))
    return [
      there,
      passphraseOfNewStack(file),
      ok("state", `nothing is deployed yet; start with: npm run deploy -- --stack ${stack}`),
    ];
  if (isPassphrase(said))
    return [there, passphraseProblem(stack), ...allUnknown(["state"], "it was not looked at")];
  const problems =
    error instanceof PulumiMissing
      ? error.problems.map((line) =>
          problem("pulumi", line, "npm install, with a connection to the internet"),
        )
      : [
          problem(
            "pulumi",
            lastLine(said),
            "check the backend in Pulumi.yaml or PULUMI_BACKEND_URL",
          ),
        ];
  return [...problems, ...allUnknown(["passphrase", "state"], "Pulumi could not be asked")];
}

/** What earlier runs left. Nothing of it is a problem: a deployment begins with it. */
export async function stateCheck(
  pulumi: Pick<PulumiStack, "stack" | "state" | "history" | "locks">,
): Promise<Check> {
  const [state, history, [held]] = await Promise.all([
    pulumi.state(),
    pulumi.history(false),
    pulumi.locks(),
  ]);
  if (held !== undefined) {
    const { text, fix } = splitFix(stackLocked(pulumi.stack, held));
    return unknownCheck("state", text, fix);
  }
  const broken = unfinished(history);
  const again = `npm run deploy -- --stack ${pulumi.stack}`;
  if (state.pending.length > 0)
    return unknownCheck(
      "state",
      `the last run was cut off while ${state.pending.join(", ")}`,
      again,
    );
  if (broken !== undefined)
    return unknownCheck(
      "state",
      `deployment ${broken.number} of ${moment(broken.start)} did not finish`,
      again,
    );
  return ok("state", `${state.resources.length} resources, nothing pending`);
}

const isPassphrase = (said: string): boolean => /passphrase/i.test(said);

function passphraseProblem(stack: string): Check {
  return isPassphraseSet(stack)
    ? problem(
        "passphrase",
        `it does not open the secrets of Pulumi.${stack}.yaml`,
        "set the one that the stack was created with in PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE",
      )
    : problem(
        "passphrase",
        `the secrets of ${stack} are encrypted with one, and none is set`,
        "export PULUMI_CONFIG_PASSPHRASE_FILE=/path/to/a/file with it, or PULUMI_CONFIG_PASSPHRASE",
      );
}

/** A deployment makes the stack first, and with it the key from the passphrase. */
export function passphraseOfNewStack({
  stack,
  secretKeys,
}: Pick<StackFile, "stack" | "secretKeys">): Check {
  if (stack === "dev") return ok("passphrase", "the dev stack has an empty one");
  if (/^https:/.test(process.env.PULUMI_BACKEND_URL ?? ""))
    return unknownCheck("passphrase", "the backend may keep the key of the secrets itself");
  if (!isPassphraseSet(stack)) return passphraseProblem(stack);
  return secretKeys.length === 0
    ? ok("passphrase", "one is set; the stack is created with it")
    : unknownCheck(
        "passphrase",
        "one is set; whether it opens the secrets is known once the stack is created",
      );
}

function isPassphraseSet(stack: string): boolean {
  const env = pulumiEnvironment(stack);
  return (
    env.PULUMI_CONFIG_PASSPHRASE !== undefined || env.PULUMI_CONFIG_PASSPHRASE_FILE !== undefined
  );
}

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? "";
